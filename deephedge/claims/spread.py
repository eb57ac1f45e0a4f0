"""Options on the difference of two prices."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.final_prices import final_prices
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive, real
from deephedge.typing import Array, Float, Scalar


class SpreadOption(AbstractClaim):
    r"""Pays $(S_T^{(\text{long})} - S_T^{(\text{short})} - K)^+$.

    The strike may have any sign. A put on the spread is the call with the two assets exchanged
    and the strike's sign turned.

    Reference: Kirk (1995), Correlation in the energy markets.
    """

    strike: Scalar = eqx.field(converter=real("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    long: int = eqx.field(static=True, default=0)
    short: int = eqx.field(static=True, default=1)

    def payoff(self, path: Path) -> Scalar:
        long, short = final_prices(path, (self.long, self.short), "SpreadOption")
        return jnp.maximum(long - short - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "SpreadOption":
        """A typical member, for tests and documentation."""
        return cls(strike=2.0, maturity=0.25)
