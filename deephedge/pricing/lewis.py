"""European claims by Lewis' integral along the line halfway between cash and share."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax

from deephedge.markets.base import AbstractAffineModel
from deephedge.markets.heston import Heston
from deephedge.pricing.transform import FAR, AbstractTransform, halfway
from deephedge.typing import Array, Float, Scalar

_POINTS = 32
_LONGEST = 2.0**17


class Lewis(AbstractTransform):
    r"""European claims by an integral along the contour $\mathrm{Im}\,u = -\tfrac12$.

    $$P(X > k) = \frac{e^{-k/2}}{\pi}\int_0^U \mathrm{Re}\,
    \frac{\varphi(u - \frac{i}{2})e^{-iuk}}{\frac12 + iu}\,du, \quad
    E[e^X 1\{X < k\}] = \frac{e^{k/2}}{\pi}\int_0^U \mathrm{Re}\,
    \frac{\varphi(u - \frac{i}{2})e^{-iuk}}{\frac12 - iu}\,du,$$

    so that a call is $e^{-r\tau}\bigl(F - \frac{\sqrt{FK}}{\pi}\int_0^U \mathrm{Re}[\varphi(u -
    \tfrac{i}{2})e^{-iuk}]\,\frac{du}{u^2+1/4}\bigr)$. U is where the integrand becomes
    negligible. Gauss-Legendre of 32 points on panels that are equal in $\sqrt u$, hence fine
    near 0. It checks `Fourier` by a method that shares no truncation of the law with it.

    The law must have a density: where $\varphi$ does not decay (variance gamma at a day, no
    variance at all) the integral is cut at $U = 2^{17}$.

    Args:
        model: a one-asset model with a characteristic function.
        n_panels: panels. The default suits months to decades at usual parameters; far strikes at
            a day, or correlation near one, want `Lewis(model, n_panels=512)`. See `reach`.

    Reference: Lewis (2001), A simple option formula for general jump-diffusion and other
    exponential Lévy processes, equation 3.11.
    """

    effort = 2
    model: AbstractAffineModel
    n_panels: int = eqx.field(static=True, default=32)

    def halves(
        self, log_strike: Float[Array, " piece"], tau: Scalar, factors: Float[Array, " factor"]
    ) -> tuple[Float[Array, " piece"], Float[Array, " piece"]]:
        nodes, weights = (jnp.asarray(x, tau.dtype) for x in _unit_panels(self.n_panels))
        end = self._end(tau, factors)
        u = end * nodes**2
        log_modulus, argument = halfway(self.model, u, tau, factors)
        scale = (2.0 / jnp.pi) * end * nodes * weights * jnp.exp(log_modulus) / (0.25 + u * u)
        k = jnp.clip(log_strike, min=-FAR, max=FAR)
        angle = argument[None, :] - k[:, None] * u[None, :]
        half = jnp.sum((0.5 * scale)[None, :] * jnp.cos(angle), axis=1)
        sines = jnp.sum((u * scale)[None, :] * jnp.sin(angle), axis=1)
        root = jnp.exp(0.5 * k)
        inside, right = jnp.abs(log_strike) < FAR, log_strike > 0
        above = jnp.where(inside, (half + sines) / root, jnp.where(right, 0.0, 1.0))
        below = jnp.where(inside, (half - sines) * root, jnp.where(right, 1.0, 0.0))
        return above, below

    def reach(self, tau: Scalar, factors: Float[Array, " factor"]) -> Scalar:
        r"""The largest $|\log(K/F)|$ that the panels resolve: 20 n / U.

        There the integrand turns by 40 radians in the last panel; further out it must be near 0
        for the integral to be right, as it is where the law is near normal.
        """
        return 20.0 * self.n_panels / self._end(tau, factors)

    def _end(self, tau: Scalar, factors: Float[Array, " factor"]) -> Scalar:
        """The least of a geometric row of u beyond which the integrand is rounding error."""
        model, tau, factors = lax.stop_gradient((self.model, tau, factors))
        row = jnp.exp2(jnp.arange(-8.0, np.log2(_LONGEST) + 0.25, 0.25, dtype=tau.dtype))
        log_modulus, _ = halfway(model, row, tau, factors)
        size = log_modulus - 0.5 * jnp.log(0.25 + row**2)
        # A model whose function overflows far out gives no number there: not above the bound.
        counts = size > size[0] + jnp.log(0.1 * jnp.finfo(tau.dtype).eps)
        last = row.shape[0] - 1 - jnp.argmax(counts[::-1])
        return row[jnp.minimum(last + 1, row.shape[0] - 1)]

    @classmethod
    def example(cls) -> "Lewis":
        """A typical member, for tests and documentation."""
        return cls(Heston.example())


def _unit_panels(n_panels: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre on each of `n_panels` equal parts of [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(_POINTS)
    starts = np.arange(n_panels)[:, None]
    all_nodes = (starts + 0.5 * (1.0 + nodes)[None, :]) / n_panels
    return all_nodes.ravel(), np.tile(0.5 * weights / n_panels, n_panels)
