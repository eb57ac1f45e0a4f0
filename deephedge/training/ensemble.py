"""Several seeds of one policy, trained side by side in one compiled program."""

import dataclasses
import pathlib
from collections.abc import Sequence

import jax
import numpy as np
import optax

from deephedge.numerics.draws import Draws, antithetic
from deephedge.numerics.statistics import Spread, spread
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import pnl_only, sample
from deephedge.training.family import Trainable
from deephedge.training.optimizers import clipped, default_optimizer
from deephedge.training.run import Run, Trained
from deephedge.training.settings import Schedule, Settings
from deephedge.typing import Array, Float, PRNGKeyArray


@dataclasses.dataclass(frozen=True)
class TrainedEnsemble:
    """What training found, member by member."""

    members: tuple[Trained, ...]
    seconds: float
    """Wall clock of the whole, compilation included."""
    compile_seconds: float

    @property
    def policies(self) -> tuple[AbstractTrainablePolicy, ...]:
        """Each member's policy."""
        return tuple(trained.policy for trained in self.members)

    @property
    def best(self) -> Trained:
        """The member with the least risk on its validation draws."""
        return min(self.members, key=_least)

    @property
    def validation(self) -> Spread:
        """The members' least validation risks: mean, standard error between seeds, spread.

        Each is the best of several looks at the same draws, and a little too good for that;
        `risks` looks at fresh ones.
        """
        return spread([_least(trained) for trained in self.members])

    def risks(
        self,
        problem: HedgingProblem,
        risk: AbstractRiskMeasure,
        *,
        n_paths: int,
        key: PRNGKeyArray,
        draws: Draws = antithetic,
    ) -> Float[Array, " member"]:
        """The risk of every member on the same fresh paths."""
        pnls = (
            sample(problem, policy, n_paths, key=key, draws=draws, keep=pnl_only)
            for policy in self.policies
        )
        return jax.numpy.stack([risk(pnl) for pnl in pnls])


def train_ensemble(
    problem: Trainable,
    policies: Sequence[AbstractTrainablePolicy],
    risk: AbstractRiskMeasure,
    *,
    key: PRNGKeyArray,
    rates: Sequence[float] | None = None,
    optimizer: optax.GradientTransformation | None = None,
    n_steps: int = 500,
    n_paths: int = 4096,
    draws: Draws = antithetic,
    clip_norm: float = 1.0,
    averaging: float = 0.0,
    threshold: str = "solved",
    cost_schedule: Schedule | None = None,
    precision: str = "full",
    validation_paths: int = 32_768,
    validate_every: int = 50,
    patience: int | None = None,
    progress: bool = False,
    checkpoint: pathlib.Path | None = None,
    resume: bool = False,
    metrics: pathlib.Path | None = None,
) -> TrainedEnsemble:
    """Train several policies of one kind, which differ in their numbers alone, at once.

    Member i becomes what `train` makes of `policies[i]` with key i of
    `jax.random.split(key, len(policies))`, up to rounding: its draws, validation draws, early
    stopping and best weights are its own. A member whose loss is not finite stops; the others go
    on. As many are updated together as a device has room for; memory is that of these.

    Args:
        rates: multiples of the optimiser's learning rate, one a member; all 1 if left out.
    """
    if not policies:
        raise ValueError("`policies` must have at least one member.")
    rates = [1.0] * len(policies) if rates is None else rates
    if len(rates) != len(policies):
        raise ValueError(
            f"`rates` must have one number a member, {len(policies)}, got {len(rates)}."
        )
    settings = Settings(
        optimizer=clipped(optimizer or default_optimizer(n_steps), clip_norm),
        n_steps=n_steps,
        n_paths=n_paths,
        draws=draws,
        validation_paths=validation_paths,
        validate_every=validate_every,
        patience=patience,
        averaging=averaging,
        threshold=threshold,
        cost_schedule=cost_schedule,
        precision=precision,
    )
    keys = tuple(jax.random.split(key, len(policies)))
    run = Run(problem, policies, risk, keys, rates, settings)
    run.start(checkpoint, resume, metrics)
    run.go(progress=progress)
    members = tuple(run.trained(i) for i in range(len(policies)))
    return TrainedEnsemble(members, members[-1].seconds, run.compile_seconds)


def _least(trained: Trained) -> float:
    return float(np.nanmin([row["validation"] for row in trained.history]))
