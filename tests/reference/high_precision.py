"""Prices by routes other than the library's, in arithmetic of sixty digits.

Where a density is Gaussian its integrals over half-lines are exact; elsewhere a quadrature is cut
at the places where its integrand turns. Used by `make_tables.py` only; needs mpmath.
"""

from mpmath import mp, mpf

mp.dps = 60
CUTS = [-24, -12, -8, -5, -3, -1, 0, 1, 3, 5, 8, 12, 24]


def phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def black(forward, strike, deviation, sign):
    """Undiscounted call (1) or put (-1)."""
    d = mp.log(forward / strike) / deviation + deviation / 2
    return sign * (forward * phi(sign * d) - strike * phi(sign * (d - deviation)))


def european(kind, spot, strike, tau, vol, rate, dividend):
    forward, deviation = spot * mp.exp((rate - dividend) * tau), vol * mp.sqrt(tau)
    sign = 1 if kind in ("Call", "DigitalCall") else -1
    if kind in ("Call", "Put"):
        value = black(forward, strike, deviation, sign)
    else:
        value = phi(sign * (mp.log(forward / strike) / deviation - deviation / 2))
    return mp.exp(-rate * tau) * value


def bachelier(kind, spot, strike, tau, vol, rate, dividend):
    forward, deviation = spot * mp.exp((rate - dividend) * tau), vol * mp.sqrt(tau)
    sign = 1 if kind in ("Call", "DigitalCall") else -1
    d = sign * (forward - strike) / deviation
    value = phi(d)
    if kind in ("Call", "Put"):
        value = deviation * (d * phi(d) + mp.npdf(d))
    return mp.exp(-rate * tau) * value


def _gauss(power, mean, deviation, low, high):
    """The integral of exp(power * y) over (low, high) against a normal density."""
    centre = mean + power * deviation**2
    low, high = (low - centre) / deviation, (high - centre) / deviation
    weight = phi(-low) - phi(-high) if low > 0 else phi(high) - phi(low)
    return mp.exp(power * mean + power**2 * deviation**2 / 2) * weight


def quad(f, cuts):
    """Quadrature in pieces, to thirty digits."""
    with mp.workdps(30):
        return mp.quad(f, sorted(set(cuts)))


def _payoff_against(images, spot, strike, call, low, high, tau, rate):
    """Discounted payoff against weighted normal densities of log(S_T / spot) on (low, high)."""
    k = mp.log(strike / spot)
    low, high = (max(low, k), high) if call else (low, min(high, k))
    total = mpf(0)
    if low < high:
        for weight, mean, deviation in images:
            shares = spot * _gauss(1, mean, deviation, low, high)
            total += weight * (shares - strike * _gauss(0, mean, deviation, low, high))
    return mp.exp(-rate * tau) * (total if call else -total)


def barrier(call, up, knock_in, spot, strike, level, rebate, tau, vol, rate, dividend):
    """The payoff against the density of paths that never hit: a source less its image."""
    drift, deviation, h = rate - dividend - vol**2 / 2, vol * mp.sqrt(tau), mp.log(level / spot)
    image = -mp.exp(2 * drift * h / vol**2)
    source = (1, drift * tau, deviation)
    sides = (-mp.inf, h) if up else (h, mp.inf)
    images = [source, (image, drift * tau + 2 * h, deviation)]
    out = _payoff_against(images, spot, strike, call, *sides, tau, rate)
    if not knock_in:
        return out + rebate * touch(up, True, True, spot, level, tau, vol, rate, dividend)
    vanilla = european("Call" if call else "Put", spot, strike, tau, vol, rate, dividend)
    return vanilla - out + rebate * touch(up, False, False, spot, level, tau, vol, rate, dividend)


