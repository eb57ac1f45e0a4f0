"""What models with a Gaussian short rate share: its exact joint law with the price."""

import math

import jax.numpy as jnp
from jax import lax

from deephedge.numerics import safe
from deephedge.typing import Array, Float, Scalar


def gaussian_steps(
    start: Scalar,
    dt: Float[Array, " step"],
    normals: Float[Array, "step normal"],
    *,
    mean_reversion: Scalar,
    rate_vol: Scalar,
    correlation: Scalar,
) -> tuple[Float[Array, " step"], Float[Array, " step"], Float[Array, " step"]]:
    r"""The process x after each step, its integral over the step, and the price's own shock.

    $dx = -\kappa x\,dt + \eta\,dZ$ from `start`, and $W$ with $d\langle W, Z\rangle = \rho\,dt$,
    whose increments over a step of unit length are the shocks. Exact at any dates.
    """
    shock = jnp.linalg.cholesky(_covariance(mean_reversion * dt, correlation))
    # Factored in the order rate, integral, price, so that the price's own normal moves
    # nothing else.
    noise = jnp.sum(shock * normals[:, None, jnp.asarray([1, 2, 0])], axis=2)

    def step(x: Scalar, inputs: tuple[Scalar, Float[Array, " normal"]]):
        dt, noise = inputs
        integral = x * reach(dt, mean_reversion) + rate_vol * dt**1.5 * noise[1]
        after = x * jnp.exp(-mean_reversion * dt) + rate_vol * jnp.sqrt(dt) * noise[0]
        return after, (after, integral)

    _, (values, integrals) = lax.scan(step, start, (dt, noise))
    return values, integrals, noise[:, 2]


def reach(tau: Array, mean_reversion: Scalar) -> Array:
    r"""$B(\tau) = \int_0^\tau e^{-\kappa s}ds$: what the integral of the rate gains per unit."""
    return tau * _first(mean_reversion * tau)


def integral_variance(tau: Array, mean_reversion: Scalar, rate_vol: Scalar) -> Array:
    r"""Variance of the integral of the rate over `tau` years, $\int_0^\tau \eta^2 B(s)^2 ds$."""
    return rate_vol**2 * tau**3 * _third(mean_reversion * tau)


def forward_variance(
    tau: Scalar, *, vol: Scalar, mean_reversion: Scalar, rate_vol: Scalar, correlation: Scalar
) -> Scalar:
    r"""$\int_0^\tau \sigma^2 + 2\rho\sigma\eta B(s) + \eta^2 B(s)^2\,ds$."""
    cross = correlation * vol * rate_vol * tau**2 * _second(mean_reversion * tau)
    return vol**2 * tau + 2.0 * cross + integral_variance(tau, mean_reversion, rate_vol)


def _covariance(a: Float[Array, " step"], correlation: Scalar) -> Float[Array, "step shock shock"]:
    r"""Of $\int e^{-a(1-s)}dZ$, $\int \frac{1 - e^{-a(1-s)}}{a}dZ$ and $W$, over a unit of time."""
    one, first = jnp.ones_like(a), _first(a)
    rows = [
        [_first(2.0 * a), 0.5 * first**2, correlation * first],
        [0.5 * first**2, _third(a), correlation * _second(a)],
        [correlation * first, correlation * _second(a), one],
    ]
    return jnp.stack([jnp.stack(row, axis=-1) for row in rows], axis=-2)


def _first(a: Array) -> Array:
    r"""$\int_0^1 e^{-as}ds$."""
    return safe.divide(-jnp.expm1(-a), a, otherwise=1.0)


def _second(a: Array) -> Array:
    r"""$\int_0^1 \frac{1 - e^{-as}}{a}ds$."""
    large = jnp.where(a < 1.0, 1.0, a)
    series = _series(a, [(-1) ** n / math.factorial(n + 2) for n in range(18)])
    return jnp.where(a < 1.0, series, (1.0 - _first(large)) / large)


def _third(a: Array) -> Array:
    r"""$\int_0^1 \bigl(\frac{1 - e^{-as}}{a}\bigr)^2 ds$."""
    large = jnp.where(a < 1.0, 1.0, a)
    exact = (1.0 - 2.0 * _first(large) + _first(2.0 * large)) / large**2
    terms = [(-1) ** (n + 3) * (2 - 2 ** (n + 2)) / math.factorial(n + 3) for n in range(24)]
    return jnp.where(a < 1.0, _series(a, terms), exact)


def _series(a: Array, terms: list[float]) -> Array:
    """The power series, where the closed form would cancel."""
    small = jnp.where(a < 1.0, a, 0.0)
    total = jnp.zeros_like(a)
    for term in reversed(terms):
        total = total * small + term
    return total
