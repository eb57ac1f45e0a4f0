"""Swaps of realised variance and volatility."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, carried
from deephedge.markets.base import Path
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Array, Float, Scalar


class VarianceSwap(AbstractClaim):
    r"""Pays $N(V_T - K)$ on the realised variance per year.

    $$V_t = \frac{1}{T}\sum_{t_k \le t} \log^2(S_{t_k}/S_{t_{k-1}})$$

    over the path's dates. The strike is a variance: 0.04 for a volatility of 20 %. `progress` is
    $V_t$.

    Reference: Demeterfi, Derman, Kamal and Zou (1999).
    """

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=1.0)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return self.notional * (self.progress(path)[-1, 0] - self.strike)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return realised_variance(path, self.asset, self.maturity)

    @classmethod
    def example(cls) -> "VarianceSwap":
        """A typical member, for tests and documentation."""
        return cls(strike=0.04, maturity=0.25, notional=1000.0)


class VolatilitySwap(AbstractClaim):
    r"""Pays $N(\sqrt{V_T} - K)$ on the realised volatility. See `VarianceSwap`.

    The root has no slope at no variance, which a path of moving prices never meets.

    Reference: Brockhaus and Long (2000).
    """

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=1.0)
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return self.notional * (safe.sqrt(self.progress(path)[-1, 0]) - self.strike)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return realised_variance(path, self.asset, self.maturity)

    @classmethod
    def example(cls) -> "VolatilitySwap":
        """A typical member, for tests and documentation."""
        return cls(strike=0.2, maturity=0.25, notional=100.0)


def squared_returns(path: Path, asset: int) -> Float[Array, " step"]:
    """Squared log returns between the path's dates."""
    return jnp.diff(jnp.log(path.prices[:, asset])) ** 2


def realised_variance(path: Path, asset: int, maturity: Scalar) -> Float[Array, "time progress"]:
    """Squared log returns so far, per year of `maturity`."""
    return accumulated(path, squared_returns(path, asset) / maturity)


def accumulated(path: Path, terms: Float[Array, " step"]) -> Float[Array, "time progress"]:
    """The running sum of a term per step, carried on where the path starts in mid-life."""
    start = carried(path, jnp.zeros(1, terms.dtype))
    return jnp.cumsum(jnp.concatenate([start, terms]))[:, None]
