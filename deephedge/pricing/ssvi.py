"""A surface of implied volatilities that has no static arbitrage: SSVI with a power law."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.numerics.checks import as_array, between, positive
from deephedge.pricing.svi import SVI, durrleman
from deephedge.typing import Array, Float, Scalar

Values = Float[Array, "..."]


def _increasing(name: str):
    def convert(value: object) -> Array:
        array = jnp.atleast_1d(as_array(name, value))
        if not isinstance(array, Tracer):
            got = np.asarray(array)
            if not (np.all(np.isfinite(got)) and got[0] > 0 and np.all(np.diff(got) >= 0)):
                raise ValueError(f"`{name}` must be positive and increasing, got {got.tolist()}.")
        return array

    return convert


def ssvi_curvature(theta: Values, *, eta: Scalar, gamma: Scalar) -> Values:
    r"""The power law $\varphi(\theta)$ of `SSVI`."""
    return eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0)


def ssvi_variance(k: Values, theta: Values, *, rho: Scalar, eta: Scalar, gamma: Scalar) -> Values:
    r"""Total variance $w(k, \theta)$ of `SSVI`, element by element."""
    scaled = ssvi_curvature(theta, eta=eta, gamma=gamma) * k
    root = jnp.sqrt((scaled + rho) ** 2 + 1.0 - rho**2)
    return 0.5 * theta * (1.0 + rho * scaled + root)


class SSVI(eqx.Module):
    r"""Total variance at $k = \log(K/F)$ and any maturity, from that at the money.

    $$w(k, \theta) = \tfrac12\theta\Bigl(1 + \rho\varphi k
    + \sqrt{(\varphi k + \rho)^2 + 1 - \rho^2}\Bigr), \quad
    \varphi(\theta) = \frac{\eta}{\theta^\gamma(1 + \theta)^{1 - \gamma}}$$

    `at_the_money` holds $\theta$ at the dates `maturity`; it is linear between them, from 0 at
    time 0, and goes on at the slope of the last stretch. With $\theta$ increasing, $0 < \gamma
    \le \tfrac12$ and $\eta(1 + |\rho|) \le 2$, which is checked, there is neither butterfly nor
    calendar arbitrage at any strike and date.

    Reference: Gatheral and Jacquier (2014), equation 4.1, theorems 4.1, 4.2 and remark 4.4.
    """

    maturity: Float[Array, " date"] = eqx.field(converter=_increasing("maturity"))
    at_the_money: Float[Array, " date"] = eqx.field(converter=_increasing("at_the_money"))
    rho: Scalar = eqx.field(converter=between("rho", -1.0, 1.0))
    eta: Scalar = eqx.field(converter=positive("eta"))
    gamma: Scalar = eqx.field(converter=positive("gamma"))

    def __check_init__(self):
        if self.maturity.shape != self.at_the_money.shape:
            raise ValueError(
                f"`at_the_money` must have one value per maturity, got "
                f"{self.at_the_money.shape[0]} for {self.maturity.shape[0]}."
            )
        if any(isinstance(x, Tracer) for x in (self.rho, self.eta, self.gamma)):
            return
        if float(self.gamma) > 0.5:
            raise ValueError(f"`gamma` must be at most 1/2, got {float(self.gamma):g}.")
        rounding = 8.0 * float(jnp.finfo(self.eta.dtype).eps)
        if float(self.eta * (1.0 + jnp.abs(self.rho))) > 2.0 + rounding:
            raise ValueError(
                f"`eta` must be at most 2 / (1 + |rho|), got {float(self.eta):g} at rho "
                f"{float(self.rho):g}: the surface would have butterfly arbitrage."
            )

    def theta(self, tau: Values) -> Values:
        """Total variance at the money after `tau` years."""
        zero = jnp.zeros(1, self.maturity.dtype)
        dates = jnp.concatenate([zero, self.maturity])
        levels = jnp.concatenate([zero, self.at_the_money])
        slope = (levels[-1] - levels[-2]) / (dates[-1] - dates[-2])
        beyond = levels[-1] + slope * (tau - dates[-1])
        return jnp.where(tau > dates[-1], beyond, jnp.interp(tau, dates, levels))

    def total_variance(self, k: Values, tau: Values) -> Values:
        """Variance times years, element by element."""
        return ssvi_variance(k, self.theta(tau), rho=self.rho, eta=self.eta, gamma=self.gamma)

    def vol(self, k: Values, tau: Values) -> Values:
        """Black's volatility, element by element, for `tau` above zero."""
        return jnp.sqrt(self.total_variance(k, tau) / tau)

    def curvature(self, theta: Values) -> Values:
        r"""The power law $\varphi(\theta)$."""
        return ssvi_curvature(theta, eta=self.eta, gamma=self.gamma)

    def density_factor(self, k: Values, tau: Values) -> Values:
        """Durrleman's g: zero or above where no butterfly has a negative price. See `SVI`."""
        theta = self.theta(tau)
        phi = self.curvature(theta)
        root = jnp.sqrt((phi * k + self.rho) ** 2 + 1.0 - self.rho**2)
        slope = 0.5 * theta * phi * (self.rho + (phi * k + self.rho) / root)
        bend = 0.5 * theta * phi**2 * (1.0 - self.rho**2) / root**3
        return durrleman(k, self.total_variance(k, tau), slope, bend)

    def slice(self, tau: Scalar) -> SVI:
        """The smile of one maturity in raw parameters."""
        theta = self.theta(tau)
        phi, rest = self.curvature(theta), 1.0 - self.rho**2
        return SVI(
            a=0.5 * theta * rest,
            b=0.5 * theta * phi,
            rho=self.rho,
            m=-self.rho / phi,
            sigma=jnp.sqrt(rest) / phi,
        )

    @classmethod
    def example(cls) -> "SSVI":
        """A typical member, for tests and documentation."""
        return cls(maturity=[0.25, 1.0], at_the_money=[0.01, 0.04], rho=-0.6, eta=1.2, gamma=0.4)


