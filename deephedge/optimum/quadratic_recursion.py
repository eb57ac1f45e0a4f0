"""The recursion of quadratic hedging, on Fourier modes of the log-price and a grid of a factor."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.typing import Array, Float, Scalar


class OneStep(eqx.Module):
    r"""The law of one step, as operators on functions of the factor at its end.

    With R the discounted return of a share (dividends reinvested) and v the factor, entry
    $[z, i, j]$ is the weight of $f(v'_j)$ in $E[R^z f(v') \mid v_i]$: at $z = 0, 1, 2$, at
    $z = \tfrac12 + iu$ and $\tfrac32 + iu$ for the n/2 + 1 modes $u = 2\pi k/P$ of a period P, and
    at $z = 1 + iu$ for the n + 1 modes of products.
    """

    moments: Float[Array, "three factor factor"]
    half: Array
    one_and_half: Array
    square: Array


class Tables(eqx.Module):
    """What the recursion leaves, date by date, first date first; cash in today's money."""

    opportunity: Float[Array, "step factor"]
    """L: the least mean square of 1 + gains that is still to be had."""
    feedback: Float[Array, "step factor"]
    r"""$\lambda$: value to hold, in shares of the shortage of wealth."""
    value: Float[Array, "step factor point"]
    """V, of what no static position replicates."""
    exposure: Float[Array, "step factor point"]
    r"""$\xi X$ of the same: value to hold where wealth is V."""
    square: Float[Array, "factor twice"]
    """J at the first date: the least mean square from capital V, at 2n points."""


def recursion(
    step: OneStep, modes: Array, y: Float[Array, " point"], fine: Float[Array, " twice"], n: int
) -> Tables:
    r"""Backwards over `n` equal steps, $X' = XR$, from $L = 1$, V the payoff, J = 0.

    $$L = E[L'(1 - a\,\Delta X)], \quad a = \frac{E[L'\Delta X]}{E[L'\Delta X^2]} =
    \frac{\lambda}{X}, \quad V = \frac{E[L'(1 - a\,\Delta X)V']}{L}, \quad
    \xi = \frac{E[L'(V' - V)\Delta X]}{E[L'\Delta X^2]},$$
    $$J = E[J'] + E[L'(V' - V - \xi\Delta X)^2] = E[J' + L'V'^2] - V\,E[L'V'] -
    \xi\,E[L'V'\Delta X].$$

    Holding $\xi + a(V - w)$ at wealth w leaves the least mean square $L(w - V)^2 + J$. V is
    $e^{y/2}$ times a Fourier series in y = log X, with coefficients `modes` at the end (those of
    an irfft); J is $e^y$ times another on a grid twice as fine, on which products are exact.

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time; Černý and Kallsen
    (2009), Hedging by sequential regressions revisited, for L and a.
    """
    n_points, n_factors = y.shape[0], step.moments.shape[1]

    def on(operator: Array, values: Array) -> Array:
        return jnp.einsum("uij,ju->iu", operator, values)

    def back(carry: tuple[Array, Array, Array], _: None):
        later, w, j = carry
        m0, m1, m2 = step.moments @ later
        gain, square = m1 - m0, m2 - 2.0 * m1 + m0
        feedback = gain / square
        now = m0 - feedback * gain
        e0 = on(step.half, later[:, None] * w)
        e1 = on(step.one_and_half, later[:, None] * w) - e0
        value = (e0 - feedback[:, None] * e1) / now[:, None]
        exposure = (e1 - value * gain[:, None]) / square[:, None]
        squares = jnp.fft.rfft(_fine(w, n_points) ** 2)
        explained = _fine(value, n_points) * _fine(e0, n_points)
        explained = explained + _fine(exposure, n_points) * _fine(e1, n_points)
        j = on(step.square, j + later[:, None] * squares) - jnp.fft.rfft(explained)
        kept = (now, feedback, _points(value, y), _points(exposure, y))
        return (now, value, j), kept

    start = (
        jnp.ones(n_factors, y.dtype),
        jnp.broadcast_to(modes[None, :], (n_factors, modes.shape[0])),
        jnp.zeros((n_factors, n_points + 1), modes.dtype),
    )
    (_, _, j), kept = lax.scan(back, start, None, length=n, reverse=True)
    square = jnp.exp(fine)[None, :] * jnp.fft.irfft(j, n=2 * n_points)
    return Tables(*kept, square)


def _points(modes: Array, y: Float[Array, " point"]) -> Float[Array, "factor point"]:
    return jnp.exp(0.5 * y)[None, :] * jnp.fft.irfft(modes, n=y.shape[0])


def _fine(modes: Array, n_points: int) -> Float[Array, "factor twice"]:
    """The series at twice as many points, without its factor $e^{y/2}$."""
    return 2.0 * jnp.fft.irfft(modes, n=2 * n_points)


def step_modes(
    above: Float[Array, " piece"],
    below: Float[Array, " piece"],
    edge: Float[Array, " piece"],
    u: Float[Array, " mode"],
    reach: Scalar,
) -> Array:
    r"""Modes of $e^{-y/2}\sum_i (a_i 1\{y > k_i\} + b_i e^y 1\{y < k_i\})$ on $\pm$ `reach`.

    The factor $e^{-y/2}$ makes both kinds fall off to both sides; the coefficients are exact,
    scaled and signed for an `irfft` at points from -`reach` on.
    """
    k = jnp.clip(edge, min=-reach, max=reach)[:, None]
    half = jnp.full_like(u, 0.5)
    p, q = lax.complex(half, u)[None, :], lax.complex(half, -u)[None, :]
    cash = (jnp.exp(-p * k) - jnp.exp(-p * reach)) / p
    shares = (jnp.exp(q * k) - jnp.exp(-q * reach)) / q
    total = jnp.sum(above[:, None] * cash + below[:, None] * shares, axis=0) / (2.0 * reach)
    n_points = 2 * (u.shape[0] - 1)
    signs = jnp.where(jnp.arange(u.shape[0]) % 2 == 0, 1.0, -1.0) * n_points
    # The highest mode of an even number of points has no phase of its own.
    return (total * signs).at[-1].set(0.0)
