"""The volatility at which the Black-Scholes formula gives a price."""

import math

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import log_ndtr

from deephedge.numerics import mills, normal, safe
from deephedge.typing import Array, Float

Values = Float[Array, "..."]

ITERATIONS = 12
"""Of Halley's method. Seven reached rounding error on 300,000 options from x = -100 to 0."""

SERIES = 10
"""Terms of the asymptotic series of the normal tail: rounding error from 20 deviations on."""


NARROW = 0.1
"""Deviation below which the price is a Taylor series in it, and how many odd terms that takes."""
TERMS = 6
FAR = 40.0
"""Deviations out of the money beyond which float64 holds no price."""


def implied_vol(
    price: Values | float,
    *,
    spot: Values | float,
    strike: Values | float,
    tau: Values | float,
    rate: Values | float = 0.0,
    dividend: Values | float = 0.0,
    sign: Values | float = 1.0,
) -> Values:
    r"""Volatility of calls (`sign` 1) and puts (`sign` -1), element by element.

    Solves for $\sigma$ the formula in normalised form, of the option that is out of the money:
    with $x = -|\log(F/K)|$, $s = \sigma\sqrt\tau$ and $b$ the undiscounted price over
    $\sqrt{FK}$, less what exercise now would give,

    $$b(x, s) = e^{x/2}\,\Phi(x/s + s/2) - e^{-x/2}\,\Phi(x/s - s/2).$$

    A price on its lower no-arbitrage bound (up to rounding) has volatility 0. A price below it, on
    or above the upper bound, not a number, or with no time left has none: the value is `nan`,
    its derivatives 0, and no other element notices. Elsewhere all derivatives are exact, by the
    implicit function theorem, and in float64 the relative error is below 1e-12 beyond what the
    rounding of the price itself leaves open (its rounding over vega).

    Reference: Jaeckel (2015), Let's be rational, for the normalisation and the objectives.
    """
    price = jnp.asarray(price, float) if isinstance(price, int | float) else price
    given = (price, spot, strike, tau, rate, dividend, sign)
    return _implied_vol(*jnp.broadcast_arrays(*(jnp.asarray(x, price.dtype) for x in given)))


@jax.custom_jvp
def _implied_vol(
    price: Values,
    spot: Values,
    strike: Values,
    tau: Values,
    rate: Values,
    dividend: Values,
    sign: Values,
) -> Values:
    forward = spot * jnp.exp((rate - dividend) * tau)
    undiscounted = price * jnp.exp(rate * tau)
    time_value = undiscounted - jnp.maximum(sign * (forward - strike), 0.0)
    scale = jnp.where(sign * (forward - strike) > 0, jnp.maximum(forward, strike), 0.0)
    rounding = 4.0 * float(jnp.finfo(price.dtype).eps) * scale
    on_bound = (time_value <= 0) & (time_value >= -rounding)
    b = time_value / jnp.sqrt(forward * strike)
    # The difference of near numbers is exact, which their ratio is not.
    x = -jnp.log1p(jnp.abs(forward - strike) / jnp.minimum(forward, strike))
    possible = (b > 0) & (b < jnp.exp(0.5 * x)) & (tau > 0) & (strike > 0) & (spot > 0)
    inside = possible & jnp.isfinite(x)
    deviation = total_deviation(jnp.where(inside, b, 0.1), jnp.where(inside, x, 0.0))
    vol = deviation / jnp.sqrt(jnp.where(tau > 0, tau, 1.0))
    return jnp.where(inside, vol, jnp.where(on_bound & (tau > 0), 0.0, jnp.nan))


@_implied_vol.defjvp
def _implied_vol_jvp(primals, tangents):
    vol = _implied_vol(*primals)
    market = primals[1:]
    found = vol > 0
    known = jnp.where(found, vol, 1.0)
    harmless = tuple(jnp.where(found, m, 1.0) for m in market)
    vega = jax.jvp(lambda v: formula(v, *harmless), (known,), (jnp.ones_like(known),))[1]
    moves = jax.jvp(lambda *m: formula(known, *m), harmless, tangents[1:])[1]
    return vol, jnp.where(found, safe.divide(tangents[0] - moves, vega), 0.0)


def formula(
    vol: Values,
    spot: Values,
    strike: Values,
    tau: Values,
    rate: Values,
    dividend: Values,
    sign: Values,
) -> Values:
    """Black-Scholes price of a call or put, for vol, spot, strike and tau above zero."""
    deviation = vol * jnp.sqrt(tau)
    d1 = (jnp.log(spot / strike) + (rate - dividend) * tau) / deviation + 0.5 * deviation
    shares = spot * jnp.exp(-dividend * tau) * normal.cdf(sign * d1)
    cash = strike * jnp.exp(-rate * tau) * normal.cdf(sign * (d1 - deviation))
    return sign * (shares - cash)


