"""Exact prices of claims watched at dates, by Gauss-Legendre quadrature from date to date."""

from itertools import pairwise

import numpy as np


def panels(cuts, n=64, widest=0.15):
    """Nodes and weights between consecutive cuts of the log-price."""
    points, weights = np.polynomial.legendre.leggauss(n)
    nodes, sizes = [], []
    for low, high in pairwise(cuts):
        edges = np.linspace(low, high, int(np.ceil((high - low) / widest)) + 1)
        for a, b in pairwise(edges):
            nodes.append(0.5 * (a + b) + 0.5 * (b - a) * points)
            sizes.append(0.5 * (b - a) * weights)
    return np.concatenate(nodes), np.concatenate(sizes)


def backward(spot, dts, cuts, deviation, growth, rate, values, between):
    """The value at `spot` of what pays `values(S)` after the last step of lengths `dts`.

    `deviation(S, k)` is the volatility of step k; `between(S, k, values)` the value at date k
    of what is worth `values` if it goes on. Both value arrays may have leading axes. Payoffs
    must be smooth between the `cuts` (prices).
    """
    spread = 10.0 * max(deviation(spot, 0), 0.2) * np.sqrt(np.sum(dts))
    low, high = np.log(spot) - spread, np.log(spot) + spread
    inner = sorted({np.log(c) for c in cuts if low < np.log(c) < high})
    x, w = panels([low, *inner, high])
    value = values(np.exp(x))
    for k in reversed(range(len(dts))):
        start = x if k else np.array([np.log(spot)])
        vol = np.broadcast_to(deviation(np.exp(start), k), start.shape)
        s = vol * np.sqrt(dts[k])
        mean = start + growth * dts[k] - 0.5 * s**2
        density = np.exp(-0.5 * ((x[None] - mean[:, None]) / s[:, None]) ** 2)
        kernel = density * w[None] / (s[:, None] * np.sqrt(2.0 * np.pi))
        value = np.exp(-rate * dts[k]) * value @ kernel.T
        if k:
            value = between(np.exp(x), k, value)
    return float(value[..., 0].reshape(-1)[0])


def slopes(price, at, step):
    """First and second derivative of a smooth function, by differences of sixth order."""
    p = [price(at + k * step) for k in range(-3, 4)]
    first = (45 * (p[4] - p[2]) - 9 * (p[5] - p[1]) + (p[6] - p[0])) / (60 * step)
    second = (2 * (p[0] + p[6]) - 27 * (p[1] + p[5]) + 270 * (p[2] + p[4]) - 490 * p[3]) / (
        180 * step**2
    )
    return first, second
