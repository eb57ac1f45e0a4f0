"""Nothing sold."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractEuropean, Pieces
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Scalar


class NoClaim(AbstractEuropean):
    """Pays nothing: the P&L is the terminal wealth, in today's money, of a premium invested.

    What a portfolio strategy runs against: `HedgingProblem.premium` is its initial wealth, and
    `maturity` (years) the end of its horizon.
    """

    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        # A product, not a constant: pricers differentiate it like any other payoff.
        return 0.0 * path.prices[-1, self.asset]

    def pieces(self) -> Pieces:
        # One half-line on which nothing is paid, so that whatever prices a call prices this.
        nothing = jnp.zeros_like(self.maturity)[None]
        return Pieces(cash=nothing, shares=nothing, strike=nothing, sign=1.0 + nothing)

    @classmethod
    def example(cls) -> "NoClaim":
        """A typical member, for tests and documentation."""
        return cls(maturity=0.25)
