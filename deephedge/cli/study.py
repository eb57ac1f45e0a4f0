"""What a study file may say: its tables, their keys, their defaults and their rules."""

import dataclasses
import datetime
import tomllib
from collections.abc import Iterable
from pathlib import Path

from deephedge.cli.tables import StudyError, Tagged, closest, structure


def _at_least(low: int, table: object, *names: str) -> None:
    for name in names:
        if vars(table)[name] < low:
            raise ValueError(f"`{name}` must be at least {low}, got {vars(table)[name]}.")


def _positive(table: object, *names: str) -> None:
    for name in names:
        if not vars(table)[name] > 0:
            raise ValueError(f"`{name}` must be positive, got {vars(table)[name]}.")


@dataclasses.dataclass(frozen=True)
class Problem:
    """`[problem]`: when the hedge trades, what it starts with, and whether it pays to close."""

    n_steps: int
    close_out: bool
    premium: float | Tagged = 0.0

    def __post_init__(self):
        _at_least(1, self, "n_steps")


@dataclasses.dataclass(frozen=True)
class Training:
    """`[training]`: how trainable policies are trained; a policy's own table may differ.

    Of several seeds, trained side by side, the one with the least validation risk is kept. The
    cost rises from `first_cost` times itself to the whole over the share `cost_ramp` of the steps.
    With a `tilt`, half of the paths are drawn as the worst such share of the untrained policy's
    outcomes were, and weighted for it.
    """

    risk: str
    seed: int = 0
    n_steps: int = 500
    n_paths: int = 4096
    learning_rate: float = 0.01
    clip_norm: float = 1.0
    validation_paths: int = 32768
    validate_every: int = 50
    patience: int | None = None
    draws: str = "antithetic"
    averaging: float = 0.0
    schedule: str = "cosine"
    accumulate: int = 1
    n_seeds: int = 1
    threshold: str = "solved"
    first_cost: float = 1.0
    cost_ramp: float = 0.5
    tilt: float | None = None
    precision: str = "full"

    def __post_init__(self):
        counts = ("n_steps", "n_paths", "validation_paths", "validate_every")
        _at_least(1, self, *counts, "accumulate", "n_seeds")
        _at_least(0, self, "seed")
        _positive(self, "learning_rate", "clip_norm")
        if self.draws not in ("pseudo", "antithetic", "sobol"):
            raise ValueError(f"`draws` must be pseudo, antithetic or sobol, got {self.draws!r}.")
        if self.schedule not in ("cosine", "constant", "warmup"):
            raise ValueError(
                f"`schedule` must be cosine, constant or warmup, got {self.schedule!r}."
            )
        if not 0.0 <= self.averaging < 1.0:
            raise ValueError(f"`averaging` must be in [0, 1), got {self.averaging}.")
        if self.threshold not in ("solved", "trained"):
            raise ValueError(f"`threshold` must be solved or trained, got {self.threshold!r}.")
        if self.precision not in ("full", "bfloat16"):
            raise ValueError(f"`precision` must be full or bfloat16, got {self.precision!r}.")
        if not 0.0 <= self.first_cost <= 1.0:
            raise ValueError(f"`first_cost` must be from 0 to 1, got {self.first_cost}.")
        if not 0.0 < self.cost_ramp <= 1.0:
            raise ValueError(f"`cost_ramp` must be above 0 and at most 1, got {self.cost_ramp}.")
        if self.tilt is not None and not 0.0 < self.tilt < 1.0:
            raise ValueError(f"`tilt` must be between 0 and 1, got {self.tilt}.")


@dataclasses.dataclass(frozen=True)
class Range:
    """`[family.parameters.NAME]`: the range of a number that the problems of a family differ in.

    See `deephedge.training.Parameter`.
    """

    low: float
    high: float
    fields: list[str] = dataclasses.field(default_factory=list)
    log: bool = False
    shown: bool = True