@jax.jit
def total_deviation(b: Values, x: Values) -> Values:
    r"""The $s$ with $b(x, s) = b$, for $x \le 0$ and $0 < b < e^{x/2}$.

    Below the inflection point $s = \sqrt{2|x|}$ the objective is $1/\log b$, above it
    $\log(e^{x/2} - b)$: both are smooth in $s$ and keep all digits where the price is tiny or
    next to its bound. Halley's method, held in a bracket by bisection, a fixed number of times.
    """
    tiny = float(jnp.finfo(b.dtype).tiny) ** 0.5
    top = jnp.exp(0.5 * x)
    centre = jnp.maximum(jnp.sqrt(-2.0 * x), tiny)
    below = b < jnp.exp(log_price(x, centre))
    goal = jnp.log(jnp.where(below, b, top - b))

    def halley(_, state):
        low, high, s = state
        level = jnp.where(below, log_price(x, s), log_complement(x, s))
        sign = jnp.where(below, 1.0, -1.0).astype(b.dtype)
        slope = sign * jnp.exp(log_density(x, s) - level)
        bend = (x / s) ** 2 / s - 0.25 * s - slope - jnp.where(below, 2.0 * slope / level, 0.0)
        newton = (level - goal) * jnp.where(below, level / goal, 1.0) / slope
        low, high = jnp.where(newton < 0, s, low), jnp.where(newton < 0, high, s)
        step = newton / jnp.clip(1.0 - 0.5 * newton * bend, min=0.5, max=2.0)
        moved = s - step
        # Next to the root the bracket is only as good as rounding, and no longer asked.
        kept = ((moved >= low) & (moved <= high)) | (jnp.abs(step) < 1e-7 * s)
        return low, high, jnp.where(kept & jnp.isfinite(moved), moved, 0.5 * (low + high))

    # Some room beyond the centre, for roots that lie there within rounding.
    low = jnp.where(below, tiny, 0.7 * centre)
    high = jnp.where(below, 1.5 * centre, 100.0)
    start = jnp.clip(jnp.where(below, _deep(b, x), _high(b, x, top)), min=low, max=high)
    return lax.fori_loop(0, ITERATIONS, halley, (low, high, start))[2]


def log_price(x: Values, s: Values) -> Values:
    """The logarithm of b(x, s), to full relative accuracy of b in the far tail and at small s."""
    plus, minus = _exercises(x, s)
    wide = plus + jnp.log(-jnp.expm1(jnp.minimum(minus - plus, -float(jnp.finfo(s.dtype).tiny))))
    return jnp.where(s < NARROW, _log_price_narrow(x, jnp.minimum(s, NARROW)), wide)


def _log_price_narrow(x: Values, s: Values) -> Values:
    r"""For small s, where the difference of the two exercises would cancel.

    With $h = x/s$, $t = s/2$ and $Y = \Phi/\varphi$, $b = \varphi(h)\,e^{-t^2/2}\,
    (Y(h + t) - Y(h - t))$: twice the odd terms of the Taylor series of $Y$ in $t$, from
    $Y' = 1 + hY$ and $Y^{(n+1)} = hY^{(n)} + nY^{(n-1)}$.
    """
    h, t = x / s, 0.5 * s
    far = jnp.maximum(h, -FAR)
    now = mills.shortfall(-far)
    before = safe.divide(now - 1.0, far, math.sqrt(0.5 * math.pi))
    total, power = now, jnp.ones_like(t)
    for n in range(1, 2 * TERMS):
        before, now = now, far * now + n * before
        power = power * t / (n + 1)
        total = total + (power * now if n % 2 == 0 else 0.0)
    return log_density(x, s) + jnp.log(s) + jnp.log(total)


def log_complement(x: Values, s: Values) -> Values:
    """The logarithm of exp(x / 2) - b(x, s), without cancellation."""
    minus = -0.5 * x + log_ndtr(x / s - 0.5 * s, SERIES)
    return jnp.logaddexp(0.5 * x + log_ndtr(-x / s - 0.5 * s, SERIES), minus)


def log_density(x: Values, s: Values) -> Values:
    """The logarithm of the slope of b(x, s) in s."""
    return -0.5 * ((x / s) ** 2 + 0.25 * s**2) - 0.5 * math.log(2.0 * math.pi)


def _exercises(x: Values, s: Values) -> tuple[Values, Values]:
    # The shares received and the cash paid at exercise, logarithms.
    h, t = x / s, 0.5 * s
    return 0.5 * x + log_ndtr(h + t, SERIES), -0.5 * x + log_ndtr(h - t, SERIES)


def _deep(b: Values, x: Values) -> Values:
    r"""A guess far out of the money: $b \approx s^3 e^{-x^2/2s^2 - s^2/8}/(x^2\sqrt{2\pi})$."""
    distance = jnp.maximum(-x, float(jnp.finfo(b.dtype).tiny) ** 0.5)
    s = distance / jnp.sqrt(-2.0 * jnp.log(b))
    for _ in range(2):
        exponent = jnp.log(b) + 0.5 * math.log(2.0 * math.pi) + s**2 / 8.0
        exponent = exponent + 2.0 * jnp.log(distance) - 3.0 * jnp.log(s)
        s = jnp.where(exponent < -1, distance / jnp.sqrt(-2.0 * jnp.minimum(exponent, -1.0)), s)
    return s


def _high(b: Values, x: Values, top: Values) -> Values:
    r"""A guess for high volatility: $e^{x/2} - b \approx (e^{x/2} + e^{-x/2})\,\Phi(-s/2)$."""
    return -2.0 * normal.quantile(jnp.minimum((top - b) / (top + 1.0 / top), 0.5))
