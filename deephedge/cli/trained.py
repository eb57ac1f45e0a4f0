"""A policy that an earlier run trained, for a book that is followed as quotes arrive."""

import dataclasses
import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import AbstractClaim
from deephedge.cli.folder import Folder
from deephedge.cli.resolve import Resolved, open_study
from deephedge.cli.tables import StudyError, Tagged, exactly
from deephedge.cli.train import configuration, load_all
from deephedge.markets import AbstractMarket
from deephedge.policies import AbstractPolicy
from deephedge.training import load_configuration
from deephedge.typing import PyTree

TYPE = "Trained"
"""What a position calls a policy of an earlier run."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    """A trained policy, and what it was trained for; numbers in float64."""

    file: Path
    policy: AbstractPolicy
    claim: AbstractClaim
    market: AbstractMarket

    def refuse_another(
        self, claim: AbstractClaim, market: AbstractMarket, keys: tuple[str, ...]
    ) -> None:
        """Refuse a book that the policy was not trained for."""
        if not _same(claim, self.claim):
            raise StudyError(
                (*keys, "file"), f"was trained for another claim than the position's: {self.file}."
            )
        here, there = market.start(), self.market.start()
        for what, own, learned in (
            ("prices", here.prices, there.prices),
            ("factors", here.factors, there.factors),
        ):
            if own.shape != learned.shape:
                raise StudyError(
                    (*keys, "file"),
                    f"was trained on {learned.shape[0]} {what}, the position has {own.shape[0]}.",
                )


def open_trained(table: Tagged, beside: Path, keys: tuple[str, ...]) -> Lesson:
    """The policy of a file that `deephedge run` wrote, in the precision it was trained in.

    Its study stands beside it: what surrounds the weights (the scales of its features, the policy
    it starts from) is built from that again, with the same seeds.
    """
    if set(table.options) != {"file"}:
        raise StudyError(keys, f"must have a `file` and nothing else, got {sorted(table.options)}.")
    keys = (*keys, "file")
    try:
        file = beside / exactly(str, table.options["file"])
    except TypeError as error:
        raise StudyError(keys, str(error)) from None
    folder = Folder(file.parent.parent)
    name, saved = file.stem, _configuration(file, keys)
    try:
        precision = folder.environment["precision"]
    except (OSError, ValueError, KeyError):
        raise StudyError(keys, f"must stand in a folder that `run` wrote: {file}.") from None
    with jax.enable_x64(precision == "float64"):
        resolved = open_study(folder.study)
        if saved != _built(resolved, name):
            raise StudyError(keys, f"was trained by another study than {folder.study}.")
        policy = load_all(resolved, file.parent)[name]
    problem = resolved.problem
    return Lesson(file, _doubled(policy), _doubled(problem.claim), _doubled(problem.market))


def _configuration(file: Path, keys: tuple[str, ...]) -> dict:
    from safetensors import SafetensorError

    try:
        return load_configuration(file)
    except (OSError, SafetensorError, KeyError, TypeError):
        raise StudyError(
            keys, f"must be a policy that `run` trained, DIR/policies/NAME.safetensors, got {file}."
        ) from None


def _built(resolved: Resolved, name: str) -> dict | None:
    """The configuration of that policy, as a file holds it; `None` where the study has none."""
    if name not in resolved.trainings:
        return None
    return json.loads(json.dumps(configuration(resolved, name)))


def _doubled(tree: PyTree) -> PyTree:
    """The same numbers in float64."""
    return jax.tree.map(
        lambda x: jnp.asarray(x, jnp.float64) if eqx.is_inexact_array(x) else x, tree
    )


def _same(one: AbstractClaim, other: AbstractClaim) -> bool:
    """Whether two claims are the same, to the rounding of float32."""
    pairs = [jax.tree.flatten(eqx.filter(claim, eqx.is_array)) for claim in (one, other)]
    (mine, structure), (theirs, structure_there) = pairs
    return structure == structure_there and all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=0.0)
        for a, b in zip(mine, theirs, strict=True)
    )
