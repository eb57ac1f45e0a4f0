"""The option to exchange one asset for another."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.final_prices import final_prices
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class ExchangeOption(AbstractClaim):
    r"""Pays $(S_T^{(\text{receive})} - \text{ratio}\,S_T^{(\text{give})})^+$.

    The right to give `ratio` units of one asset and receive one unit of another.

    Reference: Margrabe (1978), The value of an option to exchange one asset for another.
    """

    maturity: Scalar = eqx.field(converter=positive("maturity"))
    ratio: Scalar = eqx.field(converter=positive("ratio"), default=1.0)
    receive: int = eqx.field(static=True, default=0)
    give: int = eqx.field(static=True, default=1)

    def payoff(self, path: Path) -> Scalar:
        received, given = final_prices(path, (self.receive, self.give), "ExchangeOption")
        return jnp.maximum(received - self.ratio * given, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "ExchangeOption":
        """A typical member, for tests and documentation."""
        return cls(maturity=0.25)
