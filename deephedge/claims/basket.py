"""Options on a weighted sum of prices."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.final_prices import final_prices
from deephedge.markets.base import Path
from deephedge.numerics.checks import per_asset, positive, real
from deephedge.typing import Array, Float, Scalar


class BasketCall(AbstractClaim):
    r"""Pays $(\sum_j w_j S_T^{(j)} - K)^+$ over the first assets of the market, one per weight.

    Weights may be negative: a spread, a butterfly of indices, a crack spread.

    Reference: Levy (1992).
    """

    strike: Scalar = eqx.field(converter=real("strike"))
    weights: Float[Array, " asset"] = eqx.field(converter=per_asset(real("weights")))
    maturity: Scalar = eqx.field(converter=positive("maturity"))

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(_value(path, self.weights, "BasketCall") - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "BasketCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, weights=[0.6, 0.4], maturity=0.25)


class BasketPut(AbstractClaim):
    r"""Pays $(K - \sum_j w_j S_T^{(j)})^+$ over the first assets of the market, one per weight.

    Reference: Levy (1992).
    """

    strike: Scalar = eqx.field(converter=real("strike"))
    weights: Float[Array, " asset"] = eqx.field(converter=per_asset(real("weights")))
    maturity: Scalar = eqx.field(converter=positive("maturity"))

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(self.strike - _value(path, self.weights, "BasketPut"), 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "BasketPut":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, weights=[0.6, 0.4], maturity=0.25)


def _value(path: Path, weights: Float[Array, " asset"], claim: str) -> Scalar:
    return jnp.sum(weights * final_prices(path, range(weights.shape[0]), claim))
