"""A distributional actor-critic: a policy and the law of what is to come, from single steps."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax

from deephedge.numerics.checks import at_least_one, between, non_negative, positive
from deephedge.numerics.perceptron import silent_network
from deephedge.numerics.quantile_regression import quantile_huber
from deephedge.policies.base import AbstractPolicy, AbstractTrainablePolicy
from deephedge.policies.learned.features import Features
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.training.optimizers import clipped, default_optimizer
from deephedge.training.quantile_critic import SEEN, QuantileCritic
from deephedge.training.single_step import (
    Owed,
    SingleStep,
    decided,
    drawn_steps,
    refuse_whole_paths,
)
from deephedge.training.trainable import split_trainable
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar


class ActorCriticTrained(NamedTuple):
    """What the actor-critic found."""

    policy: AbstractPolicy
    critic: QuantileCritic
    losses: Float[Array, " step"]
    """The quantiles' loss in each step of training, over the standard deviation of the payoff."""


def train_actor_critic(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    risk: AbstractRiskMeasure | None,
    *,
    key: PRNGKeyArray,
    holdings: tuple[float, float],
    owed: Owed | None = None,
    n_quantiles: int = 64,
    n_draws: int = 8,
    exploration: float = 0.2,
    kink: float = 0.02,
    n_steps: int = 2000,
    n_paths: int = 128,
    learning_rate: float = 0.01,
    tracking: float = 0.98,
    width: int = 32,
    depth: int = 2,
) -> ActorCriticTrained:
    r"""Train a policy by the risk of the quantiles that a critic learns of what is still to come.

    With holdings h before the trade at a date and a after it, and what comes after it, Y(s, a),

    $$Y(s, a) = a \cdot \Delta - c(\pi(s', a) - a) + Y(s', \pi(s', a)) \text{ in law}, \qquad
    \pi(s, h) = \arg\min_a\, \rho\bigl(Y(s, a) - c(a - h)\bigr),$$

    with $Y(s', \cdot) = -$ payoff at the end. Every step draws paths, holdings before each of
    their dates evenly between the given two, and actions: the policy's plus normal noise. The
    critic's quantiles of Y(s, a) follow the draws by quantile regression, the policy the slope of
    the risk of those quantiles through its holdings; what follows a step comes from averages of
    both that keep `tracking` of themselves. The averages are what is found.

    Each date judges what is still to come, and forgets what was lost before: for a measure that is
    consistent over time (`Entropic`) that finds the least risk from the start. Others (expected
    shortfall, a deviation) change their mind as time goes on; what is found then is the plan that
    no later date would leave, whose risk from the start is not the least.

    For policies without memory, and problems without impact, financing or execution.

    Args:
        policy: what is trained; or any policy, if `risk` is `None`.
        risk: what is made less; `None` leaves the policy as it is, and learns its critic alone.
        owed: a first guess of what the book owes; the critic learns the difference.
        n_draws: how many of the quantiles of what follows a step are compared with those before it,
            chosen anew in each step; time goes with `n_quantiles * n_draws`.
        exploration: standard deviation of the noise, in units of each asset.
        kink: within which quantile regression bends, in standard deviations of the payoff.

    Reference: Cao, Chen, Hull and Poulos (2021), Deep hedging of derivatives using reinforcement
    learning; Cao, Chen, Farghadani, Hull, Poulos, Wang and Yuan (2023), Gamma and vega hedging
    using deep distributional reinforcement learning, section 4. They store what was seen and draw
    from it again, and see the holdings before a trade in the critic; here every draw is fresh,
    and the cost of a trade is exact.
    """
    at_least_one(n_steps=n_steps, n_paths=n_paths, n_quantiles=n_quantiles, n_draws=n_draws)
    refuse_whole_paths(problem, policy)
    if risk is not None and not isinstance(policy, AbstractTrainablePolicy):
        raise ValueError(
            f"`policy` must be one that can be trained, got {type(policy).__name__}; pass "
            "`risk=None` to learn its critic alone."
        )
    pilot_key, network_key, draw_key = jax.random.split(key, 3)
    seen = Features.fit(problem.market, problem.claim, problem.times, names=SEEN, key=pilot_key)
    n_in, dtype = seen.size + seen.n_assets, problem.times.dtype
    network = silent_network(
        n_in, n_quantiles, width=width, depth=depth, dtype=dtype, key=network_key
    )
    settings = _Settings(
        low=jnp.asarray(holdings[0], dtype),
        high=jnp.asarray(holdings[1], dtype),
        exploration=non_negative("exploration")(exploration).astype(dtype),
        kink=(positive("kink")(kink) * seen.payoff_scale).astype(dtype),
        rate=positive("learning_rate")(learning_rate).astype(dtype),
        tracking=between("tracking", 0.0, 1.0)(tracking).astype(dtype),
    )
    critic, optimizer = QuantileCritic(network, seen, owed), default_optimizer(n_steps, 1.0)
    found = _trained(
        problem, policy, critic, risk, settings, draw_key, clipped(optimizer, 1.0), n_steps,
        n_paths, n_draws,
    )  # fmt: skip
    return ActorCriticTrained(*found)


