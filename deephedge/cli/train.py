"""Training every trainable policy of a study."""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from deephedge.cli.folder import Folder
from deephedge.cli.resolve import Resolved
from deephedge.cli.spelling import stated
from deephedge.cli.study import Training
from deephedge.cli.tables import StudyError
from deephedge.numerics import draws
from deephedge.numerics.importance import tilted
from deephedge.numerics.statistics import Spread
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy
from deephedge.rollout import fit_tilt
from deephedge.training import (
    Trained,
    TrainedEnsemble,
    default_optimizer,
    load_policy,
    rising_cost,
    save_policy,
    train_ensemble,
)

DRAWS = {"pseudo": draws.pseudo, "antithetic": draws.antithetic, "sobol": draws.sobol}
"""The ways to draw normals, by their name in a study."""

_PILOT = 2**31 - 1
"""Tells the draws that a tilt is fitted to from those of training."""


@dataclasses.dataclass(frozen=True)
class Lessons:
    """What training brought: the study's policies with trained weights, and the records."""

    policies: dict[str, AbstractPolicy]
    records: dict[str, Trained]
    spreads: dict[str, Spread]
    """Validation risk between seeds, for policies that were trained with several."""
    interrupted: bool


def train_all(resolved: Resolved, folder: Folder, *, resume: bool, quiet: bool) -> Lessons:
    """Train one policy after another, saving each; an interruption ends the whole."""
    records: dict[str, Trained] = {}
    spreads: dict[str, Spread] = {}
    found: dict[str, AbstractPolicy] = {}
    for name in resolved.trainings:
        if not quiet:
            print(f"{name}:", file=sys.stderr)
        ensemble = _train(resolved, folder, name, found, resume=resume, quiet=quiet)
        record = dataclasses.replace(ensemble.best, seconds=ensemble.seconds)
        records[name], found[name] = record, resolved.at_own_point(name, record.policy)
        if len(ensemble.members) > 1:
            spreads[name] = ensemble.validation
        if not quiet or record.stopped == "nan":
            print(f"{name}: {record.message}, {record.seconds:.1f} s", file=sys.stderr)
        save_policy(folder.policy(name), record.policy, configuration(resolved, name))
        folder.write_lines("metrics.jsonl", _metrics(records))
        if record.stopped == "interrupted":
            return Lessons(resolved.with_trained(found), records, spreads, interrupted=True)
    return Lessons(resolved.with_trained(found), records, spreads, interrupted=False)


def load_all(resolved: Resolved, policies: Path) -> dict[str, AbstractPolicy]:
    """The study's policies, with the weights that an earlier run saved."""
    loaded: dict[str, AbstractPolicy] = {}
    for name in resolved.trainings:
        template = resolved.with_trained(loaded)[name]
        assert isinstance(template, AbstractTrainablePolicy)
        try:
            policy = load_policy(policies / f"{name}.safetensors", template)
        except ValueError as error:
            raise StudyError(("policies", name), str(error)) from None
        loaded[name] = resolved.at_own_point(name, policy)
    return resolved.with_trained(loaded)


def _train(
    resolved: Resolved,
    folder: Folder,
    name: str,
    found: Mapping[str, AbstractPolicy],
    *,
    resume: bool,
    quiet: bool,
) -> TrainedEnsemble:
    training = resolved.trainings[name]
    policies = [x for x in resolved.seeds(name, found) if isinstance(x, AbstractTrainablePolicy)]
    ramp = max(round(training.cost_ramp * training.n_steps), 1)
    try:
        return train_ensemble(
            resolved.family or resolved.problem,
            policies,
            resolved.measures[training.risk],
            key=jax.random.key(training.seed),
            optimizer=default_optimizer(
                training.n_steps, training.learning_rate, training.schedule, training.accumulate
            ),
            n_steps=training.n_steps,
            n_paths=training.n_paths,
            draws=_draws(resolved, policies[0], training),
            clip_norm=training.clip_norm,
            averaging=training.averaging,
            threshold=training.threshold,
            cost_schedule=None
            if training.first_cost == 1.0
            else rising_cost(training.first_cost, ramp),
            precision=training.precision,
            validation_paths=training.validation_paths,
            validate_every=training.validate_every,
            patience=training.patience,
            progress=not quiet,
            checkpoint=folder.checkpoint(name),
            resume=resume,
        )
    except ValueError as error:
        raise StudyError(("policies", name), str(error)) from None


def _draws(resolved: Resolved, policy: AbstractTrainablePolicy, training: Training) -> draws.Draws:
    """The kind of draws, tilted towards the losses of the untrained policy if asked for."""
    kind = DRAWS[training.draws]
    if training.tilt is None:
        return kind
    key = jax.random.fold_in(jax.random.key(training.seed), _PILOT)
    return tilted(kind, fit_tilt(resolved.problem, policy, tail=training.tilt, key=key))


def configuration(resolved: Resolved, name: str) -> dict[str, Any]:
    """What it takes to build the policy again before its weights are loaded."""
    return {
        "policy": name,
        **resolved.tables()["policies"][name],
        "training": stated(resolved.trainings[name]),
    }


def _metrics(records: Mapping[str, Trained]) -> list[dict[str, Any]]:
    return [{"policy": name, **row} for name, record in records.items() for row in record.history]
