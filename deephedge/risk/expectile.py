"""Expectiles: the coherent measures that are also elicitable."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics.checks import between
from deephedge.risk.base import AbstractCashInvariantMeasure, uniform
from deephedge.typing import Array, Float, Scalar

_MAX_STEPS = 100


class Expectile(AbstractCashInvariantMeasure):
    r"""The expectile of the loss: a mean that weighs what lies above it more than what lies below.

    It is the $m$ that solves, for the loss $L = -X$,

    $$q\,E(L - m)^+ = (1 - q)\,E(m - L)^+$$

    with a `level` $q$ strictly between 1/2 (where it would be the mean) and 1. The equation is
    piecewise linear and convex in $m$, so Newton's method from the mean ends at the exact root
    after a few steps.

    Reference: Newey and Powell (1987); Bellini, Klar, Müller and Rosazza Gianin (2014),
    Generalized quantiles as risk measures.
    """

    level: Scalar = eqx.field(converter=between("level", 0.5, 1.0))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        losses, weights = -pnl, uniform(pnl, weights)
        root = _solve(*lax.stop_gradient((losses, weights, self.level)))
        # One more Newton step from the root leaves it there and carries its derivatives.
        return _newton(root, losses, weights, self.level)

    @classmethod
    def example(cls) -> "Expectile":
        """A typical member, for tests and documentation."""
        return cls(level=0.9)


def _newton(
    guess: Scalar, losses: Float[Array, " path"], weights: Float[Array, " path"], level: Scalar
) -> Scalar:
    asymmetric = weights * jnp.where(losses > guess, level, 1.0 - level)
    return jnp.sum(asymmetric * losses) / jnp.sum(asymmetric)


@jax.jit
def _solve(losses: Float[Array, " path"], weights: Float[Array, " path"], level: Scalar) -> Scalar:
    def rises(state):
        previous, current, count = state
        return (current > previous) & (count < _MAX_STEPS)

    def advance(state):
        _, current, count = state
        return current, _newton(current, losses, weights, level), count + 1

    mean = jnp.sum(weights * losses) / jnp.sum(weights)
    _, root, _ = lax.while_loop(rises, advance, advance((mean, mean, 0)))
    return root
