"""A lower bound on the risk of every hedge, in any market that is a chain of steps."""

import dataclasses
import math
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics import normal
from deephedge.numerics.checks import at_least_one
from deephedge.optimum.certificate_capped import CappedDual
from deephedge.optimum.certificate_chain import Chain
from deephedge.optimum.certificate_dual import AbstractDual, Outcome
from deephedge.optimum.certificate_paths import evaluated, slack_shares
from deephedge.optimum.certificate_penalty import AbstractPenalty, Cap, penalty_of
from deephedge.optimum.certificate_shadow import Shadow
from deephedge.optimum.certificate_tilted import TiltedDual
from deephedge.optimum.certificate_training import Report, learned, noise
from deephedge.optimum.tilt import equally_spaced, gauss_hermite
from deephedge.policies.base import AbstractPolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import PRNGKeyArray, PyTree

_DOUBLE = np.dtype("float64")
# With a cap the density is integrated by the rule too, which takes more nodes and iterations.
_RULE = {False: gauss_hermite, True: equally_spaced}
_TRAINING = {False: (5, 3), True: (32, 5)}
_EXACT = {False: (6, 3, 8), True: (64, 16, 12)}


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

    For the entropic risk, every measure Q (Donsker and Varadhan), every price M within the spread
    that ends at the price, or within the spread if closing out is charged, and is a Q-martingale,

    $$\rho(X_h) \ge E_Q[D_T\,\text{payoff} - \text{premium}] - \frac{1}{a} H(Q|P)
    \quad\text{for every adapted hedge } h,$$

    since trading at M earns no less than trading at the price and paying the cost, and nothing on
    average. A network chooses M and a Gaussian tilt of each step's normals, but for the mean that
    makes M a martingale, which is solved for. The network is trained to raise the bound, in the
    precision of the problem; the bound is then measured on fresh paths under Q, in float64. It
    holds whatever the network does; training decides how near to the optimum it is. A share
    `slack` of the spread stays unused, and takes up the errors of quadrature; see
    docs/optimum.md.

    Costs in proportion to the trade count; what others charge counts as nothing, which leaves the
    bound valid and low. Markets whose normals act in jumps (Poisson counts) are beyond the
    quadrature: `slack_share` says so.

    Args:
        risk: `Entropic`, `ExpectedShortfall`, or the optimised certainty equivalent of a utility of
            the library. For expected shortfall the density of Q has a cap, see `CappedDual`.
        policy: a good hedge, if one is known: the network sees its holdings, and they reduce the
            variance. The bound is on every hedge, not on this one.
        n_steps: of training, each on `n_paths` fresh paths.
        evaluation_paths: fresh paths for the bound.
        level: confidence of the one-sided limit.
        width: of the network's `depth` hidden layers.
        n_nodes: of the quadrature, for each normal of a step, checked against more of them: 6 of
            Gauss and Hermite's unless given; with a cap, 64 equally spaced ones.
        report: called after every training step with its number and a short text. `Ctrl-C` ends
            training; the bound is then that of the network so far.

    Reference: Donsker and Varadhan (1983); Jouini and Kallal (1995) for the martingale within the
    spread; Cvitanić and Karatzas (1996) and Rogers (2002) for duality with costs and by simulation.
    """
    at_least_one(n_steps=n_steps, n_paths=n_paths, evaluation_paths=evaluation_paths)
    penalty, begin = penalty_of(risk), time.perf_counter()
    create_key, train_key, evaluate_key = jax.random.split(key, 3)
    shadow = Shadow.create(
        problem,
        width=width,
        depth=depth,
        slack=slack,
        n_more=1 if isinstance(penalty, Cap) else 0,
        key=create_key,
    )
    with jax.enable_x64(True):
        exact, hedge, start, far = _cast((problem, policy, shadow, penalty), _DOUBLE)
        dual = _dual(exact, hedge, start, far, n_nodes)
    shadow, stopped = learned(
        _quick(dual, problem.times.dtype),
        key=train_key,
        n_steps=n_steps,
        n_paths=n_paths,
        learning_rate=learning_rate,
        report=report,
    )
    with jax.enable_x64(True):
        dual = dataclasses.replace(dual, shadow=_cast(shadow, _DOUBLE))
        paths = evaluated(dual, noise(dual, evaluate_key, evaluation_paths), evaluation_paths)
        bound, error = _estimated(paths)
        share = float(jnp.max(slack_shares(paths)))
        quantile = float(normal.quantile(jnp.asarray(level, _DOUBLE)))
    lower = bound - quantile * error if share <= 1.0 else -math.inf
    seconds = time.perf_counter() - begin
    return Certificate(bound, error, lower, level, share, evaluation_paths, stopped, seconds)


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


def _quick(dual: AbstractDual, dtype: jnp.dtype) -> AbstractDual:
    """The same for training: in the precision of the problem, with fewer nodes and iterations."""
    capped = isinstance(dual, CappedDual)
    n_nodes, n_iterations = _TRAINING[capped]
    nodes = _RULE[capped](n_nodes, dual.shadow.n_normals, dtype)
    return dataclasses.replace(
        _cast(dual, dtype), nodes=nodes, finer=None, n_iterations=n_iterations
    )


def _cast(tree: PyTree, dtype: jnp.dtype) -> PyTree:
    return jax.tree.map(lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x, tree)


def _dual(
    problem: HedgingProblem,
    policy: AbstractPolicy | None,
    shadow: Shadow,
    penalty: AbstractPenalty | Cap,
    n_nodes: int | None,
) -> AbstractDual:
    chain = Chain.of(problem)
    capped = isinstance(penalty, Cap)
    usual, more, n_iterations = _EXACT[capped]
    n_nodes = usual if n_nodes is None else n_nodes
    rule, dtype = _RULE[capped], problem.times.dtype
    parts = {
        "chain": chain,
        "shadow": shadow,
        "policy": policy,
        "premium": problem.premium_at(chain.start()),
        "nodes": rule(n_nodes, shadow.n_normals, dtype),
        "finer": rule(n_nodes + more, shadow.n_normals, dtype),
        "n_iterations": n_iterations,
        "close_out": problem.close_out,
    }
    if isinstance(penalty, Cap):
        return CappedDual(**parts, tail=penalty.tail)
    return TiltedDual(**parts, penalty=penalty)
