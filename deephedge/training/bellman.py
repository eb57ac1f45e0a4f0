"""Bellman training: a policy and its value from single steps, whatever is held before them."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax import lax

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.risk.optimised_certainty_equivalent import AbstractUtility
from deephedge.rollout.problem import HedgingProblem
from deephedge.training.optimizers import clipped, default_optimizer
from deephedge.training.single_step import (
    Owed,
    SingleStep,
    charged,
    decided,
    drawn_steps,
    refuse_whole_paths,
)
from deephedge.training.trainable import split_trainable
from deephedge.typing import Array, Float, PRNGKeyArray, PyTree, Scalar


class Critic(eqx.Module):
    """What the book is worth with given holdings, before trading, and the cash of its utility."""

    network: Perceptron
    features: Features
    owed: Owed | None

    def __call__(self, now: Snapshot, holdings: Float[Array, " asset"]) -> tuple[Scalar, Scalar]:
        x = jnp.concatenate([self.features(now), holdings])
        scale = self.features.payoff_scale
        guess = jnp.zeros_like(now.time) if self.owed is None else -self.owed(now)
        value, cash = self.network(x)
        return guess + scale * value, -guess + scale * cash


class BellmanTrained(NamedTuple):
    """What Bellman training found."""

    policy: AbstractTrainablePolicy
    critic: Critic
    losses: Float[Array, " step"]
    """Mean squared error of the value in each step of training."""


class _State(NamedTuple):
    params: PyTree
    """The policy's, and the critic's network."""
    optimizer: PyTree
    target: PyTree


def train_bellman(
    problem: HedgingProblem,
    policy: AbstractTrainablePolicy,
    utility: AbstractUtility,
    *,
    key: PRNGKeyArray,
    holdings: tuple[float, float],
    owed: Owed | None = None,
    n_steps: int = 2000,
    n_paths: int = 128,
    learning_rate: float = 0.01,
    tracking: float = 0.98,
    width: int = 32,
    depth: int = 2,
) -> BellmanTrained:
    r"""Train a policy and its value by Bellman's equation, from any holdings at every date.

    $$V(s, h) = U_s\bigl[-c(\pi - h) + \pi \cdot \Delta + V(s', \pi)\bigr], \qquad
    U_s[X] = \sup_y E_s\,u(X + y) - y,$$

    with $V = -$ payoff at the end. Every step draws paths, and holdings before each of their
    dates evenly between the given two: the policy learns what to do from anywhere, not only from
    where it would be. It and the cash y(s, h) climb $u(X + y) - y$; V(s, h) follows its mean by
    least squares; V in X is an average of past ones that keeps `tracking` of itself a step.

    For policies without memory whose base, if they have one, has none either, and problems
    without impact, financing or execution.

    Args:
        owed: a first guess of what the book owes; V learns the difference.

    Reference: Buehler, Murray and Wood (2022), Deep Bellman hedging, equation 2.
    """
    at_least_one(n_steps=n_steps, n_paths=n_paths)
    refuse_whole_paths(problem, policy)
    pilot_key, network_key, draw_key = jax.random.split(key, 3)
    seen = Features.fit(problem.market, problem.claim, problem.times, names=STANDARD, key=pilot_key)
    n_in = seen.size + seen.n_assets
    network = silent_network(
        n_in, 2, width=width, depth=depth, dtype=problem.times.dtype, key=network_key
    )
    critic, rule = Critic(network, seen, owed), default_optimizer(n_steps, learning_rate)
    found = _trained(
        problem, policy, critic, utility, draw_key, holdings, clipped(rule, 1.0), n_steps, n_paths,
        tracking,
    )  # fmt: skip
    return BellmanTrained(*found)


@eqx.filter_jit
def _trained(
    problem: HedgingProblem,
    policy: AbstractTrainablePolicy,
    critic: Critic,
    utility: AbstractUtility,
    key: PRNGKeyArray,
    holdings: tuple[float, float],
    optimizer: optax.GradientTransformation,
    n_steps: int,
    n_paths: int,
    tracking: float,
) -> tuple[AbstractTrainablePolicy, Critic, Float[Array, " step"]]:
    policy_params, policy_rest = split_trainable(policy)

    def together(params: PyTree) -> tuple[AbstractTrainablePolicy, Critic]:
        own, network = params
        return eqx.combine(own, policy_rest), eqx.tree_at(lambda c: c.network, critic, network)

    def loss(params: PyTree, target: Perceptron, key: PRNGKeyArray) -> tuple[Scalar, Scalar]:
        policy, now_critic = together(params)
        later = eqx.tree_at(lambda c: c.network, critic, target)
        return _loss(problem, policy, now_critic, later, utility, key, holdings, n_paths)

    def step(state: _State, number: Array) -> tuple[_State, Scalar]:
        draws = jax.random.fold_in(key, number)
        (_, error), slope = jax.value_and_grad(loss, has_aux=True)(
            state.params, state.target, draws
        )
        with jax.numpy_dtype_promotion("standard"):
            change, rule = optimizer.update(slope, state.optimizer, state.params)
            params = eqx.apply_updates(state.params, change)
        target = jax.tree.map(
            lambda old, new: new + tracking * (old - new), state.target, params[1]
        )
        return _State(params, rule, target), error

    params: PyTree = (policy_params, critic.network)
    with jax.numpy_dtype_promotion("standard"):
        state = _State(params, optimizer.init(params), critic.network)
    state, errors = lax.scan(step, state, jnp.arange(n_steps))
    policy, _ = together(state.params)
    return policy, eqx.tree_at(lambda c: c.network, critic, state.target), errors


def _loss(
    problem: HedgingProblem,
    policy: AbstractTrainablePolicy,
    critic: Critic,
    later: Critic,
    utility: AbstractUtility,
    key: PRNGKeyArray,
    holdings: tuple[float, float],
    n_paths: int,
) -> tuple[Scalar, Scalar]:
    """What the policy and the cash climb, with the other sign, plus the value's squared error."""
    path_key, held_key = jax.random.split(key)
    steps = drawn_steps(problem, path_key, n_paths)
    shape, dtype = steps.growth.shape, problem.times.dtype
    held = jax.random.uniform(held_key, shape, dtype, holdings[0], holdings[1])

    def of_step(step: SingleStep, before: Float[Array, " asset"]) -> tuple[Scalar, Scalar]:
        after = decided(policy, step.now, before)
        worth_then = jnp.where(
            step.last, step.settlement(problem, after), later(step.then, after)[0]
        )
        cost = charged(problem, before, after, step.now)
        value, cash = critic(step.now, before)
        useful = utility(step.gain(after) - cost + worth_then + cash) - cash
        return useful, (value - lax.stop_gradient(useful)) ** 2

    useful, error = jax.vmap(of_step)(steps, held)
    return jnp.mean(error) - jnp.mean(useful), jnp.mean(error)
