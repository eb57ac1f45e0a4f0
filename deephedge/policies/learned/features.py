"""What a learned policy sees: the snapshot, made dimensionless."""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.simulate import simulate
from deephedge.numerics import safe
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

_PILOT_PATHS = 512


class Features(eqx.Module):
    r"""Log-moneyness, time left, factors and progress, each of order one.

    Log-moneyness is $\log(S/\bar S)$ over its standard deviation at maturity, with $\bar S$ the
    starting price; time left enters as $\tau/T$ and $\sqrt{\tau/T}$; factors and progress are
    standardised. Means and deviations come from a pilot sample of the market, so that any market
    and any claim can be learned from without tuning. None of it is trained.
    """

    reference: Float[Array, " asset"]
    price_scale: Float[Array, " asset"]
    factor_mean: Float[Array, " factor"]
    factor_scale: Float[Array, " factor"]
    progress_mean: Float[Array, " progress"]
    progress_scale: Float[Array, " progress"]
    maturity: Scalar

    @classmethod
    def fit(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        key: PRNGKeyArray,
    ) -> "Features":
        """Scales from a pilot sample of paths."""
        paths = simulate(market, times, _PILOT_PATHS, key=key)
        progress = jax.lax.map(claim.progress, paths)
        factor_mean, factor_scale = _moments(paths.factors)
        progress_mean, progress_scale = _moments(progress)
        returns = jnp.log(paths.prices[:, -1] / paths.prices[:, 0])
        return cls(
            reference=paths.prices[0, 0],
            price_scale=_not_zero(jnp.std(returns, axis=0)),
            factor_mean=factor_mean,
            factor_scale=factor_scale,
            progress_mean=progress_mean,
            progress_scale=progress_scale,
            maturity=claim.maturity,
        )

    @property
    def size(self) -> int:
        """How many numbers `__call__` returns."""
        return self.reference.shape[0] + 2 + self.factor_mean.shape[0] + self.progress_mean.shape[0]

    def __call__(self, now: Snapshot) -> Float[Array, " feature"]:
        left = jnp.maximum(1.0 - now.time / self.maturity, 0.0)
        return jnp.concatenate(
            [
                safe.log(now.prices / self.reference) / self.price_scale,
                jnp.stack([left, safe.sqrt(left)]),
                (now.factors - self.factor_mean) / self.factor_scale,
                (now.progress - self.progress_mean) / self.progress_scale,
            ]
        )


def _moments(values: Float[Array, "path time column"]) -> tuple[Array, Array]:
    return jnp.mean(values, axis=(0, 1)), _not_zero(jnp.std(values, axis=(0, 1)))


def _not_zero(scale: Array) -> Array:
    return jnp.where(scale > 0, scale, 1.0)
