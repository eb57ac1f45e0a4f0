"""A volatility that is a function of time and price, read off the surface of option prices."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import natural_cubic, safe
from deephedge.numerics.checks import optional, positive, real
from deephedge.typing import Array, Float, Scalar

Surface = Callable[[Scalar, Scalar], Scalar]
"""A number of log-moneyness $\\log(K/F_T)$, or of the strike K, and of the maturity T in years."""


class LocalVolatility(AbstractModel):
    r"""Dupire's diffusion, which reproduces every European price of a surface.

    $$dS = \mu S\,dt + \sigma(k, t)\,S\,dW, \quad k = \log\frac{S}{F_t}, \quad
    F_t = S_0\,e^{(r - q)t}$$

    with $\mu = r - q$ unless `drift` is given; $\sigma$ is given by `vols` at the nodes
    `maturities` (years) by `log_moneyness`. Between the nodes $\log\sigma$ is a natural cubic
    spline in time and then in k; beyond them it is flat. `reference` is $S_0$, the spot at which
    the surface was made; without it, `spot`. Time is the calendar time of the surface.
    No factors, one normal a step: Euler's scheme for the log-price, an exact martingale of weak
    order 1 in the step (measured at the example: 1.00 from a day to a year, 0.99 at five years),
    with time taken at the middle of the step. A surface whose skew grows
    without bound at short maturities wants small steps at the start.

    Reference: Dupire (1994), Pricing with a smile; Gatheral (2006), The volatility surface.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vols: Float[Array, "maturity moneyness"] = eqx.field(converter=positive("vols"))
    maturities: Float[Array, " maturity"] = eqx.field(converter=positive("maturities"))
    log_moneyness: Float[Array, " moneyness"] = eqx.field(converter=real("log_moneyness"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)
    reference: Scalar | None = eqx.field(converter=optional(positive("reference")), default=None)

    def __check_init__(self):
        for name, nodes in (("maturities", self.maturities), ("log_moneyness", self.log_moneyness)):
            if nodes.shape[0] < 3:
                raise ValueError(f"`{name}` must have at least 3 nodes, got {nodes.shape[0]}.")
            if not isinstance(nodes, Tracer) and np.any(np.diff(np.asarray(nodes)) <= 0):
                raise ValueError(f"`{name}` must increase, got {nodes!s}.")
        expected = (self.maturities.shape[0], self.log_moneyness.shape[0])
        if self.vols.shape != expected:
            raise ValueError(
                f"`vols` must have shape (maturities, log_moneyness) = {expected}, "
                f"got {self.vols.shape}."
            )

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        return at_start(self.spot[None])

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        growth = self.rate - self.dividend if self.drift is None else self.drift
        dt = jnp.diff(times)
        rows, bends = self.slices(times[:-1] + 0.5 * dt)
        origin = jnp.log(self.spot if self.reference is None else self.reference)
        forwards = origin + (self.rate - self.dividend) * times[:-1]

        def step(log_price: Scalar, inputs: tuple[Scalar, Array, Array, Scalar, Scalar]):
            forward, row, bend, dt, normal = inputs
            log_vol = natural_cubic.evaluate(self.log_moneyness, row, bend, log_price - forward)
            deviation = jnp.exp(log_vol) * jnp.sqrt(dt)
            after = log_price + growth * dt - 0.5 * deviation**2 + deviation * normal
            return after, after

        first = jnp.log(self.spot)
        inputs = (forwards, rows, bends, dt, normals[:, 0])
        _, log_prices = lax.scan(step, first, inputs)
        return one_asset_path(
            times,
            jnp.exp(jnp.append(first[None], log_prices)),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
        )

    def slices(self, dates: Float[Array, " step"]) -> tuple[Array, Array]:
        """The curve in log-moneyness of each date, the same for all paths: values and bends."""
        columns = jnp.log(self.vols).T
        bends = natural_cubic.curvatures(self.maturities, columns)
        curve = jax.vmap(natural_cubic.evaluate, in_axes=(None, 0, 0, None))
        rows = jax.vmap(lambda t: curve(self.maturities, columns, bends, t))(dates)
        return rows, natural_cubic.curvatures(self.log_moneyness, rows)

    def at(self, now: Snapshot) -> "LocalVolatility":
        reference = self.spot if self.reference is None else self.reference
        return dataclasses.replace(self, spot=now.prices[0], drift=None, reference=reference)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["LocalVolatility", Snapshot]:
        return dataclasses.replace(self, vols=self.vols + vol, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "LocalVolatility":
        """A typical member, for tests and documentation."""
        moneyness, maturities = jnp.linspace(-0.6, 0.6, 13), jnp.asarray([0.1, 0.5, 1.0, 2.0])
        vols = 0.2 - 0.1 * jnp.tanh(moneyness)[None, :] / jnp.sqrt(1.0 + maturities)[:, None]
        return cls(
            spot=100.0,
            vols=vols,
            maturities=maturities,
            log_moneyness=moneyness,
            rate=0.02,
            dividend=0.01,
        )


def local_variance(surface: Surface, log_moneyness: Scalar, maturity: Scalar) -> Scalar:
    r"""Dupire's local variance of a surface $w(k, T)$ of total implied variance.

    $$\sigma^2 = \frac{\partial_T w}{1 - \frac{k}{w} w' + \frac14 \bigl(-\frac14 - \frac1w
    + \frac{k^2}{w^2}\bigr) w'^2 + \frac12 w''}, \quad w' = \partial_k w$$

    Not a number where butterflies cost less than nothing, negative where calendar spreads do.

    Reference: Gatheral (2006), The volatility surface, equation 1.10.
    """
    slope = jax.grad(surface)
    k, (w, dw) = log_moneyness, jax.value_and_grad(surface)(log_moneyness, maturity)
    bend = jax.grad(slope)(log_moneyness, maturity)
    in_time = jax.grad(surface, argnums=1)(log_moneyness, maturity)
    density = 1.0 - k / w * dw + 0.25 * (-0.25 - 1.0 / w + (k / w) ** 2) * dw**2 + 0.5 * bend
    return jnp.where(density > 0, safe.divide(in_time, density), jnp.nan)


def local_variance_of_calls(
    call: Surface, strike: Scalar, maturity: Scalar, *, rate: Scalar, dividend: Scalar
) -> Scalar:
    r"""Dupire's local variance of call prices $C(K, T)$ at the spot K and the time T.

    $$\sigma^2 = \frac{\partial_T C + (r - q) K\,\partial_K C + q\,C}{\frac12 K^2 \partial_{KK} C}$$

    Reference: Dupire (1994), Pricing with a smile.
    """
    value, slope = jax.value_and_grad(call)(strike, maturity)
    bend = jax.grad(jax.grad(call))(strike, maturity)
    in_time = jax.grad(call, argnums=1)(strike, maturity)
    above = in_time + (rate - dividend) * strike * slope + dividend * value
    return jnp.where(bend > 0, safe.divide(2.0 * above, strike**2 * bend), jnp.nan)


def local_vols(
    surface: Surface,
    *,
    maturities: Float[Array, " maturity"],
    log_moneyness: Float[Array, " moneyness"],
) -> Float[Array, "maturity moneyness"]:
    """The `vols` of `LocalVolatility` that reproduce a surface of total implied variance."""
    across = jax.vmap(lambda k, t: local_variance(surface, k, t), in_axes=(0, None))
    variance = jax.vmap(across, in_axes=(None, 0))(log_moneyness, maturities)
    if not isinstance(variance, Tracer):
        wrong = np.argwhere(~(np.asarray(variance) > 0))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                "`surface` must be free of arbitrage, got no local variance at log-moneyness "
                f"{log_moneyness[column]:g} and maturity {maturities[row]:g}."
            )
    return safe.sqrt(variance)
