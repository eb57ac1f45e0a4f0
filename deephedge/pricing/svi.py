"""One maturity's smile: stochastic volatility inspired total variance, raw parametrisation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.numerics.checks import between, non_negative, positive, real
from deephedge.pricing.svi_fit import fitted
from deephedge.typing import Array, Float, Scalar

Values = Float[Array, "..."]


class SVI(eqx.Module):
    r"""Total variance of one maturity as a function of $k = \log(K/F)$.

    $$w(k) = a + b\bigl(\rho(k - m) + \sqrt{(k - m)^2 + \sigma^2}\bigr)$$

    The variance must not be negative anywhere, and its slope in the wings not above 2:
    $a + b\sigma\sqrt{1 - \rho^2} \ge 0$ and $b(1 + |\rho|) \le 2$ (Lee).

    Reference: Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces, equation 3.1.
    """

    a: Scalar = eqx.field(converter=real("a"))
    b: Scalar = eqx.field(converter=non_negative("b"))
    rho: Scalar = eqx.field(converter=between("rho", -1.0, 1.0))
    m: Scalar = eqx.field(converter=real("m"))
    sigma: Scalar = eqx.field(converter=positive("sigma"))

    def __check_init__(self):
        if any(isinstance(x, Tracer) for x in jax.tree.leaves(self)):
            return
        rounding = 8.0 * float(jnp.finfo(self.a.dtype).eps)
        lowest = float(self.a + self.b * self.sigma * jnp.sqrt(1.0 - self.rho**2))
        if lowest < -rounding * abs(float(self.a)):
            raise ValueError(f"`a` must keep the lowest variance zero or above, got {lowest:g}.")
        if float(self.b * (1.0 + jnp.abs(self.rho))) > 2.0 + rounding:
            raise ValueError(
                f"`b` must be at most 2 / (1 + |rho|) (Lee's bound), got {float(self.b):g}."
            )

    def total_variance(self, k: Values) -> Values:
        """Variance times years at log-moneyness `k`, element by element."""
        y = k - self.m
        return self.a + self.b * (self.rho * y + jnp.sqrt(y**2 + self.sigma**2))

    def vol(self, k: Values, tau: Values) -> Values:
        """Black's volatility at log-moneyness `k`, for this maturity of `tau` years."""
        return jnp.sqrt(self.total_variance(k) / tau)

    def density_factor(self, k: Values) -> Values:
        r"""Durrleman's $g$: no butterfly has a negative price where it is zero or above.

        $$g = \Bigl(1 - \frac{kw'}{2w}\Bigr)^2 - \frac{w'^2}{4}\Bigl(\frac1w + \frac14\Bigr)
        + \frac{w''}{2}$$

        Reference: Gatheral and Jacquier (2014), equation 2.1.
        """
        y = k - self.m
        root = jnp.sqrt(y**2 + self.sigma**2)
        slope = self.b * (self.rho + y / root)
        bend = self.b * self.sigma**2 / root**3
        return durrleman(k, self.total_variance(k), slope, bend)

    @classmethod
    def example(cls) -> "SVI":
        """A typical member, for tests and documentation."""
        return cls(a=0.01, b=0.1, rho=-0.4, m=0.0, sigma=0.2)


def durrleman(k: Values, variance: Values, slope: Values, bend: Values) -> Values:
    """The density's factor from total variance and its first two derivatives in `k`."""
    level = (1.0 - 0.5 * k * slope / variance) ** 2
    return level - 0.25 * slope**2 * (1.0 / variance + 0.25) + 0.5 * bend


def fit_svi(
    k: Float[Array, " quote"],
    total_variance: Float[Array, " quote"],
    weights: Float[Array, " quote"] | None = None,
) -> SVI:
    r"""The smile nearest to the quotes, by weighted least squares, free of butterfly arbitrage.

    The density's factor $g$ is penalised where it is negative, ever more, until it is positive
    on 700 points out to 60 times the quotes' range and on 1000 more around the lowest. Where
    that does not suffice, the smile is drawn towards the nearest SSVI slice, which has no
    butterfly arbitrage. On the host, in float64, not differentiable. Slices fitted one by one
    may cross: `fit_ssvi` excludes calendar arbitrage too.

    Args:
        k: log(strike / forward) of the quotes.
        total_variance: squared volatility times years.
        weights: of the squared errors, equal unless given.

    Reference: Gatheral and Jacquier (2014), sections 4 and 5.
    """
    return SVI(*fitted(np.asarray(k, float), np.asarray(total_variance, float), weights))
