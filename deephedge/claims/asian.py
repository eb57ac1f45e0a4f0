"""Options on the arithmetic mean of the price."""

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
