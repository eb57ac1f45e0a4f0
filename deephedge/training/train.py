"""Find a policy by the gradient of risk."""

import dataclasses
import functools
import math
import pathlib
import time

import equinox as eqx
import jax
import optax

from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, antithetic
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.rollout.problem import HedgingProblem
from deephedge.rollout.sample import batch_pnl, pnl_only, sample
from deephedge.training.progress import Report, append_line, progress_bar
from deephedge.training.state import TrainingState, fresh_state, load_state, save_state
from deephedge.training.trainable import split_trainable
from deephedge.typing import PRNGKeyArray, PyTree, Scalar


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training found."""

    policy: AbstractTrainablePolicy
    """The policy with the weights that were best on the validation draws."""
    history: list[dict]
    """One row an evaluation: step, loss (training draws), validation, seconds."""
    steps: int
    """Steps done."""
    seconds: float
    """Wall clock of this call, compilation included."""
    compile_seconds: float
    """Wall clock of compilation, with one step: little where a like run was compiled before."""
    stopped: str
    """Why it stopped: "finished", "early", "interrupted" or "nan"."""
    message: str
    """One line on how it ended."""


@functools.cache
def default_optimizer(n_steps: int, learning_rate: float = 0.01) -> optax.GradientTransformation:
    """Adam with a cosine decay to zero over the run."""
    return optax.adam(optax.cosine_decay_schedule(learning_rate, n_steps))


@functools.lru_cache(maxsize=64)
def _clipped(
    optimizer: optax.GradientTransformation, clip_norm: float
) -> optax.GradientTransformation:
    """The same object for the same rule: a compiled update is found again by it."""
    return optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)


def train(
    problem: HedgingProblem,
    policy: AbstractTrainablePolicy,
    risk: AbstractRiskMeasure,
    *,
    key: PRNGKeyArray,
    optimizer: optax.GradientTransformation | None = None,
    n_steps: int = 500,
    n_paths: int = 4096,
    draws: Draws = antithetic,
    clip_norm: float = 1.0,
    validation_paths: int = 32_768,
    validate_every: int = 50,
    patience: int | None = None,
    progress: bool = False,
    checkpoint: pathlib.Path | None = None,
    resume: bool = False,
    metrics: pathlib.Path | None = None,
) -> Trained:
    r"""Minimise $\rho(\text{P\&L}_\theta)$ over the policy's network by stochastic gradients.

    Every step draws `n_paths` fresh paths. Every `validate_every` steps the risk on a fixed set
    of held-out draws decides whether the weights are the best so far; the best are returned.
    The result depends on the key and the settings alone, also across an interruption.

    Args:
        optimizer: any optax transformation; default Adam at 0.01 with cosine decay. Gradients are
            first clipped to a global norm of `clip_norm`.
        patience: stop after so many evaluations without a new best.
        checkpoint: file for the training state, written at every evaluation and when interrupted;
            with `resume`, the run goes on from it.
        metrics: file that gains one JSON line an evaluation.

    A loss that is not finite ends the run with the best weights so far, and `Ctrl-C` with the
    best weights so far and a checkpoint; see `Trained.stopped`. Expected shortfall of a small
    tail is biased on small batches: its risk is estimated from `tail * n_paths` paths.
    """
    at_least_one(n_steps=n_steps, n_paths=n_paths)
    optimizer = _clipped(optimizer or default_optimizer(n_steps), clip_norm)
    run = _Run(problem, policy, risk, key, optimizer, n_paths, draws, validation_paths)
    run.start(checkpoint, resume, metrics)
    try:
        with progress_bar(n_steps, run.done, show=progress) as report:
            stopped, message = run.steps(n_steps, validate_every, patience, report)
    except KeyboardInterrupt:
        stopped, message = "interrupted", f"interrupted after step {run.done}"
        run.save()
    return Trained(
        policy=eqx.combine(run.state.best_params, run.static),
        history=run.history,
        steps=run.done,
        seconds=time.perf_counter() - run.begin,
        compile_seconds=run.compile_seconds,
        stopped=stopped,
        message=message,
    )


def _stale(history: list[dict]) -> int:
    """Evaluations since the best one."""
    values = [row["validation"] for row in history]
    return len(values) - 1 - values.index(min(values)) if values else 0


class _Run:
    """One training run: its fixed parts, and how far it has come."""

    def __init__(
        self,
        problem: HedgingProblem,
        policy: AbstractTrainablePolicy,
        risk: AbstractRiskMeasure,
        key: PRNGKeyArray,
        optimizer: optax.GradientTransformation,
        n_paths: int,
        draws: Draws,
        validation_paths: int,
    ):
        self.problem, self.risk, self.optimizer = problem, risk, optimizer
        self.n_paths, self.draws, self.validation_paths = n_paths, draws, validation_paths
        self.train_key, self.validation_key = jax.random.split(key)
        self.params, self.static = split_trainable(policy)
        self.history: list[dict] = []
        self.begin, self.compile_seconds = time.perf_counter(), 0.0

    def start(
        self, checkpoint: pathlib.Path | None, resume: bool, metrics: pathlib.Path | None
    ) -> None:
        """Set off afresh, or from the checkpoint."""
        self.checkpoint, self.metrics = checkpoint, metrics
        with jax.numpy_dtype_promotion("standard"):
            optimizer_state = self.optimizer.init(self.params)
        self.state = fresh_state(self.params, optimizer_state, self.problem.times.dtype)
        if resume and checkpoint is not None and checkpoint.exists():
            self.state, self.history = load_state(checkpoint, self.state)

    @property
    def done(self) -> int:
        """Steps done."""
        return int(self.state.step)

    def steps(
        self, n_steps: int, validate_every: int, patience: int | None, report: Report
    ) -> tuple[str, str]:
        """Go on to `n_steps`; why it stopped, and a line about it."""
        update, self.compile_seconds = self.compiled()
        if not self.history:
            self.evaluate(math.nan)
        for step in range(self.done, n_steps):
            updated, value = update(self.state, self.source(step))
            loss = float(value)
            if not math.isfinite(loss):
                return "nan", (
                    f"the loss was {loss} at step {step + 1}; kept the best weights, of step "
                    f"{int(self.state.best_step)}. Try a smaller learning rate or `clip_norm`."
                )
            self.state, text = updated, ""
            if (step + 1) % validate_every == 0 or step + 1 == n_steps:
                self.evaluate(loss)
                self.save()
                text = f"validation {self.history[-1]['validation']:.5g}"
            report(step + 1, text)
            if patience is not None and _stale(self.history) >= patience:
                return "early", f"no better for {patience} evaluations"
        return "finished", f"{n_steps} steps"

    def save(self) -> None:
        """Write the checkpoint, where one is kept."""
        if self.checkpoint is not None:
            save_state(self.checkpoint, self.state, self.history)

    def source(self, step: int) -> AbstractSource:
        """Fresh draws for one step."""
        problem = self.problem
        return self.draws(
            jax.random.fold_in(self.train_key, step),
            self.n_paths,
            problem.n_steps,
            problem.normals_per_step,
            problem.times.dtype,
        )

    def compiled(self):
        """The update as one compiled program, and how long compiling took."""
        fixed = (self.problem, self.static, self.risk, self.optimizer, self.n_paths)
        begin = time.perf_counter()
        jax.block_until_ready(_update(self.state, self.source(0), *fixed)[1])
        seconds = time.perf_counter() - begin
        return lambda state, source: _update(state, source, *fixed), seconds

    def evaluate(self, loss: float) -> None:
        """Judge the weights on the held-out draws and keep them if they are the best so far."""
        state = self.state
        policy = eqx.combine(state.params, self.static)
        pnl = sample(
            self.problem,
            policy,
            self.validation_paths,
            key=self.validation_key,
            draws=antithetic,
            keep=pnl_only,
        )
        value = self.risk(pnl)
        row = {
            "step": self.done,
            "loss": loss if math.isfinite(loss) else None,
            "validation": float(value),
            "seconds": round(time.perf_counter() - self.begin, 3),
        }
        self.history.append(row)
        append_line(self.metrics, row)
        if value < state.best_validation:
            self.state = dataclasses.replace(
                state, best_params=state.params, best_validation=value, best_step=state.step
            )


@eqx.filter_jit
def _update(
    state: TrainingState,
    source: AbstractSource,
    problem: HedgingProblem,
    static: PyTree,
    risk: AbstractRiskMeasure,
    optimizer: optax.GradientTransformation,
    n_paths: int,
) -> tuple[TrainingState, Scalar]:
    """The state one step on, and the loss before it."""

    def loss(params: PyTree) -> Scalar:
        return risk(batch_pnl(problem, eqx.combine(params, static), source, n_paths))

    value, slope = eqx.filter_value_and_grad(loss)(state.params)
    # optax mixes Python and array scalars, which strict promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
        change, optimizer_state = optimizer.update(slope, state.optimizer, state.params)
        params = eqx.apply_updates(state.params, change)
    return (
        dataclasses.replace(state, step=state.step + 1, params=params, optimizer=optimizer_state),
        value,
    )