@dataclasses.dataclass(frozen=True)
class Family:
    """`[family]`: policies are trained on many problems, and compared on that of the study.

    With `n_groups = 0` every path has its own parameters, and the risk counts not knowing them.
    """

    parameters: dict[str, Range]
    n_groups: int = 32

    def __post_init__(self):
        _at_least(0, self, "n_groups")


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """`[evaluation]`: how policies are compared.

    `optimum` gives known optima, by measure; or "solve", for those of entropic measures.
    `certificate` asks for a number that no hedge can be below, for every entropic measure, and
    `certificate_steps` says how long it is trained.
    `attribution` says on how many of the paths the P&L of every policy is split by Greeks; none
    unless given.
    """

    n_paths: int = 100_000
    seed: int = 1
    baseline: str | None = None
    optimum: dict[str, float] | str = dataclasses.field(default_factory=dict)
    certificate: bool = False
    certificate_steps: int = 400
    attribution: int = 0

    def __post_init__(self):
        _at_least(2, self, "n_paths")
        _at_least(1, self, "certificate_steps")
        if self.attribution != 0 and not 2 <= self.attribution <= self.n_paths:
            raise ValueError(
                f"`attribution` must be 0 or from 2 to the {self.n_paths} paths, got "
                f"{self.attribution}."
            )
        _at_least(0, self, "seed")
        if isinstance(self.optimum, str) and self.optimum != "solve":
            raise ValueError(
                f'`optimum` must be a table of numbers by measure, or "solve", got '
                f"{self.optimum!r}."
            )


@dataclasses.dataclass(frozen=True)
class Backtest:
    """`[backtest]`: the recorded dates that the policies are tried on.

    Confidence intervals resample blocks of dates whose mean length is `mean_block`; `markup`
    multiplies realised volatility on dates without an implied one.
    """

    first: datetime.date
    last: datetime.date
    data: str = "sp500"
    markup: float = 1.0
    mean_block: float = 42.0
    n_resamples: int = 2000
    seed: int = 2

    def __post_init__(self):
        _at_least(1, self, "mean_block")
        _at_least(2, self, "n_resamples")
        _at_least(0, self, "seed")
        _positive(self, "markup")
        if self.first >= self.last:
            raise ValueError(f"`last` must be after `first`, {self.first}, got {self.last}.")


@dataclasses.dataclass(frozen=True)
class Study:
    """A whole study file."""

    market: Tagged
    claim: Tagged
    cost: Tagged
    problem: Problem
    policies: dict[str, Tagged]
    measures: dict[str, Tagged]
    training: Training | None = None
    evaluation: Evaluation = dataclasses.field(default_factory=Evaluation)
    backtest: Backtest | None = None
    impact: Tagged | None = None
    """How the hedger's own trades move the price, if they do."""
    financing: Tagged | None = None
    """What borrowed cash, short positions and margin cost, if they do."""
    execution: Tagged | None = None
    """Lots, delay and slippage between a decision and its trade, if there are any."""
    family: Family | None = None

    def __post_init__(self):
        for name in ("policies", "measures"):
            if not vars(self)[name]:
                raise ValueError(f"`{name}` must hold at least one table.")


def read_study(file: Path) -> Study:
    """The study in a TOML file, or a `StudyError`."""
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudyError((), "there is no such file.") from None
    except OSError as error:
        raise StudyError((), f"cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise StudyError((), f"is not TOML: {error}.") from None
    if "sweep" in tables:
        raise StudyError(("sweep",), "is a table of `deephedge sweep`, which runs many studies.")
    study = structure(tables, Study)
    _check_references(study)
    return study


def _check_references(study: Study) -> None:
    _names(("evaluation", "baseline"), study.evaluation.baseline, "policy", study.policies)
    optimum = study.evaluation.optimum
    for name in () if isinstance(optimum, str) else optimum:
        _names(("evaluation", "optimum"), name, "measure", study.measures)
    if study.training is not None:
        _names(("training", "risk"), study.training.risk, "measure", study.measures)
    last = study.market.options.get("last")
    if study.backtest is not None and study.market.type == "Recorded":
        if last is None or last >= study.backtest.first:
            raise StudyError(
                ("backtest", "first"),
                f"must be after the market's `last`, {last or 'the end of the record'}, "
                f"got {study.backtest.first}: nothing may be fitted to the test dates.",
            )


def _names(keys: tuple[str, ...], name: str | None, what: str, known: Iterable[str]) -> None:
    if name is not None and name not in known:
        raise StudyError(
            keys, f"must name a {what} of the study, got {name!r}; {closest(name, known)}"
        )
