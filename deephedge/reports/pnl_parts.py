"""Where the mean P&L of each policy comes from: theta, delta, gamma, vega, cost and the rest."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import NoClaim
from deephedge.markets import Path
from deephedge.numerics.draws import AbstractSource, pseudo
from deephedge.policies import AbstractPolicy
from deephedge.pricing import AbstractPricer
from deephedge.reports.attribute_paths import attribute_paths, whole_path
from deephedge.reports.attribution import Attribution
from deephedge.reports.text import text_tables, with_error
from deephedge.rollout import HedgingProblem, Ledger, rollout
from deephedge.typing import Array, PRNGKeyArray

BATCH = 2048
"""Paths with their whole ledgers in memory at once."""

NEGLIGIBLE = 1e-5
"""Share of the deviation of the P&L below which a part is rounding."""

PARTS = tuple(field.name for field in dataclasses.fields(Attribution))


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the P&L of one policy."""

    mean: float
    standard_error: float
    deviation: float
    """From path to path."""


@dataclasses.dataclass(frozen=True)
class PnlParts:
    """The parts of every policy's P&L, in today's money; a gain is positive.

    The means of a policy's parts add up to its mean P&L, `total`.
    """

    parts: Mapping[str, Mapping[str, Part]]
    """By policy, then by the fields of `Attribution`; at last `total`."""
    n_paths: int
    pricer: str
    """Whose Greeks they are."""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parts that are not zero, but for rounding, for all policies; and of the total."""
        found = [x for x in PARTS if not all(self._is_zero(own, x) for own in self.parts.values())]
        return (*found, "total")

    @staticmethod
    def _is_zero(own: Mapping[str, Part], name: str) -> bool:
        scale = own["total"].deviation + abs(own["total"].mean)
        return own[name].deviation + abs(own[name].mean) <= NEGLIGIBLE * scale

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        policies = {
            policy: {name: dataclasses.asdict(part) for name, part in own.items()}
            for policy, own in self.parts.items()
        }
        return {"n_paths": self.n_paths, "pricer": self.pricer, "policies": policies}

    def header(self) -> list[str]:
        """Column titles of `rows`."""
        return ["policy", *self.names]

    def rows(self) -> list[list[str]]:
        """The means with their standard errors, as text: a row a policy."""

        def cell(own: Mapping[str, Part], name: str) -> str:
            if self._is_zero(own, name):
                return "0"
            return with_error(own[name].mean, own[name].standard_error)

        return [[policy, *(cell(own, x) for x in self.names)] for policy, own in self.parts.items()]

    def deviations(self) -> list[list[str]]:
        """How far each part lies from its mean, as text: a row a policy."""
        return [
            [name, *(f"{own[x].deviation:.4g}" for x in self.names)]
            for name, own in self.parts.items()
        ]

    @property
    def caption(self) -> str:
        """How to read the table."""
        return (
            f"Mean P&L by its parts, ± standard error, on the first {self.n_paths:,} of the paths. "
            f"Greeks are those of {self.pricer} and of what marks listed instruments; the residual "
            "is all that they miss: higher orders, jumps, and a market that is not the model."
        )

    def __str__(self) -> str:
        return text_tables(self.header(), self.rows(), self.caption)


def pnl_parts(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    pricer: AbstractPricer | None,
    *,
    n_paths: int,
    key: PRNGKeyArray,
    batch_size: int = BATCH,
) -> PnlParts:
    """Split the P&L of every policy on the first paths that `compare` draws with the same key.

    The split is compiled once for all policies; `batch_size` paths with their ledgers are in
    memory at a time.

    Args:
        pricer: of the claim; `None` where nothing is sold.
    """
    if n_paths < 2:
        raise ValueError(f"`n_paths` must be at least 2, got {n_paths}.")
    if pricer is None and not isinstance(problem.claim, NoClaim):
        raise ValueError("`pricer` must be given: its Greeks of the claim sold split the P&L.")
    dtype = problem.times.dtype
    source = pseudo(key, n_paths, problem.n_steps, problem.normals_per_step, dtype)
    n_batches = -(-n_paths // batch_size)
    # Batches of one size, so that nothing is compiled twice; what is too much is left out.
    size = -(-n_paths // n_batches)
    found = {}
    for name, policy in policies.items():
        rows = []
        for start in range(0, n_paths, size):
            ledgers, paths = _hedged(problem, policy, source, jnp.asarray(start), size)
            rows.append(attribute_paths(problem, ledgers, paths, pricer, keep=whole_path))
        stacked = jax.tree.map(lambda *x: np.concatenate(x, dtype=np.float64)[:n_paths], *rows)
        found[name] = _summed(stacked)
    return PnlParts(found, n_paths, "nothing" if pricer is None else type(pricer).__name__)


@eqx.filter_jit
def _hedged(
    problem: HedgingProblem,
    policy: AbstractPolicy,
    source: AbstractSource,
    start: Array,
    size: int,
) -> tuple[Ledger, Path]:
    own = problem.market.normals_per_step

    def one(index: Array) -> tuple[Ledger, Path]:
        normals = source(index)
        path = problem.market.path(problem.times, normals[:, :own])
        return rollout(problem, policy, path, problem.slips(normals[:, own:])), path

    return jax.vmap(one)(start + jnp.arange(size))


def _summed(parts: Attribution) -> dict[str, Part]:
    """Means, errors and deviations, from a number a part and path."""
    values = {**vars(parts), "total": sum(vars(parts).values())}
    found = {}
    for name, value in values.items():
        deviation = float(np.std(value, ddof=1))
        error = deviation / np.sqrt(value.shape[0])
        found[name] = Part(float(np.mean(value)), error, deviation)
    return found
