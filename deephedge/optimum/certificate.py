"""A lower bound on the risk of every hedge, in any market that is a chain of steps."""

import dataclasses
import math
import time
from statistics import NormalDist

import jax
import jax.numpy as jnp

from deephedge.numerics.checks import at_least_one
from deephedge.optimum.certificate_capped import CappedDensity
from deephedge.optimum.certificate_dual import DOUBLE, AbstractDensity, Dual, Outcome, cast
from deephedge.optimum.certificate_paths import evaluated, slack_shares
from deephedge.optimum.certificate_penalty import Cap, penalty_of
from deephedge.optimum.certificate_shadow import Shadow
from deephedge.optimum.certificate_tilted import TiltedDensity
from deephedge.optimum.certificate_training import Report, learned, noise
from deephedge.policies.base import AbstractPolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import PRNGKeyArray


@dataclasses.dataclass(frozen=True)
class Certificate:
    """No hedge has less risk than `lower`, unless the draws were of the unlucky 1 - `level`."""

    bound: float
    """The estimate of the bound, in today's money."""
    standard_error: float
    lower: float
    """Its one-sided confidence limit; minus infinity where `slack_share` is above 1."""
    level: float
    """The confidence of that limit, by the central limit theorem."""
    slack_share: float
    """What errors of the quadrature take of the room left for them, at most, on any path."""
    n_paths: int
    """Fresh paths that the bound is estimated from."""
    stopped: str
    """How training ended: "finished", "interrupted" or "nan"; the bound holds in any case."""
    seconds: float

    def gap(self, risk: float) -> float:
        """The share of a policy's risk that a better hedge might save, at most."""
        return (risk - self.lower) / abs(risk)


def certificate(
    problem: HedgingProblem,
    risk: AbstractRiskMeasure,
    *,
    key: PRNGKeyArray,
    policy: AbstractPolicy | None = None,
    n_steps: int = 400,
    n_paths: int = 1024,
    evaluation_paths: int = 65_536,
    level: float = 0.99,
    learning_rate: float = 0.01,
    width: int = 32,
    depth: int = 2,
    slack: float = 1e-3,
    n_nodes: int | None = None,
    report: Report = lambda step, text: None,
) -> Certificate:
    r"""A bound below the risk of every hedge, policies yet unknown among them.

    For the entropic risk, every measure Q (Donsker and Varadhan), and every price M within the
    spread that is a Q-martingale and ends at the price (within the spread, if closed out there),

    $$\rho(X_h) \ge E_Q[D_T\,\text{payoff} - \text{premium}] - \frac{1}{a} H(Q|P)
    \quad\text{for every adapted hedge } h.$$

    A network is trained to choose M and Q; the bound holds whatever it does. See docs/optimum.md.

    Args:
        risk: `Entropic`, `ExpectedShortfall` or an optimised certainty equivalent.
        policy: a good hedge, if one is known, for the network to see, and to reduce the variance.
        n_steps: of training, each on `n_paths` fresh paths.
        level: confidence of the limit, from `evaluation_paths` fresh paths.
        width: of the network's `depth` hidden layers.
        slack: share of the spread that M leaves for the errors of quadrature.
        n_nodes: of the quadrature for each normal of a step, checked against more of them.
        report: called after every training step; `Ctrl-C` ends training, not the rest.

    Reference: Donsker and Varadhan (1983); Jouini and Kallal (1995); Rogers (2002).
    """
    at_least_one(n_steps=n_steps, n_paths=n_paths, evaluation_paths=evaluation_paths)
    density, begin = _density(risk), time.perf_counter()
    create_key, train_key, evaluate_key = jax.random.split(key, 3)
    shadow = Shadow.create(
        problem, width=width, depth=depth, slack=slack, n_more=density.n_seen, key=create_key
    )
    with jax.enable_x64(True):
        dual = Dual.of(problem, policy, shadow, density, n_nodes)
    shadow, stopped = learned(
        dual.quick(problem.times.dtype),
        key=train_key,
        n_steps=n_steps,
        n_paths=n_paths,
        learning_rate=learning_rate,
        report=report,
    )
    bound, error, share = _measured(dual, shadow, evaluate_key, evaluation_paths)
    lower = bound - NormalDist().inv_cdf(level) * error if share <= 1.0 else -math.inf
    seconds = time.perf_counter() - begin
    return Certificate(bound, error, lower, level, share, evaluation_paths, stopped, seconds)


def _density(risk: AbstractRiskMeasure) -> AbstractDensity:
    """The measures that a risk measure is bounded by."""
    penalty = penalty_of(risk)
    return CappedDensity(penalty.tail) if isinstance(penalty, Cap) else TiltedDensity(penalty)


def _measured(
    dual: Dual, shadow: Shadow, key: PRNGKeyArray, n_paths: int
) -> tuple[float, float, float]:
    """The bound of a trained network, its standard error, and the share of the slack it takes."""
    with jax.enable_x64(True):
        dual = dataclasses.replace(dual, shadow=cast(shadow, DOUBLE))
        paths = evaluated(dual, noise(dual, key, n_paths), n_paths)
        return *_estimated(paths), float(jnp.max(slack_shares(paths)))


def _estimated(paths: Outcome) -> tuple[float, float]:
    """The mean under Q and its standard error.

    Weights have mean 1, so that a constant may be taken out of what they weigh: for each half of
    the paths the mean of the other.
    """
    inside, weight = paths.owed - paths.penalty - paths.gains, paths.weight
    even = jnp.arange(weight.shape[0]) % 2 == 0
    means = [jnp.mean(weight * inside, where=half) for half in (even, ~even)]
    middle = jnp.where(even, means[1], means[0])
    values = middle + weight * (inside - middle)
    return float(jnp.mean(values)), float(jnp.std(values, ddof=1)) / math.sqrt(len(values))
