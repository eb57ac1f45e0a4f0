"""Calls from characteristic functions by the trapezoidal rule along Lewis's line.

The integrand is analytic around the line, so that the rule converges like an exponential of the
number of nodes. The functions are written anew here, from the papers.
"""

import numpy as np


def heston(u, tau, variance, mean_reversion, long_variance, vol_of_variance, correlation):
    """Heston (1993) as Gatheral (2006), equation 2.12, writes it."""
    alpha, beta = -0.5 * (u * u + 1j * u), mean_reversion - correlation * vol_of_variance * 1j * u
    gamma = 0.5 * vol_of_variance**2
    d = np.sqrt(beta * beta - 4.0 * alpha * gamma)
    low, high = (beta - d) / (2.0 * gamma), (beta + d) / (2.0 * gamma)
    # The smaller root without its cancellation: their product is alpha / gamma.
    low = np.where(np.abs(low) < 1e-3 * np.abs(high), alpha / (gamma * high), low)
    g = low / high
    ratio = (1.0 - np.exp(-d * tau)) / (1.0 - g * np.exp(-d * tau))
    log = np.log1p(-g * np.exp(-d * tau)) - np.log1p(-g)
    return mean_reversion * long_variance * (low * tau - log / gamma) + variance * low * ratio


def lognormal_jumps(u, tau, intensity, mean, deviation):
    """Merton (1976), compensated."""
    drift = 1j * u * np.expm1(mean + 0.5 * deviation**2)
    jumps = np.expm1(1j * u * mean - 0.5 * (deviation * u) ** 2)
    return intensity * tau * (jumps - drift)


def kou(u, tau, vol, intensity, up_probability, up_size, down_size):
    """Kou (2002), section 4, in the rates of the exponentials."""
    p, up, down = up_probability, 1.0 / up_size, 1.0 / down_size

    def moment(s):
        return p * up / (up - s) + (1.0 - p) * down / (down + s) - 1.0

    exponent = intensity * (moment(1j * u) - 1j * u * moment(1.0))
    return tau * (exponent - 0.5 * vol**2 * (u * u + 1j * u))


def call(exponent, spot, strike, tau, rate, dividend):
    """Lewis (2001), equation 3.11: nodes are added until the integrand has vanished."""
    forward = spot * np.exp((rate - dividend) * tau)
    k = np.log(forward / strike)
    step = min(0.05, 0.25 / (1.0 + abs(k)))
    total, start, chunk = 0.0, 0, 1 << 16
    while start < 1 << 25:
        u = step * (np.arange(start, start + chunk) + 0.5)
        terms = np.exp(exponent(u - 0.5j) + 1j * u * k).real / (u * u + 0.25)
        total += np.sum(terms)
        if np.max(np.abs(terms[-1000:])) < 1e-19:
            return np.exp(-rate * tau) * (
                forward - np.sqrt(forward * strike) * step * total / np.pi
            )
        start += chunk
    raise ArithmeticError("the characteristic function does not decay")
