"""The grid of variances for finite differences in Heston's model: dense at 0, wide enough."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics.smooth_interpolation import smooth_weights
from deephedge.pricing.price_grid import laid_by
from deephedge.typing import Array, Float, Scalar

# Twice the logarithm of the odds against a variance beyond the grid.
_ODDS = 36.0


class VarianceGrid(eqx.Module):
    r"""Variances $v_j = d \sinh(j \Delta\eta)$ from 0 up. Nothing differentiates through it.

    Reference: In 't Hout and Foulon (2010), equation 2.6.
    """

    scale: Scalar
    reach: Scalar
    n_nodes: int = eqx.field(static=True)

    def nodes(self) -> Float[Array, " variance"]:
        """The variances, ascending from 0."""
        steps = jnp.linspace(0.0, 1.0, self.n_nodes, dtype=self.reach.dtype)
        return self.scale * jnp.sinh(steps * self.reach)

    def weights(self, variance: Scalar) -> tuple[Array, Float[Array, " near"]]:
        """The first of a few neighbouring nodes, and the weights of the values there."""
        position = jnp.arcsinh(variance / self.scale) / self.reach * (self.n_nodes - 1)
        return smooth_weights(position, self.n_nodes)


def variance_grid(
    model: AbstractHeston, variance: Scalar, tau: Scalar, n_nodes: int
) -> VarianceGrid:
    r"""A grid that holds the variance now and all but a negligible part of its law.

    The variance is $c\chi'^2$ with $c = \sigma^2(1 - e^{-\kappa\tau})/4\kappa$ and mean m, so that
    $(\sqrt m + \sqrt{2cL})^2$ bounds it but for odds near $e^{-L}$. With a positive correlation the
    paths that matter for a call return to the mean by $\kappa - \rho\sigma$ only.
    """
    model, variance, tau = laid_by((model, variance, tau))
    slow = model.mean_reversion - jnp.maximum(model.correlation * model.vol_of_variance, 0.0)
    kappa = jnp.maximum(slow, 0.25 * model.mean_reversion)
    decay = jnp.exp(-kappa * tau)
    level = model.long_variance * model.mean_reversion / kappa
    mean = jnp.maximum(level + (variance - level) * decay, variance)
    unit = model.vol_of_variance**2 * (1.0 - decay) / (4.0 * kappa)
    top = (jnp.sqrt(mean) + jnp.sqrt(_ODDS * unit)) ** 2
    scale = jnp.minimum(top / 500.0, 0.1 * model.long_variance)
    return VarianceGrid(scale, jnp.arcsinh(top / scale), n_nodes)