class _Settings(eqx.Module):
    """Arrays, so that new values do not compile anew."""

    low: Scalar
    high: Scalar
    exploration: Scalar
    kink: Scalar
    rate: Scalar
    tracking: Scalar


class _Pair(eqx.Module):
    """An actor and its critic, or what is kept for each."""

    actor: PyTree
    critic: PyTree


class _State(NamedTuple):
    params: _Pair
    target: _Pair
    rules: _Pair


@eqx.filter_jit
def _trained(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    critic: QuantileCritic,
    risk: AbstractRiskMeasure | None,
    settings: _Settings,
    key: PRNGKeyArray,
    optimizer: optax.GradientTransformation,
    n_steps: int,
    n_paths: int,
    n_draws: int,
) -> tuple[AbstractPolicy, QuantileCritic, Float[Array, " step"]]:
    own, rest = None, policy
    if isinstance(policy, AbstractTrainablePolicy) and risk is not None:
        own, rest = split_trainable(policy)

    def together(params: _Pair) -> _Pair:
        learned = eqx.tree_at(lambda c: c.network, critic, params.critic)
        return _Pair(rest if own is None else eqx.combine(params.actor, rest), learned)

    def loss(params: _Pair, target: _Pair, key: PRNGKeyArray) -> tuple[Scalar, Scalar]:
        now, later = together(params), together(target)
        return _loss(problem, now, later, risk, settings, key, n_paths, n_draws)

    def moved(slope: PyTree, rule: PyTree, params: PyTree) -> tuple[PyTree, PyTree]:
        with jax.numpy_dtype_promotion("standard"):
            change, rule = optimizer.update(slope, rule, params)
            change = jax.tree.map(lambda x: settings.rate * x, change)
            return eqx.apply_updates(params, change), rule

    def step(state: _State, number: Array) -> tuple[_State, Scalar]:
        draws = jax.random.fold_in(key, number)
        slope, error = jax.grad(loss, has_aux=True)(state.params, state.target, draws)
        actor, of_actor = moved(slope.actor, state.rules.actor, state.params.actor)
        network, of_critic = moved(slope.critic, state.rules.critic, state.params.critic)
        params = _Pair(actor, network)
        target = jax.tree.map(
            lambda old, new: new + settings.tracking * (old - new), state.target, params
        )
        return _State(params, target, _Pair(of_actor, of_critic)), error

    params = _Pair(own, critic.network)
    with jax.numpy_dtype_promotion("standard"):
        rules = _Pair(optimizer.init(params.actor), optimizer.init(params.critic))
    state, errors = lax.scan(step, _State(params, params, rules), jnp.arange(n_steps))
    found = together(state.target)
    return found.actor, found.critic, errors


def _loss(
    problem: HedgingProblem,
    pair: _Pair,
    target: _Pair,
    risk: AbstractRiskMeasure | None,
    settings: _Settings,
    key: PRNGKeyArray,
    n_paths: int,
    n_draws: int,
) -> tuple[Scalar, Scalar]:
    """The critic's error and the actor's risk, neither with a slope in the other's weights."""
    path_key, held_key, noise_key, pick_key = jax.random.split(key, 4)
    steps = drawn_steps(problem, path_key, n_paths)
    shape, dtype = steps.growth.shape, problem.times.dtype
    held = jax.random.uniform(held_key, shape, dtype, settings.low, settings.high)
    noise = settings.exploration * jax.random.normal(noise_key, shape, dtype)
    policy, critic = pair.actor, pair.critic
    n_quantiles = critic.network.biases[-1].shape[0]
    picks = jax.random.randint(pick_key, (shape[0], n_draws), 0, n_quantiles)
    judge = eqx.tree_at(lambda c: c.network, critic, lax.stop_gradient(critic.network))
    scale = critic.features.payoff_scale

    def of_step(
        step: SingleStep,
        before: Float[Array, " asset"],
        noise: Float[Array, " asset"],
        picked: Int[Array, " draw"],
    ) -> tuple[Scalar, Scalar]:
        after = lax.stop_gradient(decided(policy, step.now, before)) + noise
        to_come = target.critic.outcomes(problem, target.actor, step.then, after)
        end = jnp.where(step.last, step.settlement(problem, after), to_come[picked])
        draws = lax.stop_gradient(step.gain(after) + end)
        error = quantile_huber(critic(step.now, after), draws, settings.kink) / scale
        if risk is None:
            return error, jnp.zeros_like(error)
        return error, risk(judge.outcomes(problem, policy, step.now, before)) / scale

    error, judged = jax.tree.map(jnp.mean, jax.vmap(of_step)(steps, held, noise, picks))
    return error + judged, error
