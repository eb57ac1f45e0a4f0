"""Options on the arithmetic and the geometric mean of the price."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, carried
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class AsianCall(AbstractClaim):
    r"""Pays $(A_T - K)^+$ on the arithmetic average over the life of the claim.

    $$A_t = \frac{1}{T}\sum_{t_k \le t} S_{t_k}(t_k - t_{k-1})$$

    Each date's price weighs as much as the step that ends there: on equal steps $A_T$ is the
    mean of the fixings after time 0. `progress` is $A_t$, the part already fixed.

    Reference: Kemna and Vorst (1990).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(self.progress(path)[-1, 0] - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        start = carried(path, jnp.zeros(1, path.prices.dtype))
        fixed = path.prices[1:, self.asset] * jnp.diff(path.time) / self.maturity
        return jnp.cumsum(jnp.concatenate([start, fixed]))[:, None]

    @classmethod
    def example(cls) -> "AsianCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class GeometricAsianCall(AbstractClaim):
    r"""Pays $(G_T - K)^+$ on the geometric average over the life of the claim.

    $$\log G_T = \frac{1}{T}\sum_k (t_k - t_{k-1})\log S_{t_k}$$

    Each date weighs as much as the step that ends there. `progress` is the part of $\log G_T$
    already fixed.

    Reference: Kemna and Vorst (1990).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        mean = jnp.exp(self.progress(path)[-1, 0])
        return jnp.maximum(mean - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return log_average(path, self.asset, self.maturity)

    @classmethod
    def example(cls) -> "GeometricAsianCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class GeometricAsianPut(AbstractClaim):
    r"""Pays $(K - G_T)^+$ on the geometric average over the life of the claim.

    $$\log G_T = \frac{1}{T}\sum_k (t_k - t_{k-1})\log S_{t_k}$$

    Each date weighs as much as the step that ends there. `progress` is the part of $\log G_T$
    already fixed.

    Reference: Kemna and Vorst (1990).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        mean = jnp.exp(self.progress(path)[-1, 0])
        return jnp.maximum(self.strike - mean, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return log_average(path, self.asset, self.maturity)

    @classmethod
    def example(cls) -> "GeometricAsianPut":
        """A typical member, for tests and documentation."""
        return cls(strike=102.0, maturity=0.25)


def log_average(path: Path, asset: int, maturity: Scalar) -> Float[Array, "time progress"]:
    """The part of the time average of the log-price over `maturity` that is fixed at each date."""
    start = carried(path, jnp.zeros(1, path.prices.dtype))
    fixed = jnp.log(path.prices[1:, asset]) * jnp.diff(path.time) / maturity
    return jnp.cumsum(jnp.concatenate([start, fixed]))[:, None]