def touch(up, one_touch, at_hit, spot, level, tau, vol, rate, dividend):
    """At maturity the mass of the density, at the hit its Laplace transform, in complex numbers."""
    drift, deviation, h = rate - dividend - vol**2 / 2, vol * mp.sqrt(tau), mp.log(level / spot)
    side = 1 if up else -1
    theta = mp.sqrt(mp.mpc(drift**2 + 2 * rate * vol**2)) if at_hit else drift
    straight = mp.exp((drift - theta) * h / vol**2) * phi(side * (theta * tau - h) / deviation)
    mirrored = mp.exp((drift + theta) * h / vol**2) * phi(-side * (theta * tau + h) / deviation)
    hit = mp.re(straight + mirrored)
    if at_hit:
        return hit
    return mp.exp(-rate * tau) * (hit if one_touch else 1 - hit)


def double_barrier(call, knock_in, spot, strike, lower, upper, tau, vol, rate, dividend):
    """As many images as sixty digits see."""
    drift, deviation = rate - dividend - vol**2 / 2, vol * mp.sqrt(tau)
    low, high = mp.log(lower / spot), mp.log(upper / spot)
    images, width = [], high - low
    for n in range(-60, 61):
        for sign, place in ((1, 2 * n * width), (-1, 2 * low + 2 * n * width)):
            images.append((sign * mp.exp(drift * place / vol**2), drift * tau + place, deviation))
    out = _payoff_against(images, spot, strike, call, low, high, tau, rate)
    if not knock_in:
        return out
    return european("Call" if call else "Put", spot, strike, tau, vol, rate, dividend) - out


def lookback(kind, spot, strike, extreme, tau, vol, rate, dividend):
    """The law of the running extreme, integrated."""
    high = kind in ("LookbackCall", "FloatingLookbackPut")
    level = max(extreme, spot) if high else min(extreme, spot)
    discount, forward = mp.exp(-rate * tau), spot * mp.exp(-dividend * tau)
    if kind == "LookbackCall":
        level = max(level, strike)
        known = discount * (level - strike)
    elif kind == "LookbackPut":
        level = min(level, strike)
        known = discount * (strike - level)
    else:
        known = discount * level - forward if high else forward - discount * level
    drift, deviation, start = rate - dividend - vol**2 / 2, vol * mp.sqrt(tau), mp.log(level / spot)

    def beyond(x):
        """The chance that the extreme passes start + x, by its distance."""
        side, h = (1, start + x) if high else (-1, start - x)
        hit = phi(side * (drift * tau - h) / deviation)
        hit += mp.exp(2 * drift * h / vol**2) * phi(-side * (drift * tau + h) / deviation)
        return level * mp.exp(side * x) * hit

    tilt = deviation**2 if high else mpf(0)
    centres = [abs(drift * tau) + tilt, abs(start) + 0, mpf(0), abs(drift * tau)]
    cuts = [c + n * deviation for c in centres for n in CUTS] + [deviation * 1e-3]
    far = max(cuts) + 30 * deviation
    return known + discount * quad(beyond, [mpf(0), *[c for c in cuts if c > 0], far])


def geometric_asian(call, spot, strike, tau, vol, rate, dividend, n_dates):
    """Mean and variance summed date by date; n_dates 0 is the average over all times."""
    n = n_dates
    first = mpf(1) / 2 if n == 0 else sum(mpf(i) for i in range(1, n + 1)) / n**2
    pairs = (
        mpf(1) / 3
        if n == 0
        else sum(mpf(min(i, j)) for i in range(1, n + 1) for j in range(1, n + 1)) / n**3
    )
    mean = (rate - dividend - vol**2 / 2) * tau * first
    variance = vol**2 * tau * pairs
    forward = spot * mp.exp(mean + variance / 2)
    return mp.exp(-rate * tau) * black(forward, strike, mp.sqrt(variance), 1 if call else -1)


