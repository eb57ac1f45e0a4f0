"""The loop of training: update, judge, keep the best, write down."""

import dataclasses
import math
import pathlib
import time
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.numerics.checks import refuse_no_key, refuse_other
from deephedge.numerics.draws import AbstractSource
from deephedge.policies.base import AbstractTrainablePolicy
from deephedge.risk.base import AbstractRiskMeasure, AbstractThresholdMeasure
from deephedge.rollout.devices import ordinary, path_mesh, shared
from deephedge.training.family import ProblemFamily, Trainable, source_of
from deephedge.training.held_out import held_out_pnl, held_out_risk
from deephedge.training.progress import Report, append_line, progress_bar, write_lines
from deephedge.training.settings import Settings
from deephedge.training.state import Weights, load_state, member, save_state, stacked
from deephedge.training.trainable import split_trainable
from deephedge.training.update import Members, Objective, Unit, start, update
from deephedge.typing import Array, PRNGKeyArray


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
    threshold: float | None = None
    """The risk measure's threshold that was trained with those weights, if it was; cash."""


class Run:
    """One training run of one or more members: its fixed parts, and how far it has come."""

    def __init__(
        self,
        problem: Trainable,
        policies: Sequence[AbstractTrainablePolicy],
        risk: AbstractRiskMeasure,
        keys: Sequence[PRNGKeyArray],
        rates: Sequence[float],
        settings: Settings,
    ):
        refuse_other("risk", risk, AbstractRiskMeasure, "Entropic(aversion=1.0)")
        for policy, key in zip(policies, keys, strict=True):
            refuse_other("policy", policy, AbstractTrainablePolicy, "NoTransactionBand.create(...)")
            refuse_no_key(key)
        self.begin, self.compile_seconds = time.perf_counter(), 0.0
        self.problem, self.risk, self.settings = problem, risk, settings
        self.mesh = path_mesh()
        self.keys = [tuple(jax.random.split(key)) for key in keys]
        self.histories: list[list[dict]] = [[] for _ in policies]
        self.endings: list[tuple[str, str] | None] = [None for _ in policies]
        parts = [split_trainable(policy) for policy in policies]
        self.statics = [static for _, static in parts]
        arrays, rest = zip(*(eqx.partition(x, eqx.is_array) for x in self.statics), strict=True)
        if any(jax.tree.structure(x) != jax.tree.structure(rest[0]) for x in rest):
            raise ValueError("`policies` must be of one kind and size, differing in numbers alone.")
        rule = jnp.asarray(np.asarray(rates, dtype=problem.times.dtype))
        unit = self._unit(policies) if settings.threshold == "trained" else None
        self.members = Members(_stack(tuple(arrays)), rest[0], rule, unit)
        threshold = None if unit is None else jnp.zeros_like(problem.times[0])
        params = _stack(tuple(Weights(network, threshold) for network, _ in parts))
        self.state = start(params, settings.optimizer, problem.times.dtype)

    def _unit(self, policies: Sequence[AbstractTrainablePolicy]) -> Unit:
        """The best thresholds of the untrained policies, and the deviations of their P&L."""
        if not isinstance(self.risk, AbstractThresholdMeasure):
            raise ValueError(
                f'`threshold` must be "solved": {type(self.risk).__name__} has none; or use a '
                "measure such as `ExpectedShortfall` or `OptimisedCertaintyEquivalent`."
            )
        if isinstance(self.problem, ProblemFamily):
            raise ValueError('`threshold` must be "solved" over a family of problems.')
        n_paths = self.settings.validation_paths
        pnls = [
            held_out_pnl(self.problem, policy, n_paths, key=key)
            for policy, (_, key) in zip(policies, self.keys, strict=True)
        ]
        starts = tuple(self.risk.threshold(pnl) for pnl in pnls)
        return Unit(jnp.stack(starts), jnp.stack([jnp.std(pnl) for pnl in pnls]))

    def start(
        self, checkpoint: pathlib.Path | None, resume: bool, metrics: pathlib.Path | None
    ) -> None:
        """Set off afresh, or from the checkpoint."""
        self.checkpoint, self.metrics = checkpoint, metrics
        found = load_state(checkpoint, self.state) if resume and checkpoint is not None else None
        if found is not None:
            self.state, self.histories = found
            for i, step in enumerate(np.asarray(self.state.step)):
                if self._stale(i):
                    self._end(i, 0.0)
                elif step < self.done:
                    self._end(i, math.nan)
            write_lines(metrics, self._rows())

    @property
    def done(self) -> int:
        """Steps done, by the member that has gone furthest."""
        return int(np.max(np.asarray(self.state.step)))

    @property
    def active(self) -> list[int]:
        """The members that still train."""
        return [i for i, ending in enumerate(self.endings) if ending is None]

    def go(self, *, progress: bool) -> None:
        """Train to the end, or until interrupted."""
        try:
            with progress_bar(self.settings.n_steps, self.done, show=progress) as report:
                self._steps(report)
        except KeyboardInterrupt:
            self._all_end("interrupted", f"interrupted after step {self.done}")
            self._save()

    def trained(self, index: int) -> Trained:
        """What one member has become."""
        weights = member(ordinary(self.state.best_params, self.mesh), index)
        threshold, unit = weights.threshold, self.members.unit
        if threshold is not None and unit is not None:
            threshold = float(unit.start[index] + unit.deviation[index] * threshold)
        stopped, message = self.endings[index] or ("", "")
        return Trained(
            policy=eqx.combine(weights.network, self.statics[index]),
            history=self.histories[index],
            steps=int(np.asarray(self.state.step)[index]),
            seconds=time.perf_counter() - self.begin,
            compile_seconds=self.compile_seconds,
            stopped=stopped,
            message=message,
            threshold=threshold,
        )

    def _steps(self, report: Report) -> None:
        n_steps, every = self.settings.n_steps, self.settings.validate_every
        if self.done >= n_steps:
            self._all_end("finished", f"{n_steps} steps")
        if not self.active:
            return
        self._compile()
        if not self.histories[0]:
            self._evaluate(np.full(len(self.histories), math.nan))
        for step in range(self.done, n_steps):
            updated, losses = self._update(step)
            losses = np.asarray(losses)
            for i in self.active:
                if not math.isfinite(losses[i]):
                    self._end(i, float(losses[i]))
            if not self.active:
                return
            self.state, text = updated, ""
            if (step + 1) % every == 0 or step + 1 == n_steps:
                self._evaluate(losses)
                self._save()
                best = np.nanmin([rows[-1]["validation"] for rows in self.histories])
                text = f"validation {best:.5g}"
            report(step + 1, text)
            for i in self.active:
                if self._stale(i):
                    self._end(i, 0.0)
            if not self.active:
                return
        self._all_end("finished", f"{n_steps} steps")

    def _end(self, i: int, loss: float) -> None:
        """Member `i` trains no more: its loss is not finite, or it has waited long enough."""
        if math.isfinite(loss):
            text = f"no better for {self.settings.patience} evaluations"
            self.endings[i] = ("early", text)
            return
        step, best = np.asarray(self.state.step)[i], np.asarray(self.state.best_step)[i]
        text = (
            f"the loss was {loss} at step {step + 1}; kept the best weights, of step {best}. Try a "
            "smaller learning rate or `clip_norm`."
        )
        self.endings[i] = ("nan", text)

    def _all_end(self, stopped: str, message: str) -> None:
        self.endings = [ending or (stopped, message) for ending in self.endings]

    def _stale(self, i: int) -> bool:
        """Whether member `i` has had its fill of evaluations without a new best."""
        values, patience = [row["validation"] for row in self.histories[i]], self.settings.patience
        if patience is None or not values:
            return False
        return len(values) - 1 - int(np.nanargmin(values)) >= patience

    def _save(self) -> None:
        """Write the checkpoint, where one is kept."""
        if self.checkpoint is not None:
            save_state(self.checkpoint, self.state, self.histories)

    def _sources(self, step: int) -> tuple[AbstractSource, ...]:
        """Fresh draws for one step of each member."""
        settings = self.settings
        return tuple(
            source_of(self.problem, settings.draws, jax.random.fold_in(key, step), settings.n_paths)
            for key, _ in self.keys
        )

    def _update(self, step: int):
        settings, dtype = self.settings, self.problem.times.dtype
        schedule = settings.cost_schedule
        scale = None if schedule is None else jnp.asarray(float(schedule(step)), dtype)
        inputs = (
            self.state,
            self._sources(step),
            jnp.asarray([ending is None for ending in self.endings]),
            self.members,
            Objective(
                self.problem, self.risk, scale, settings.n_paths, settings.precision, self.mesh
            ),
        )
        averaging = jnp.asarray(settings.averaging, dtype)
        state, sources, active, members, objective, averaging = shared(
            (*inputs, averaging), self.mesh
        )
        return update(state, sources, active, members, objective, settings.optimizer, averaging)

    def _compile(self) -> None:
        """Compile the update, and note how long that took."""
        begin = time.perf_counter()
        jax.block_until_ready(self._update(0)[1])
        self.compile_seconds = time.perf_counter() - begin

    def _evaluate(self, losses: np.ndarray) -> None:
        """Judge the members on their held-out draws, and keep the weights that are their best."""
        state = self.state
        best, step = np.array(state.best_validation), np.array(state.best_step)
        done = np.asarray(state.step)
        kept = jax.tree.map(np.array, state.best_params)
        average = jax.tree.map(np.asarray, state.average)
        for i in self.active:
            value = self._validation(i)
            row = {
                "step": int(done[i]),
                "loss": float(losses[i]) if math.isfinite(losses[i]) else None,
                "validation": float(value),
                "seconds": round(time.perf_counter() - self.begin, 3),
            }
            self.histories[i].append(row)
            append_line(self.metrics, self._named(i, row))
            if value < best[i]:
                best[i], step[i] = value, done[i]
                jax.tree.map(lambda old, new, i=i: old.__setitem__(i, new[i]), kept, average)
        self.state = dataclasses.replace(
            state,
            best_params=jax.tree.map(jnp.asarray, kept),
            best_validation=jnp.asarray(best),
            best_step=jnp.asarray(step),
        )

    def _named(self, i: int, row: dict) -> dict:
        return row if len(self.keys) == 1 else {"member": i, **row}

    def _rows(self) -> list[dict]:
        """All evaluations so far, in the order in which they were made."""
        rows = [self._named(i, row) for i, rows in enumerate(self.histories) for row in rows]
        return sorted(rows, key=lambda row: row["step"])

    def _validation(self, i: int) -> Array:
        """The risk of one member on its held-out draws."""
        average = member(ordinary(self.state.average, self.mesh), i)
        policy = eqx.combine(average.network, self.statics[i])
        n_paths = self.settings.validation_paths
        return held_out_risk(self.problem, policy, self.risk, n_paths, key=self.keys[i][1])


@jax.jit
def _stack(trees: tuple) -> object:
    return stacked(trees)