def fit_ssvi(
    k: Float[Array, " quote"],
    tau: Float[Array, " quote"],
    vol: Float[Array, " quote"],
    weights: Float[Array, " quote"] | None = None,
) -> SSVI:
    r"""The surface nearest to quoted volatilities, by weighted least squares.

    The search runs over numbers that map onto the surfaces without static arbitrage and onto no
    others, so that the result has none by construction. One $\theta$ per distinct maturity. On
    the host, in float64, not differentiable.

    Args:
        k: log(strike / forward) of the quotes.
        tau: years to maturity of the quotes.
        vol: Black's volatility of the quotes.
        weights: of the squared errors, equal unless given; the inverse squared spread is usual.

    Reference: Gatheral and Jacquier (2014), section 5.
    """
    return SSVI(
        *_fitted(np.asarray(k, float), np.asarray(tau, float), np.asarray(vol, float), weights)
    )


def _fitted(
    k: np.ndarray, tau: np.ndarray, vol: np.ndarray, weights: Array | None
) -> tuple[np.ndarray, np.ndarray, float, float, float]:
    """The fields of the surface."""
    from scipy.optimize import least_squares

    maturity = np.unique(tau)
    root = np.ones_like(vol) if weights is None else np.sqrt(np.asarray(weights, dtype=float))
    if not np.all(np.isfinite([k, tau, vol, root])) or np.any(tau <= 0) or np.any(vol <= 0):
        raise ValueError("`tau` and `vol` must be positive and all quotes finite.")
    nearest = [vol[tau == t][np.argmin(np.abs(k[tau == t]))] ** 2 * t for t in maturity]
    steps = np.maximum(np.diff(nearest, prepend=0.0), 1e-4 * nearest[0])

    def parts(x):
        rho, share = 0.999 * np.tanh(x[0]), 0.5 * (1.0 + np.tanh(x[1]))
        gamma = 0.25 * (1.0 + np.tanh(x[2]))
        return np.cumsum(np.exp(x[3:])), rho, 2.0 * share / (1.0 + abs(rho)), gamma

    def residuals(x):
        levels, rho, eta, gamma = parts(x)
        theta = levels[np.searchsorted(maturity, tau)]
        scaled = eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0) * k
        bend = np.sqrt((scaled + rho) ** 2 + 1.0 - rho**2)
        return root * (np.sqrt(0.5 * theta * (1.0 + rho * scaled + bend) / tau) - vol)

    starts = [np.concatenate([[rho, 0.0, 0.5], np.log(steps)]) for rho in (-0.5, 0.3)]
    found = [least_squares(residuals, x, xtol=1e-14, ftol=1e-14, gtol=1e-14) for x in starts]
    levels, rho, eta, gamma = parts(min(found, key=lambda f: f.cost).x)
    return maturity, levels, rho, eta, gamma