def two_assets(kind, spots, strike, tau, vols, rate, dividends, rho):
    """Given the first price the second is lognormal: Black's formula under one integral."""
    s = [v * mp.sqrt(tau) for v in vols]
    f = [x * mp.exp((rate - q) * tau) for x, q in zip(spots, dividends, strict=True)]
    own = s[1] * mp.sqrt(1 - rho**2)

    def given(z):
        x = f[0] * mp.exp(s[0] * z - s[0] ** 2 / 2)
        middle = f[1] * mp.exp(rho * s[1] * z - (rho * s[1]) ** 2 / 2)
        if kind == "ExchangeOption":
            value = black(middle, x, own, -1)
        elif kind == "WorstOfCall":
            value = black(middle, strike, own, 1) - black(middle, x, own, 1) if x > strike else 0
        else:
            value = black(middle, max(x, strike), own, 1) + max(x - strike, mpf(0))
        return mp.npdf(z) * value

    equal = (mp.log(f[1] / f[0]) + (s[0] ** 2 - (rho * s[1]) ** 2) / 2) / (s[0] - rho * s[1])
    spread = own / abs(s[0] - rho * s[1])
    cuts = [mpf(c) for c in CUTS] + [s[0] + c for c in CUTS] + [rho * s[1] + c for c in CUTS]
    cuts += [equal + c * spread for c in CUTS]
    cuts += [(mp.log(strike / f[0]) + s[0] ** 2 / 2) / s[0]]
    inside = [c for c in cuts if abs(c) < 30 + s[0] + s[1]]
    value = quad(given, inside)
    if kind == "ExchangeOption":
        # Quadrature knows thirty digits of the prices, the formula all of a small difference.
        ratio = mp.sqrt(s[0] ** 2 + s[1] ** 2 - 2 * rho * s[0] * s[1])
        formula = black(f[0], f[1], ratio, 1)
        assert abs(formula - value) < mpf(10) ** -20 * f[0], (formula, value)
        value = formula
    return mp.exp(-rate * tau) * value


def decided(kind, spot, strike, premium, decision, tau, vol, rate, dividend):
    """Choosers and compounds: the options at the decision, over the price of that date."""
    drift, deviation = rate - dividend - vol**2 / 2, vol * mp.sqrt(decision)
    rest = tau - decision

    def worth(z):
        price = spot * mp.exp(drift * decision + deviation * z)
        call, put = (european(k, price, strike, rest, vol, rate, dividend) for k in ("Call", "Put"))
        if kind == "Chooser":
            return mp.npdf(z) * max(call, put)
        return mp.npdf(z) * (call - premium)

    def place(level):
        return (mp.log(level / spot) - drift * decision) / deviation

    after = vol * mp.sqrt(rest) / deviation
    turn = place(strike * mp.exp(-(rate - dividend) * rest))
    cuts = [mpf(c) for c in CUTS] + [deviation + c for c in CUTS] + [turn + c * after for c in CUTS]
    if kind == "Chooser":
        return mp.exp(-rate * decision) * quad(worth, cuts)
    # `strike` and `premium` decide where to buy: the root of worth.
    low, high = mpf(strike) / 10**6, (mpf(strike) + premium) * 10**4
    for _ in range(150):
        middle = mp.sqrt(low * high)
        above = european("Call", middle, strike, rest, vol, rate, dividend) > premium
        low, high = (low, middle) if above else (middle, high)
    start = place(high)
    return mp.exp(-rate * decision) * quad(worth, [start, *[c for c in cuts if c > start]])


def power(call, spot, strike, exponent, tau, vol, rate, dividend):
    """The payoff over the log-price, exactly on the half-line where it pays."""
    mean, deviation = (rate - dividend - vol**2 / 2) * tau, vol * mp.sqrt(tau)
    k = mp.log(strike) / exponent - mp.log(spot)
    sides = (k, mp.inf) if call else (-mp.inf, k)
    value = spot**exponent * _gauss(exponent, mean, deviation, *sides)
    value -= strike * _gauss(0, mean, deviation, *sides)
    return mp.exp(-rate * tau) * (value if call else -value)


