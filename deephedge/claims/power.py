"""Options on a power of the price."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class PowerOption(AbstractClaim):
    r"""Pays $(S_T^a - K)^+$ (`call`) or $(K - S_T^a)^+$.

    `strike` is in units of the power of the price. Nothing to remember: `progress` is empty.

    Reference: Heynen and Kat (1996), pricing and hedging power options.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    power: Scalar = eqx.field(converter=positive("power"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    call: bool = eqx.field(static=True, kw_only=True, default=True)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        gain = path.prices[-1, self.asset] ** self.power - self.strike
        return jnp.maximum(gain if self.call else -gain, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "PowerOption":
        """A typical member, for tests and documentation."""
        return cls(strike=10_000.0, power=2.0, maturity=0.25)
