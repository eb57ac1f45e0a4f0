"""Entropic value at risk: the expected loss under the worst law near the model's."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import logsumexp

from deephedge.numerics.checks import positive
from deephedge.risk.base import AbstractCashInvariantMeasure, uniform
from deephedge.typing import Array, Float, Scalar

N_HALVINGS = 100
"""Of an interval of 80 e-folds: down to rounding."""


class EntropicValueAtRisk(AbstractCashInvariantMeasure):
    r"""The worst expected loss over all laws within a relative entropy of the sampled one.

    $$\rho(X) = \sup_{H(Q|P) \le \eta} E_Q[-X]
    = \inf_{a > 0} \frac1a \bigl(\eta + \log E\,e^{-aX}\bigr)$$

    with `radius` $\eta$ in nats. To train on it is to play against an adversary who tilts the
    paths' weights by $e^{-aX}$ as far as the ball allows; `Entropic` is the same game with a
    price on entropy instead of a limit. An upper bound of the expected shortfall of the worst
    $e^{-\eta}$ of outcomes.

    Reference: Ahmadi-Javid (2012), Entropic value-at-risk, theorem 3.3; Glasserman and Xu (2014)
    for the worst law.
    """

    radius: Scalar = eqx.field(converter=positive("radius"))

    def __call__(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Scalar:
        weights = uniform(pnl, weights)
        worst, scale = _worst_and_scale(*lax.stop_gradient((pnl, weights)))
        # By the envelope theorem the optimal scale 1/a needs no derivative of its own.
        shortfall = jnp.where(weights != 0, -pnl - worst, 0.0)
        least = _least_scale(*lax.stop_gradient((shortfall, weights, scale, self.radius)))
        return worst + least * (self.radius + logsumexp(shortfall / least, b=weights))

    def worst_weights(
        self, pnl: Float[Array, " path"], weights: Float[Array, " path"] | None = None
    ) -> Float[Array, " path"]:
        """The probabilities of the paths under the worst law."""
        weights = uniform(pnl, weights)
        worst, scale = _worst_and_scale(pnl, weights)
        shortfall = jnp.where(weights != 0, -pnl - worst, 0.0)
        least = _least_scale(shortfall, weights, scale, self.radius)
        tilted = weights * jnp.exp(shortfall / least)
        return tilted / jnp.sum(tilted)

    @classmethod
    def example(cls) -> "EntropicValueAtRisk":
        """A typical member, for tests and documentation."""
        return cls(radius=0.5)


def _worst_and_scale(
    pnl: Float[Array, " path"], weights: Float[Array, " path"]
) -> tuple[Scalar, Scalar]:
    """The greatest loss of positive weight, and the range of the losses (1 if there is none)."""
    worst = jnp.max(jnp.where(weights != 0, -pnl, -jnp.inf))
    spread = worst - jnp.min(jnp.where(weights != 0, -pnl, jnp.inf))
    return worst, jnp.where(spread > 0, spread, 1.0)


@jax.jit
def _least_scale(
    shortfall: Float[Array, " path"],
    weights: Float[Array, " path"],
    scale: Scalar,
    radius: Scalar,
) -> Scalar:
    """The 1/a at which the tilted law lies at the radius; its entropy falls with 1/a."""

    def halve(_, ends: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = ends
        middle = 0.5 * (low + high)
        exponents = shortfall / jnp.exp(middle)
        total = logsumexp(exponents, b=weights)
        entropy = jnp.sum(weights * jnp.exp(exponents - total) * (exponents - total))
        far = entropy > radius
        return jnp.where(far, middle, low), jnp.where(far, high, middle)

    ends = jnp.log(scale) - 42.0, jnp.log(scale) + 38.0
    low, high = lax.fori_loop(0, N_HALVINGS, halve, ends)
    return jnp.exp(0.5 * (low + high))
