"""The search behind `fit_svi`: penalised least squares, then a path into what is allowed."""

from functools import partial

import numpy as np

from deephedge.typing import Array

PENALTIES = (1.0, 10.0, 100.0, 1000.0, 10000.0)
"""Weights of a negative density factor, against errors relative to the mean total variance."""

MARGIN = 1e-6
"""The least density factor of a result, which is asked on points and not everywhere."""

HALVINGS = 40
"""Of the way from the free fit to the nearest SSVI slice."""


def fitted(k: np.ndarray, total: np.ndarray, weights: Array | None) -> np.ndarray:
    """The raw parameters a, b, rho, m, sigma."""
    from scipy.optimize import least_squares

    root = np.ones_like(total) if weights is None else np.sqrt(np.asarray(weights, float))
    if not np.all(np.isfinite([k, total, root])) or np.any(total <= 0) or len(k) < 5:
        raise ValueError("`total_variance` must be positive at five or more finite quotes.")
    scale, grid = np.mean(total), wide_grid(k)
    width, centre = max(np.ptp(k), 1e-3), k[np.argmin(total)]

    def residuals(x: np.ndarray, penalty: float) -> np.ndarray:
        raw = _raw(x)
        missing = np.minimum(density_factor(raw, grid) - 1e3 * MARGIN, 0.0)
        return np.concatenate(
            [root * (variance(raw, k) - total) / scale, penalty * missing / grid.size**0.5]
        )

    def slice_residuals(x: np.ndarray) -> np.ndarray:
        return root * (variance(_ssvi_slice(x), k) - total) / scale

    search = partial(least_squares, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=500)
    level = np.log(0.5 * total.min())
    starts = [
        np.array([level, 0.0, rho, m, np.log(s * width)])
        for rho in (-0.5, 0.5)
        for m, s in ((centre, 0.3), (0.0, 0.1))
    ]
    found = [search(residuals, x, args=PENALTIES[:1]) for x in starts]
    x = min(found, key=lambda f: f.cost).x
    for penalty in PENALTIES:
        x = search(residuals, x, args=(penalty,)).x
        if is_free(_raw(x), grid):
            return _raw(x)
    near = search(slice_residuals, np.array([np.log(scale), -0.3, 0.0]))
    return _between(_ssvi_slice(near.x), _raw(x), grid)


def _raw(x: np.ndarray) -> np.ndarray:
    """Raw parameters with a positive lowest variance and wings within Lee's bound."""
    rho = 0.9999 * np.tanh(x[2])
    b, sigma = (1.0 + np.tanh(x[1])) / (1.0 + abs(rho)), np.exp(min(x[4], 50.0))
    lowest = np.exp(min(x[0], 50.0))
    return np.array([lowest - b * sigma * np.sqrt(1.0 - rho**2), b, rho, x[3], sigma])


def _ssvi_slice(x: np.ndarray) -> np.ndarray:
    """Raw parameters of an SSVI slice within theorem 4.2 of Gatheral and Jacquier (2014)."""
    theta, rho = np.exp(min(x[0], 50.0)), 0.9999 * np.tanh(x[1])
    wide = theta * (1.0 + abs(rho))
    phi = 0.999 * min(4.0 / wide, 2.0 / np.sqrt(wide)) * 0.5 * (1.0 + np.tanh(x[2]))
    rest = 1.0 - rho**2
    return np.array([0.5 * theta * rest, 0.5 * theta * phi, rho, -rho / phi, np.sqrt(rest) / phi])


def _between(allowed: np.ndarray, wanted: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The last point free of arbitrage on a bisected line from `allowed` to `wanted`."""
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        inside = is_free(allowed + middle * (wanted - allowed), grid)
        low, high = (middle, high) if inside else (low, middle)
    return allowed + low * (wanted - allowed)


def variance(raw: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Total variance. See `SVI`."""
    a, b, rho, m, sigma = raw
    return a + b * (rho * (k - m) + np.hypot(k - m, sigma))


def density_factor(raw: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Durrleman's g. See `SVI.density_factor`."""
    _, b, rho, m, sigma = raw
    w, root = np.maximum(variance(raw, k), 1e-300), np.hypot(k - m, sigma)
    slope, bend = b * (rho + (k - m) / root), b * sigma**2 / root**3
    return (1.0 - 0.5 * k * slope / w) ** 2 - 0.25 * slope**2 * (1.0 / w + 0.25) + 0.5 * bend


def is_free(raw: np.ndarray, grid: np.ndarray) -> bool:
    """Whether the smile keeps Lee's bound and has no butterfly arbitrage, with some margin."""
    a, b, rho, m, sigma = raw
    lowest = a + b * sigma * np.sqrt(1.0 - rho**2)
    if lowest < 0 or b * (1.0 + abs(rho)) > 2.0:
        return False
    # Next to its bend the smile varies on the scale of sigma; then closer at the lowest points.
    points = np.sort(np.concatenate([grid, m + sigma * np.sinh(np.linspace(-6.0, 6.0, 241))]))
    g = density_factor(raw, points)
    for i in np.argsort(g)[:5]:
        left, right = points[max(i - 1, 0)], points[min(i + 1, points.size - 1)]
        g = np.append(g, density_factor(raw, np.linspace(left, right, 201)))
    return bool(g.min() >= MARGIN)


def wide_grid(k: np.ndarray) -> np.ndarray:
    """Log-moneyness where absence of arbitrage is asked: the quotes' range and the wings."""
    reach = 3.0 * max(float(np.ptp(k)), 0.5)
    wings = reach * np.geomspace(1.0, 20.0, 40)
    centre = np.linspace(k.min() - reach, k.max() + reach, 401)
    return np.concatenate([k.min() - wings[::-1], centre, k.max() + wings])