def cev(call, spot, strike, tau, scale, exponent, rate, dividend):
    """The transition density, Bessel functions and all, integrated over the payoff."""
    with mp.workdps(30):
        carry, p = rate - dividend, 2 * (1 - exponent)
        clock = tau if carry == 0 else mp.expm1(p * carry * tau) / (p * carry)
        forward = spot * mp.exp(carry * tau)
        unit = 4 / (p**2 * scale**2 * clock)
        x0, order = unit * forward**p, 1 / p

        def density(x):
            # Of x = unit * price^p, on paths not absorbed.
            log_bessel = mp.log(mp.besseli(order, mp.sqrt(x0 * x)))
            return mp.exp(-(x0 + x) / 2 + order / 2 * mp.log(x0 / x) + log_bessel) / 2

        k, width = unit * strike**p, 2 * mp.sqrt(x0) + 2
        cuts = [x0 + c * width for c in CUTS] + [k + c * width for c in (-3, -1, -0.3, 0.3, 1, 3)]
        cuts = [c for c in cuts if c > k]
        gain = lambda x: ((x / unit) ** (1 / p) - strike) * density(x)  # noqa: E731
        value = mp.quad(gain, [k, *sorted(cuts), max([*cuts, k]) + 10 * width])
        value = value if call else value - forward + strike
        return mp.exp(-rate * tau) * value


def hagan(spot, strike, tau, alpha, exponent, vol_of_vol, rho, rate, dividend):
    """Equation 2.17 of the paper, at the forward's own alpha."""
    f, lack = spot * mp.exp((rate - dividend) * tau), 1 - exponent
    a = alpha * mp.exp(lack * (rate - dividend) * tau)
    x, m = mp.log(f / strike), (f * strike) ** (lack / 2)
    z = vol_of_vol / a * m * x
    root = mp.sqrt(1 - 2 * rho * z + z * z)
    ratio = z / mp.log((root + z - rho) / (1 - rho)) if z else mpf(1)
    growth = 1 + tau * (
        (lack * a / m) ** 2 / 24
        + rho * exponent * vol_of_vol * a / (4 * m)
        + (2 - 3 * rho**2) * vol_of_vol**2 / 24
    )
    vol = a / (m * (1 + (lack * x) ** 2 / 24 + (lack * x) ** 4 / 1920)) * ratio * growth
    return mp.exp(-rate * tau) * black(f, strike, vol * mp.sqrt(tau), 1)


def merton(spot, strike, tau, vol, intensity, mean, deviation, rate, dividend):
    """Black's formula over the number of jumps."""
    k = mp.expm1(mean + deviation**2 / 2)
    total = mpf(0)
    for n in range(400):
        weight = mp.exp(-intensity * tau) * (intensity * tau) ** n / mp.factorial(n)
        growth = (rate - dividend - intensity * k) * tau + n * (mean + deviation**2 / 2)
        spread = mp.sqrt(vol**2 * tau + n * deviation**2)
        total += weight * black(spot * mp.exp(growth), strike, spread, 1)
    return mp.exp(-rate * tau) * total


def variance_gamma(spot, strike, tau, vol, nu, theta, rate, dividend):
    """Black's formula over the gamma clock, integrated in its logarithm."""
    omega = mp.log(1 - theta * nu - vol**2 * nu / 2) / nu
    shape = tau / nu

    def given(y):
        clock = nu * mp.exp(y)
        growth = (rate - dividend + omega) * tau + (theta + vol**2 / 2) * clock
        weight = mp.exp(shape * y - mp.exp(y)) / mp.gamma(shape)
        return weight * black(spot * mp.exp(growth), strike, vol * mp.sqrt(clock), 1)

    left = -mpf(70) / shape
    cuts = [left * x for x in (1, 0.6, 0.3, 0.15, 0.07)] + [mpf(c) for c in range(-40, 8, 2)]
    cuts += [mp.log(shape) + c / mp.sqrt(shape) for c in CUTS]
    inside = [c for c in cuts if left <= c <= max(6, mp.log(shape) + 4)]
    return mp.exp(-rate * tau) * quad(given, inside)
