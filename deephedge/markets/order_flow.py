"""A market in which clients come at random times to buy a contract."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import ndtr

from deephedge.markets.base import AbstractMarket, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.checks import non_negative
from deephedge.typing import Array, Float, Scalar


class OrderFlow(AbstractMarket):
    r"""The last factor counts the units sold so far: `sold` at the start, then one more at times.

    At most one order comes in a step, with probability $1 - e^{-\lambda\,\Delta t}$ and `intensity`
    $\lambda$ per year, independent of the prices; it is known from the end of the step on. What
    the count means is for the claim to say (`ArrivingUnits`).

    Reference: Buehler, Murray and Wood (2022), Deep Bellman hedging, section 2, for books whose
    trades arrive at random.
    """

    market: AbstractMarket
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    sold: Scalar = eqx.field(converter=non_negative("sold"), default=1.0)

    @property
    def normals_per_step(self) -> int:
        return self.market.normals_per_step + 1

    def start(self) -> Snapshot:
        now = self.market.start()
        return dataclasses.replace(now, factors=jnp.append(now.factors, self.sold))

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        path = self.market.path(times, normals[:, : self.market.normals_per_step])
        chance = -jnp.expm1(-self.intensity * jnp.diff(times))
        orders = (ndtr(normals[:, -1]) < chance).astype(times.dtype)
        count = self.sold + jnp.concatenate([jnp.zeros_like(orders[:1]), jnp.cumsum(orders)])
        return dataclasses.replace(
            path, factors=jnp.concatenate([path.factors, count[:, None]], axis=1)
        )

    @classmethod
    def example(cls) -> "OrderFlow":
        """A typical member, for tests and documentation."""
        return cls(BlackScholes.example(), intensity=12.0)
