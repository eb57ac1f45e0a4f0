"""How a hedge answers to each thing that it sees, all else as it comes."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets import Path, Snapshot, simulate
from deephedge.policies import AbstractPolicy, Account
from deephedge.reports.figures import empty_figure, line_style
from deephedge.rollout import HedgingProblem
from deephedge.typing import Array, Float, PRNGKeyArray, PyTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

N_POINTS = 21


@dataclasses.dataclass(frozen=True)
class Dependence:
    """The mean holdings of each policy where one input has each of the values."""

    input: str
    values: Float[np.ndarray, " value"]
    holdings: dict[str, Float[np.ndarray, " value"]]


def partial_dependence(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    *,
    key: PRNGKeyArray,
    n_paths: int = 128,
    asset: int = 0,
) -> list[Dependence]:
    r"""The mean of $\pi(x_S, x_{-S})$ over the states $x_{-S}$ that paths visit, by $x_S$.

    For the time, each price, each factor, what the claim remembers, and what was held before,
    from the 5th to the 95th percentile of each. States are those of simulated paths at random
    dates, with holdings drawn evenly from 0 to 1. A policy with memory is asked as on its first
    date. An input that never varies is left out.

    Reference: Friedman (2001), Greedy function approximation, section 8.2.
    """
    path_key, date_key, held_key = jax.random.split(key, 3)
    paths = simulate(problem.market, problem.times, n_paths, key=path_key)
    dates = jax.random.randint(date_key, (n_paths,), 0, problem.n_steps)
    nows = _states(problem, paths, dates)
    shape = (n_paths, nows.prices.shape[1])
    held = jax.random.uniform(held_key, shape, problem.times.dtype)
    asked = []
    for name, column in _inputs(nows, held):
        low, high = np.quantile(np.asarray(_read(nows, held, column)), [0.05, 0.95])
        if low < high:
            asked.append((name, column, np.linspace(low, high, N_POINTS)))
    # All inputs at once: a policy is compiled for one call.
    states = [_varied(nows, held, column, values) for _, column, values in asked]
    every = jax.tree.map(lambda *x: jnp.asarray(np.concatenate(x)), *states)
    means = {
        name: np.asarray(_holdings(policy, *every))[:, asset]
        .reshape(len(asked), N_POINTS, n_paths)
        .mean(axis=2)
        for name, policy in policies.items()
    }
    return [
        Dependence(name, values, {policy: mean[i] for policy, mean in means.items()})
        for i, (name, _, values) in enumerate(asked)
    ]


def partial_dependence_curves(found: list[Dependence]) -> "Figure":
    """A panel for each input, a curve for each policy."""
    n_columns = min(len(found), 3)
    n_rows = -(-len(found) // n_columns)
    figure, axes = empty_figure(n_columns, n_rows, height=2.6 * n_rows + 0.6)
    for axis, one in zip(axes, found, strict=False):
        for number, (name, means) in enumerate(one.holdings.items()):
            axis.plot(one.values, means, label=name, **line_style(number))
        axis.set_xlabel(one.input)
    for axis in axes[len(found) :]:
        axis.set_visible(False)
    axes[0].set_ylabel("mean units held")
    axes[0].legend(frameon=False, fontsize=8)
    return figure


Column = tuple[str, int]
"""A field of the state, and which of its entries."""


def _inputs(nows: PyTree, held: Array) -> list[tuple[str, Column]]:
    """What can be asked about, by the name it has in a figure."""
    sizes = {
        "price": nows.prices.shape[1],
        "factor": nows.factors.shape[1],
        "progress": nows.progress.shape[1],
        "held before": held.shape[1],
    }
    several = [
        (kind if size == 1 else f"{kind} {i + 1}", (kind, i))
        for kind, size in sizes.items()
        for i in range(size)
    ]
    return [("time, years", ("time", 0)), *several]


FIELDS = {"price": "prices", "factor": "factors", "progress": "progress", "time": "time"}


def _read(nows: PyTree, held: Array, column: Column) -> Array:
    kind, i = column
    if kind == "held before":
        return held[:, i]
    value = vars(nows)[FIELDS[kind]]
    return value if value.ndim == 1 else value[:, i]


@eqx.filter_jit
def _states(problem: HedgingProblem, paths: Path, dates: Array) -> PyTree:
    """A `Snapshot` of each path, at its date, with a leading axis on every field."""

    def one(path: Path, date: Array) -> Snapshot:
        path = dataclasses.replace(path, progress=problem.claim.progress(path))
        return jax.tree.map(lambda x: x[date], path.snapshots())

    return jax.vmap(one)(paths, dates)


def _varied(nows: PyTree, held: Array, column: Column, values: np.ndarray) -> PyTree:
    """Every state with every value of one input: the values follow each other."""
    kind, i = column

    def repeated(x: Array) -> np.ndarray:
        return np.array(np.broadcast_to(np.asarray(x), (len(values), *x.shape)))

    nows, held = jax.tree.map(repeated, (nows, held))
    changed = held if kind == "held before" else vars(nows)[FIELDS[kind]]
    if kind == "time":
        changed[...] = values[:, None]
    else:
        changed[..., i] = values[:, None]
    n = len(values) * held.shape[1]
    return jax.tree.map(lambda x: x.reshape(n, *x.shape[2:]), (nows, held))


@eqx.filter_jit
def _holdings(
    policy: AbstractPolicy, nows: PyTree, held: Float[Array, "state asset"]
) -> Float[Array, "state asset"]:
    def one(now: Snapshot, held: Array) -> Array:
        account = Account(held, jnp.zeros_like(now.time))
        return policy.step(now, account, policy.init())[0]

    return jax.vmap(one)(nows, held)
