"""One step of the lifted Heston model, with the moments of its noise exact."""

import math
from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.markets.square_root import matched
from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar

if TYPE_CHECKING:
    from deephedge.markets.lifted_heston import LiftedHeston

# Gauss-Legendre nodes for the time left in a step, closer together where a rough kernel bends.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
_LEFT, _WIDTH = (0.5 * (1.0 + _NODES)) ** 3, 0.375 * _WEIGHTS * (1.0 + _NODES) ** 2
# Of the variance of v, a share that single precision takes for none.
_NONE = 1e-6


class LiftedStep(eqx.Module):
    r"""A step of h years, from moments that are the same on every path.

    With $\chi = \int\sqrt{v}\,dZ$ over the step, $K(\tau) = \sum_i c_i e^{-x_i\tau}$ and $\bar
    K$ its integral, the new v is its mean plus $\nu\int K(h - s)\sqrt{v_s}\,dZ_s$: a multiple of
    $\chi$, and a rest $\varepsilon$ without correlation to it. Both are drawn by the
    quadratic-exponential law from their exact variances; the mean of v is dealt out to them as
    $a : 1 - a$ with $a = h\bar K(h) / 2\int_0^h\bar K$, which makes the third moment of $\chi$
    right for small h. The noise of each factor and of $\int v\,ds$ is its regression on $\chi$ and
    $\varepsilon$, so that its covariances with both are exact. In the moments, $E[v_s]$ is linear
    over the step and has the exact integral; the pull of $\lambda$ is that of a v that is linear
    over it, solved for its end. One factor of speed 0 gives Andersen's scheme (a = 1, no rest).

    Reference: Gatheral (2022), Efficient simulation of affine forward variance models, which has
    the two variables with a = 1/2 and $\int v\,ds$ by the trapezoidal rule; Abi Jaber (2019).
    """

    dt: Scalar
    decay: Float[Array, " lift"]  # e^{-x h}
    reach: Float[Array, " lift"]  # its integral from 0 to h
    early: Float[Array, " lift"]  # the same weighted with the time left over h
    late: Float[Array, " lift"]  # and with the time gone
    area: Float[Array, " 2"]  # the integral of K-bar, weighted with each
    along: Float[Array, "lift 2"]  # of e^{-x tau} K(tau), for the covariances with v
    filled: Float[Array, " 2"]  # of K-bar K, for the covariance of v and its integral

    @classmethod
    def of(cls, dt: Scalar, model: "LiftedHeston") -> "LiftedStep":
        """The moments of a step of `dt` years."""
        c, x = model.weights, model.speeds
        left = jnp.asarray(_LEFT, dt.dtype)
        tau = dt * left
        kernels = jnp.exp(-tau[:, None] * x[None, :])
        kernel, primitive = kernels @ c, reach(tau[:, None], x[None, :]) @ c
        weights = dt * jnp.asarray(_WIDTH, dt.dtype)[:, None] * jnp.stack([left, 1.0 - left], 1)
        early, late = ramps(dt, x)
        return cls(
            dt=dt,
            decay=jnp.exp(-dt * x),
            reach=early + late,
            early=early,
            late=late,
            area=primitive @ weights,
            along=(kernels * kernel[:, None]).T @ weights,
            filled=(primitive * kernel) @ weights,
        )

    def __call__(
        self, model: "LiftedHeston", base: Scalar, lift: Float[Array, " lift"], z: Array
    ) -> tuple[Scalar, Float[Array, " lift"]]:
        """The log-return over the forward, and the factors after the step."""
        c, rho2 = model.weights, model.correlation**2
        slack = self._slack(model)
        kept, expected, integral, ends = self._means(model, base, lift)
        slope, variances, on_lift, on_integral = self._noise(model, integral, ends)
        # The noises of v, chi's and the rest's, are these times `units`.
        units = jnp.stack([safe.divide(slack, slope), slack])
        share = jnp.minimum(0.5 * jnp.sum(c * self.reach) / jnp.sum(c * self.late), 1.0)
        share = jnp.where(variances[1] > 0, share, 1.0)
        means = jnp.maximum(expected, 0.0) * jnp.stack([share, 1.0 - share])
        loads = model.correlation * jnp.asarray([1.0, 0.0], lift.dtype) - 0.5 * rho2 * on_integral
        drawn, moments, exist = zip(
            matched(means[0], variances[0] / slack**2, z[1], loads[0] * units[0]),
            matched(means[1], variances[1] / slack**2, z[2], loads[1] * units[1]),
            strict=True,
        )
        noise = (jnp.stack(drawn) - means) * units
        # The price: what Z moves, with a mean of 1 after the exponential; and what it does not.
        moment = jnp.sum(jnp.stack(moments) - loads * units * means)
        moment = jnp.where(exist[0] & exist[1], moment, 0.5 * rho2 * integral)
        own = (1.0 - rho2) * jnp.maximum(integral + jnp.sum(on_integral * noise), 0.0)
        log_return = jnp.sum(loads * noise) - moment - 0.5 * own + safe.sqrt(own) * z[0]
        return log_return, kept + on_lift @ noise

    def _slack(self, model: "LiftedHeston") -> Scalar:
        """What a v that rises by 1 in a line over the step has to rise without the pull."""
        return 1.0 + model.mean_reversion * jnp.sum(model.weights * self.late)

    def _means(
        self, model: "LiftedHeston", base: Scalar, lift: Float[Array, " lift"]
    ) -> tuple[Float[Array, " lift"], Scalar, Scalar, Float[Array, " 2"]]:
        """Of the factors, v and its integral; and the ends of a line with that integral."""
        c, pull, level = model.weights, model.mean_reversion, model.long_variance
        variance = jnp.maximum(base + jnp.sum(c * lift), 0.0)
        kept = self.decay * lift + pull * (level * self.reach - variance * self.early)
        expected = (base + jnp.sum(c * kept)) / self._slack(model)
        ends = jnp.stack([variance, jnp.maximum(expected, 0.0)])
        integral = base * self.dt + jnp.sum(c * self.reach * lift)
        integral = integral + pull * (level * jnp.sum(self.area) - jnp.sum(self.area * ends))
        integral = jnp.maximum(integral, 0.0)
        ends = ends * safe.divide(integral, 0.5 * self.dt * jnp.sum(ends))
        return kept - pull * expected * self.late, expected, integral, ends

    def _noise(
        self, model: "LiftedHeston", integral: Scalar, ends: Float[Array, " 2"]
    ) -> tuple[Scalar, Float[Array, " 2"], Float[Array, "lift 2"], Float[Array, " 2"]]:
        """Chi's slope in v, the variances in v of chi and the rest, and what hangs on each."""
        c, nu, pull = model.weights, model.vol_of_variance, model.mean_reversion
        with_z = nu * (self.early * ends[0] + self.late * ends[1])
        with_v = nu**2 * (self.along @ ends)
        total_with_z, total_with_v = nu * (self.area @ ends), nu**2 * (self.filled @ ends)
        slope = safe.divide(jnp.sum(c * with_z), integral)
        common = slope * jnp.sum(c * with_z)
        rest = jnp.sum(c * with_v) - common
        rest = jnp.where(rest > _NONE * common, rest, 0.0)

        def regressed(z: Array, v: Array) -> Array:
            return jnp.stack([safe.divide(z, integral), safe.divide(v - slope * z, rest)], axis=-1)

        on_v = jnp.stack([slope, jnp.where(rest > 0, 1.0, 0.0)]) / self._slack(model)
        on_lift = regressed(with_z, with_v) - pull * self.late[:, None] * on_v[None, :]
        on_integral = regressed(total_with_z, total_with_v) - pull * self.area[1] * on_v
        return slope, jnp.stack([common, rest]), on_lift, on_integral


def reach(dt: Array, speeds: Array) -> Array:
    r"""$\int_0^{dt} e^{-xs}ds$."""
    a = speeds * dt
    return dt * safe.divide(-jnp.expm1(-a), a, otherwise=1.0)


def ramps(dt: Array, speeds: Array) -> tuple[Array, Array]:
    r"""$\int_0^{dt} e^{-x(dt - s)}(1 - \frac{s}{dt})\,ds$, and the same with $\frac{s}{dt}$."""
    a = speeds * dt
    large, small = jnp.where(a > 0.1, a, 1.0), jnp.where(a > 0.1, 0.0, a)
    series = jnp.zeros_like(a)
    for n in range(10, 1, -1):
        series = (-1) ** n / math.factorial(n) + small * series
    late = dt * jnp.where(a > 0.1, (large + jnp.expm1(-large)) / large**2, series)
    return reach(dt, speeds) - late, late
