"""Options on capped and floored returns of successive periods."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim, carried
from deephedge.claims.dates import period_ends
from deephedge.markets.base import Path
from deephedge.numerics.checks import at_least_one, positive, real
from deephedge.typing import Array, Float, Scalar


class Cliquet(AbstractClaim):
    r"""Pays notional times the sum of clipped period returns, itself clipped.

    $$N\,\min\Bigl(C, \max\Bigl(F, \sum_{i=1}^n \min(c, \max(f, S_{t_i}/S_{t_{i-1}} - 1))
    \Bigr)\Bigr)$$

    The $n$ periods are equal; one ends at the path's first date on or after its end.
    `progress` is the price that the running period began at and the sum of clipped returns.

    Reference: Wilmott (2002), Cliquet options and volatility models.
    """

    n_periods: int = eqx.field(static=True)
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    local_floor: Scalar = eqx.field(converter=real("local_floor"), default=-1.0)
    local_cap: Scalar = eqx.field(converter=real("local_cap"), default=1e6)
    global_floor: Scalar = eqx.field(converter=real("global_floor"), default=-1e6)
    global_cap: Scalar = eqx.field(converter=real("global_cap"), default=1e6)
    notional: Scalar = eqx.field(converter=positive("notional"), default=100.0)
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        at_least_one(n_periods=self.n_periods)

    def payoff(self, path: Path) -> Scalar:
        total = self.progress(path)[-1, 1]
        return self.notional * jnp.clip(total, min=self.global_floor, max=self.global_cap)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        prices = path.prices[:, self.asset]
        ends = period_ends(path, self.maturity / self.n_periods)

        def step(memory: Array, date: tuple[Array, Array]) -> tuple[Array, Array]:
            price, ended = date
            gain = jnp.clip(price / memory[0] - 1.0, min=self.local_floor, max=self.local_cap)
            memory = jnp.where(ended, jnp.stack([price, memory[1] + gain]), memory)
            return memory, memory

        fresh = jnp.stack([prices[0], jnp.zeros_like(prices[0])])
        return lax.scan(step, carried(path, fresh), (prices, ends))[1]

    @classmethod
    def example(cls) -> "Cliquet":
        """A typical member, for tests and documentation."""
        return cls(
            n_periods=2,
            maturity=0.25,
            local_floor=-0.05,
            local_cap=0.08,
            global_floor=0.0,
            global_cap=0.1,
        )
