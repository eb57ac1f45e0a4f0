"""A family of laws with any skew and heavier or lighter tails than the normal one."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.typing import Array, Scalar

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(48)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


class SinhArcsinh(eqx.Module):
    r"""A smooth, rising function of a standard normal z, with mean 0 and mean square 1.

    $$x = \frac{g(z) - m}{s}, \quad g(z) = \sinh\Bigl(\frac{\operatorname{arsinh} z + \epsilon}
    {\delta}\Bigr)$$

    with $\epsilon$ `skew` and $\delta$ `tail`, below 1 for tails heavier than the normal law's.
    Above 1/2 every exponential moment exists. m and s, and all expectations, are those of
    Gauss-Hermite quadrature with 48 nodes.

    Reference: Jones and Pewsey (2009), Sinh-arcsinh distributions.
    """

    skew: Scalar
    tail: Scalar

    def __call__(self, z: Array) -> Array:
        """The value at standard normals z."""
        mean, deviation = self._moments()
        return (self._raw(z) - mean) / deviation

    def inverse(self, x: Array) -> tuple[Array, Array]:
        r"""The normals z behind the values x, and $\log dz/dx$."""
        mean, deviation = self._moments()
        raw = x * deviation + mean
        angle = self.tail * jnp.arcsinh(raw) - self.skew
        slope = jnp.log(self.tail * deviation) - 0.5 * jnp.log1p(raw**2)
        return jnp.sinh(angle), slope + jnp.logaddexp(angle, -angle) - np.log(2.0).item()

    def log_moment(self, scale: Scalar) -> Scalar:
        r"""$\log E\,e^{\text{scale}\,x}$."""
        nodes, weights = self._rule()
        exponents = scale * self(nodes)
        return jnp.log(jnp.sum(weights * jnp.exp(exponents)))

    def _raw(self, z: Array) -> Array:
        return jnp.sinh((jnp.arcsinh(z) + self.skew) / self.tail)

    def _rule(self) -> tuple[Array, Array]:
        dtype = self.tail.dtype
        return jnp.asarray(_NODES, dtype), jnp.asarray(_WEIGHTS, dtype)

    def _moments(self) -> tuple[Scalar, Scalar]:
        nodes, weights = self._rule()
        values = self._raw(nodes)
        mean = jnp.sum(weights * values)
        return mean, jnp.sqrt(jnp.sum(weights * (values - mean) ** 2))
