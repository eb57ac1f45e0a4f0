"""Greeks of a hedged position: how its risk moves with the parameters of the problem."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, antithetic, pseudo
from deephedge.numerics.statistics import influence, standard_error
from deephedge.policies.base import AbstractPolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import at_once, hedged, refuse_weighted
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar

Where = Callable[[HedgingProblem], PyTree]


class RiskSensitivities(eqx.Module):
    """Derivatives of a risk, and their standard errors.

    Each has the structure of the chosen part of the problem, every float array of it replaced by
    the derivative with respect to it (`None` for what is not a float array).
    """

    risk: Scalar
    slopes: PyTree
    errors: PyTree


def market_and_cost(problem: HedgingProblem) -> tuple:
    """The parameters of the market and of the cost."""
    return problem.market, problem.cost


def risk_sensitivities(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    risk: AbstractRiskMeasure,
    n_paths: int,
    *,
    key: PRNGKeyArray,
    where: Where = market_and_cost,
    draws: Draws = pseudo,
    batch_size: int | None = None,
) -> RiskSensitivities:
    r"""$d\rho(\text{P\&L})/d\theta$ for the parameters $\theta$ of a problem, the policy frozen.

    The P&L of every path is differentiated through the market, the trades and the ledger, as the
    weights of a trained policy stay what they are: what a wrong vol, correlation or cost does to
    a hedge made for the right one. With $G_i = dX_i/d\theta$ and the weights $p$ of the paths,

    $$\frac{d\rho}{d\theta} = \sum_i \frac{\partial \rho(X, p)}{\partial X_i} G_i$$

    and the standard error is that of its influence values, the derivatives with respect to $p$.
    Unbiased where the P&L is Lipschitz in the parameters: bands and smooth policies, proportional
    costs, continuous payoffs; not for rules and payoffs that jump. A pricer inside the policy or
    the premium is part of them, and stays. Off the diagonal of a correlation matrix each of two
    equal entries has half of the derivative.

    Args:
        where: the part of the problem to differentiate by, as for `equinox.tree_at`:
            `lambda p: p.market`, `lambda p: p.market.vol`; market and cost unless given.

    Reference: Broadie and Glasserman (1996), pathwise derivatives; Hampel (1974) for the error.
    """
    at_least_one(n_paths=n_paths)
    pairs = 2 if draws is antithetic else 1
    normals = problem.normals_per_step
    source = draws(key, n_paths, problem.n_steps, normals, problem.times.dtype)
    refuse_weighted(source)
    batch_size = at_once(problem, n_paths, batch_size)
    return _sensitivities(problem, policy, risk, source, where, n_paths, batch_size, pairs)


@eqx.filter_jit
def _sensitivities(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    risk: AbstractRiskMeasure,
    source: AbstractSource,
    where: Where,
    n_paths: int,
    batch_size: int,
    pairs: int,
) -> RiskSensitivities:
    parameters, rest = eqx.partition(where(problem), eqx.is_inexact_array)
    level, unravel = ravel_pytree(parameters)

    def pnl(level: Array, index: Int[Array, ""]) -> tuple[Scalar, Scalar]:
        moved = eqx.tree_at(where, problem, eqx.combine(unravel(level), rest))
        value = hedged(moved, policy, source(index)).pnl
        return value, value

    slopes, values = lax.map(
        lambda index: jax.jacfwd(pnl, has_aux=True)(level, index),
        jnp.arange(n_paths),
        batch_size=batch_size,
    )
    found, errors = lax.map(lambda slope: _estimate(risk, values, slope, pairs), slopes.T)
    return RiskSensitivities(risk(values), unravel(found), unravel(errors))


def _estimate(
    risk: AbstractRiskMeasure,
    values: Float[Array, " path"],
    slope: Float[Array, " path"],
    pairs: int,
) -> tuple[Scalar, Scalar]:
    """The derivative of the risk where every P&L moves along its slope, and the error of that."""

    def along(values: Float[Array, " path"], weights: Float[Array, " path"]) -> Scalar:
        return jax.jvp(lambda x: risk(x, weights), (values,), (slope,))[1]

    equal = jnp.full_like(values, 1.0 / values.shape[0])
    return along(values, equal), standard_error(influence(along, values), pairs)
