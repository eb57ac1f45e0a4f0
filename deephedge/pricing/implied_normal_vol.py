"""The volatility at which Bachelier's formula gives a price."""

import math

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics import mills, safe
from deephedge.pricing.bachelier import bachelier_price
from deephedge.typing import Array, Float

Values = Float[Array, "..."]

ITERATIONS = 8
"""Of Newton's method. Six reach rounding error from one to 1e-300 of the distance to the strike."""


def implied_normal_vol(
    price: Values,
    *,
    forward: Values | float,
    strike: Values | float,
    tau: Values | float,
    discount: Values | float = 1.0,
    sign: Values | float = 1.0,
) -> Values:
    r"""Normal volatility of calls (`sign` 1) and puts (`sign` -1), element by element.

    In currency per square root of a year; forward and strike may have any sign. With $m =
    |F - K|$ and $p$ the undiscounted price less what exercise now would give, the deviations out
    of the money $h = m/\sigma\sqrt\tau$ solve

    $$\log g(h) = \log(p/m), \quad g(h) = \varphi(h)/h - \Phi(-h),$$

    concave in $\log h$, so that Newton's method converges from any start. At the money
    $\sigma = p\sqrt{2\pi/\tau}$.

    A price on its lower bound (up to rounding) has volatility 0. A price below it, not a finite
    number, or with no time left has none: the value is `nan`, its derivatives 0, and no other
    element notices. There is no upper bound.

    Reference: Jaeckel (2017), Implied normal volatility, for the problem and its two regimes.
    """
    given = (price, forward, strike, tau, discount, sign)
    return _implied(*jnp.broadcast_arrays(*(jnp.asarray(x, price.dtype) for x in given)))


@jax.custom_jvp
def _implied(
    price: Values, forward: Values, strike: Values, tau: Values, discount: Values, sign: Values
) -> Values:
    undiscounted, gap = price / discount, jnp.abs(forward - strike)
    inside_money = sign * (forward - strike) > 0
    time_value = undiscounted - jnp.where(inside_money, gap, 0.0)
    rounding = 4.0 * float(jnp.finfo(price.dtype).eps) * jnp.where(inside_money, undiscounted, 0.0)
    on_bound = (time_value <= rounding) & (time_value >= -rounding)
    possible = (discount > 0) & (tau > 0) & jnp.isfinite(time_value + gap)
    live = possible & (time_value > 0) & ~on_bound
    value = jnp.where(live, time_value, 1.0)
    distance = jnp.where(live, gap, 0.0)
    # Below this gap the deviation is that at the money to rounding error.
    near = distance <= 1e-20 * value
    ratio = jnp.where(near, 1.0, value / jnp.where(near, 1.0, distance))
    at_the_money = math.sqrt(2.0 * math.pi) * value
    deviation = jnp.where(near, at_the_money, distance / deviations_out(ratio))
    vol = deviation / jnp.sqrt(jnp.where(tau > 0, tau, 1.0))
    return jnp.where(live, vol, jnp.where(on_bound & possible, 0.0, jnp.nan))


@_implied.defjvp
def _implied_jvp(primals, tangents):
    vol = _implied(*primals)
    found = vol > 0
    known = jnp.where(found, vol, 1.0)
    harmless = tuple(jnp.where(found, m, 1.0) for m in primals[1:])
    vega = jax.jvp(lambda v: _formula(v, *harmless), (known,), (jnp.ones_like(known),))[1]
    moves = jax.jvp(lambda *m: _formula(known, *m), harmless, tangents[1:])[1]
    return vol, jnp.where(found, safe.divide(tangents[0] - moves, vega), 0.0)


def _formula(
    vol: Values, forward: Values, strike: Values, tau: Values, discount: Values, sign: Values
) -> Values:
    return discount * bachelier_price(forward=forward, strike=strike, tau=tau, vol=vol, sign=sign)


@jax.jit
def deviations_out(ratio: Values) -> Values:
    r"""The $h > 0$ with $\varphi(h)/h - \Phi(-h)$ equal to `ratio`, which is positive."""
    goal = jnp.log(ratio)
    root = 1.0 / math.sqrt(2.0 * math.pi)
    deep = jnp.sqrt(jnp.maximum(-2.0 * goal, 1.0))
    # One step of h^2 = -2 log(ratio h^3 sqrt(2 pi)), the law far out.
    deep = jnp.sqrt(jnp.maximum(deep**2 - 6.0 * jnp.log(deep) + 2.0 * math.log(root), 0.3))
    start = jnp.where(ratio > 0.3, root / jnp.maximum(ratio, 0.3), deep)

    def newton(_, log_h: Values) -> Values:
        h = jnp.exp(log_h)
        rest = mills.shortfall(h)
        level = math.log(root) - 0.5 * h * h - log_h + jnp.log(rest)
        return log_h + (level - goal) * rest

    return jnp.exp(lax.fori_loop(0, ITERATIONS, newton, jnp.log(start)))
