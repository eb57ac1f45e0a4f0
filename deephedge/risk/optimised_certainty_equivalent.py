"""Optimised certainty equivalents: risk measures made from a utility."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.numerics.checks import between, positive
from deephedge.risk.base import AbstractThresholdMeasure, uniform
from deephedge.typing import Array, Float, Scalar


class AbstractUtility(eqx.Module):
    """A concave, increasing function with u(0) = 0 and slope 1 (or 1 among its slopes) at 0."""

    @abstractmethod
    def __call__(self, cash: Scalar) -> Scalar:
        """Utility of an amount of cash."""


class ExponentialUtility(AbstractUtility):
    r"""$u(x) = (1 - e^{-ax})/a$: its certainty equivalent is `Entropic(aversion)`."""

    aversion: Scalar = eqx.field(converter=positive("aversion"))

    def __call__(self, cash: Scalar) -> Scalar:
        return -jnp.expm1(-self.aversion * cash) / self.aversion

    @classmethod
    def example(cls) -> "ExponentialUtility":
        """A typical member, for tests and documentation."""
        return cls(aversion=0.5)


class ShortfallUtility(AbstractUtility):
    r"""$u(x) = -x^-/\tau$: its certainty equivalent is `ExpectedShortfall(tail)`."""

    tail: Scalar = eqx.field(converter=between("tail", 0.0, 1.0))

    def __call__(self, cash: Scalar) -> Scalar:
        return jnp.minimum(cash, 0.0) / self.tail

    @classmethod
    def example(cls) -> "ShortfallUtility":
        """A typical member, for tests and documentation."""
        return cls(tail=0.05)


class QuadraticUtility(AbstractUtility):
    r"""$u(x) = x - \tfrac{a}{2}x^2$ up to $x = 1/a$, and constant from there on.

    Its certainty equivalent is `MeanVariance(aversion)` where no P&L exceeds its mean by more
    than $1/a$, and stays monotone elsewhere.
    """

    aversion: Scalar = eqx.field(converter=positive("aversion"))

    def __call__(self, cash: Scalar) -> Scalar:
        useful = jnp.minimum(cash, 1.0 / self.aversion)
        return useful - 0.5 * self.aversion * useful**2

    @classmethod
    def example(cls) -> "QuadraticUtility":
        """A typical member, for tests and documentation."""
        return cls(aversion=0.5)


class OptimisedCertaintyEquivalent(AbstractThresholdMeasure):
    r"""The least cost of covering a position now rather than later, under a utility.

    $$\rho(X) = \inf_w \{\,w - E\,u(X + w)\,\}$$

    The optimal $w$ solves $E\,u'(X + w) = 1$; it is found by bisection between $-\max X$ and
    $-\min X$, and by the envelope theorem it needs no derivative of its own.

    Reference: Ben-Tal and Teboulle (2007), An old-new concept of convex risk measures.
    """

    utility: AbstractUtility

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        return self.at(self.threshold(pnl, weights), pnl, weights)

    def threshold(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        """The optimal w, without its derivative."""
        return _solve(*lax.stop_gradient((self.utility, pnl, uniform(pnl, weights))))

    def at(
        self,
        threshold: Scalar,
        pnl: Float[Array, " path"],
        weights: Float[Array, " path"] | None = None,
    ) -> Scalar:
        weights = uniform(pnl, weights)
        # A path without weight is moved to where no utility overflows.
        shifted = jnp.where(weights != 0, pnl + threshold, 0.0)
        return threshold - jnp.sum(weights * jax.vmap(self.utility)(shifted))

    @classmethod
    def example(cls) -> "OptimisedCertaintyEquivalent":
        """A typical member, for tests and documentation."""
        return cls(ExponentialUtility.example())


@jax.jit
def _solve(
    utility: AbstractUtility, pnl: Float[Array, " path"], weights: Float[Array, " path"]
) -> Scalar:
    slope = jax.vmap(jax.grad(utility))

    def halve(_, bracket: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = bracket
        middle = 0.5 * (low + high)
        mean_slope = jnp.sum(jnp.where(weights != 0, weights * slope(pnl + middle), 0.0))
        wanted = mean_slope > jnp.sum(weights)
        return jnp.where(wanted, middle, low), jnp.where(wanted, high, middle)

    steps = jnp.finfo(pnl.dtype).nmant + 8
    low, high = lax.fori_loop(0, steps, halve, (-jnp.max(pnl), -jnp.min(pnl)))
    return 0.5 * (low + high)
