"""Options on the dearest or the cheapest of several assets."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.final_prices import final_prices
from deephedge.markets.base import Path
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Array, Float, Scalar


class BestOfCall(AbstractClaim):
    r"""Pays $(\max_j S_T^{(j)} - K)^+$ over `assets`. At strike 0: the dearest asset.

    Reference: Stulz (1982) for two assets; Johnson (1987) for more.
    """

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    assets: tuple[int, ...] = eqx.field(static=True, converter=tuple, default=(0, 1))

    def payoff(self, path: Path) -> Scalar:
        best = jnp.max(final_prices(path, self.assets, "BestOfCall"))
        return jnp.maximum(best - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "BestOfCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class WorstOfCall(AbstractClaim):
    r"""Pays $(\min_j S_T^{(j)} - K)^+$ over `assets`. At strike 0: the cheapest asset.

    Reference: Stulz (1982) for two assets; Johnson (1987) for more.
    """

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    assets: tuple[int, ...] = eqx.field(static=True, converter=tuple, default=(0, 1))

    def payoff(self, path: Path) -> Scalar:
        worst = jnp.min(final_prices(path, self.assets, "WorstOfCall"))
        return jnp.maximum(worst - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)

    @classmethod
    def example(cls) -> "WorstOfCall":
        """A typical member, for tests and documentation."""
        return cls(strike=95.0, maturity=0.25)
