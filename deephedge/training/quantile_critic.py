"""The law of the P&L still to come, by a network of its quantiles."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.perceptron import Perceptron
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.rollout.problem import HedgingProblem
from deephedge.training.single_step import Owed, charged, decided
from deephedge.typing import Array, Float

SEEN = (*STANDARD, "deviations")
"""By the critic: near maturity what is still to come turns sharply at a strike."""


class QuantileCritic(eqx.Module):
    r"""The law of the P&L still to come, by its quantiles at $(i - \tfrac12)/N$, equally likely.

    Of holdings after a trade: what the trade costs is known, and is not learned. Cash in today's
    money, the premium left out. Nothing keeps the quantiles in order: read them as a sample.
    """

    network: Perceptron
    features: Features
    owed: Owed | None

    def __call__(self, now: Snapshot, after: Float[Array, " asset"]) -> Float[Array, " quantile"]:
        """From holdings `after` the trade at `now`, under the policy that was learned from."""
        guess = jnp.zeros_like(now.time) if self.owed is None else -self.owed(now)
        x = jnp.concatenate([self.features(now), after])
        return guess + self.features.payoff_scale * self.network(x)

    def outcomes(
        self,
        problem: HedgingProblem,
        policy: AbstractPolicy,
        now: Snapshot,
        held: Float[Array, " asset"],
    ) -> Float[Array, " quantile"]:
        """From holdings before the trade, with what the policy's trade costs."""
        after = decided(policy, now, held)
        return self(now, after) - charged(problem, held, after, now)
