"""Find a policy by the gradient of risk."""

import pathlib

import optax

from deephedge.numerics.draws import Draws, antithetic
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.training.family import Trainable
from deephedge.training.optimizers import clipped, default_optimizer
from deephedge.training.run import Run, Trained
from deephedge.training.settings import Schedule, Settings
from deephedge.typing import PRNGKeyArray


def train(
    problem: Trainable,
    policy: AbstractTrainablePolicy,
    risk: AbstractRiskMeasure,
    *,
    key: PRNGKeyArray,
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
) -> Trained:
    r"""Minimise $\rho(\text{P\&L}_\theta)$ over the policy's network by stochastic gradients.

    Of a `ProblemFamily` it is the mean risk over the family. Every step draws `n_paths` fresh
    paths. Every `validate_every` steps the risk on a fixed set of held-out draws decides whether
    the weights are the best so far; the best are returned. The result depends on the key and the
    settings alone, also across an interruption. The paths of a step are spread over all devices
    that there are; those of a family are not.

    Args:
        optimizer: any optax transformation; default Adam at 0.01 with cosine decay. Gradients are
            first clipped to a global norm of `clip_norm`.
        averaging: the decay of an exponential average of the weights; the average is what is
            judged and kept. 0 for the weights themselves.
        draws: how the normals of the training paths are drawn: `pseudo`, `antithetic`, `sobol`, or
            `tilted` towards losses, which then count less.
        threshold: "solved", the risk of each batch as the measure has it; or "trained", for an
            `AbstractThresholdMeasure`: its threshold is one more number beside the weights, and
            the loss an average over paths, whose gradient has no bias however few they are.
        cost_schedule: what the problem's cost is multiplied by at each step (a curriculum); the
            validation is at the full cost.
        precision: "full", or "bfloat16": the policy's networks compute in it, on weights that are
            kept in full and rounded at each step; everything else, the validation too, is in full.
        patience: stop after so many evaluations without a new best.
        checkpoint: file for the training state, written at every evaluation and when interrupted,
            with the one before it beside it; with `resume`, the run goes on from it.
        metrics: file that gains one JSON line an evaluation.

    A loss that is not finite ends the run with the best weights so far, and `Ctrl-C` with the
    best weights so far and a checkpoint; see `Trained.stopped`. Expected shortfall of a small
    tail is biased on small batches: its risk is estimated from `tail * n_paths` paths, unless
    `threshold` is "trained".
    """
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
    run = Run(problem, (policy,), risk, (key,), (1.0,), settings)
    run.start(checkpoint, resume, metrics)
    run.go(progress=progress)
    return run.trained(0)
