"""From a study to the objects it describes."""

import dataclasses
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from deephedge.claims import AbstractClaim
from deephedge.cli.build import build, build_tagged, member
from deephedge.cli.study import Study, Training, read_study
from deephedge.cli.tables import StudyError, Tagged, structure
from deephedge.costs import AbstractCost, CostSum, HalfSpread, NoCost, ProportionalCost
from deephedge.markets import AbstractMarket, AbstractModel, Historical
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy
from deephedge.pricing import AbstractPricer, QuotedBlackScholes, pricer_for
from deephedge.risk import AbstractRiskMeasure
from deephedge.rollout import HedgingProblem, time_grid


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A study and its objects; `trainings` has an entry for every policy that is trained."""

    study: Study
    problem: HedgingProblem
    policies: dict[str, AbstractPolicy]
    measures: dict[str, AbstractRiskMeasure]
    trainings: dict[str, Training]


def open_study(file: Path) -> Resolved:
    """Read a study file and build what it describes; errors name the file."""
    try:
        return resolve(read_study(file))
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None


def resolve(study: Study) -> Resolved:
    """Build what a study describes, or say in a `StudyError` why that cannot be."""
    market = _market(study.market)
    claim = _plain(study.claim, AbstractClaim, "claim")
    cost = _plain(study.cost, AbstractCost, "cost")
    times = time_grid(float(claim.maturity), study.problem.n_steps)
    given = _given(market, claim, cost, times)
    problem = HedgingProblem(
        market=market,
        claim=claim,
        cost=cost,
        times=times,
        premium=_premium(study, given),
        close_out=study.problem.close_out,
    )
    measures = {
        name: build_tagged(
            table, AbstractRiskMeasure, ("measures", name), given={}, named=_no_policies
        )
        for name, table in study.measures.items()
    }
    makers = _Policies(study, given | {"problem": problem})
    policies = {name: makers.policy(name) for name in study.policies}
    trainings = {
        name: makers.training(name)
        for name, policy in policies.items()
        if isinstance(policy, AbstractTrainablePolicy)
    }
    return Resolved(study, problem, policies, measures, trainings)


def _no_policies(name: str, keys: tuple[str, ...]) -> Any:
    raise StudyError(keys, f"must be a table with a `type`, got {name!r}.")


def _plain(table: Tagged, family: type, key: str) -> Any:
    return build_tagged(table, family, (key,), given={}, named=_no_policies)


def _market(table: Tagged) -> AbstractMarket:
    """A market of the library, or, for the type `Recorded`, one made from recorded history."""
    if table.type == "Recorded":
        from deephedge.backtest import recorded_market

        return build(recorded_market, table.options, ("market",), given={}, named=_no_policies)
    return _plain(table, AbstractMarket, "market")


def _given(market: AbstractMarket, claim: AbstractClaim, cost: AbstractCost, times: Any) -> dict:
    """What policies and pricers need not be told again."""
    interval = float(claim.maturity) / (times.shape[0] - 1)
    given = {"market": market, "claim": claim, "times": times, "interval": interval}
    rate = _proportional_rate(cost)
    if rate is not None:
        given["cost_rate"] = rate
    if isinstance(market, Historical):
        given["pricer"] = QuotedBlackScholes()
    if isinstance(market, AbstractModel):
        given["model"] = market
        given["pricer"] = pricer_for(market)
    stated = {field.name for field in dataclasses.fields(market)} & {"rate", "dividend"}
    return given | {name: vars(market)[name] for name in stated}


def _proportional_rate(cost: AbstractCost) -> float | None:
    """The cost of trading, as a share of the value traded; `None` where it is not one."""
    match cost:
        case NoCost():
            return 0.0
        case ProportionalCost():
            return float(cost.rate.max())
        case HalfSpread():
            return 1e-4 * float(cost.basis_points.max())
        case CostSum():
            parts = [_proportional_rate(part) for part in cost.costs]
            return sum(part for part in parts if part is not None) or None
    return None


def _premium(study: Study, given: Mapping[str, Any]) -> float | AbstractPricer:
    premium = study.problem.premium
    if not isinstance(premium, Tagged):
        return premium
    return build_tagged(
        premium, AbstractPricer, ("problem", "premium"), given=given, named=_no_policies
    )


class _Policies:
    """Builds each policy once; one may wrap or start from another, by its name."""

    def __init__(self, study: Study, given: Mapping[str, Any]):
        self.study, self.given = study, given
        self.built: dict[str, AbstractPolicy] = {}
        self.open: list[str] = []

    def policy(self, name: str, keys: tuple[str, ...] = ()) -> AbstractPolicy:
        if name not in self.study.policies:
            known = ", ".join(self.study.policies)
            raise StudyError(
                keys, f"must name a policy of the study, got {name!r}; known: {known}."
            )
        if name in self.open:
            raise StudyError(keys, f"goes round in a circle: {' -> '.join([*self.open, name])}.")
        if name not in self.built:
            self.open.append(name)
            self.built[name] = self._build(name)
            self.open.pop()
        return self.built[name]

    def _build(self, name: str) -> AbstractPolicy:
        table, keys = self.study.policies[name], ("policies", name)
        kind = member(AbstractPolicy, table.type, keys)
        if not issubclass(kind, AbstractTrainablePolicy):
            return build(kind, table.options, keys, given=self.given, named=self.policy)
        options = {key: value for key, value in table.options.items() if key != "training"}
        seed = self.training(name).seed
        # Weights depend on the seed and the policy's name, not on which others stand beside it.
        key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
        given = {**self.given, "key": key}
        return build(kind.create, options, keys, given=given, named=self.policy)

    def training(self, name: str) -> Training:
        """`[training]` with what the policy's own table says otherwise."""
        own = self.study.policies[name].options.get("training", {})
        shared = {} if self.study.training is None else _stated(self.study.training)
        keys = ("policies", name, "training") if own else ("training",)
        if not shared and not own:
            raise StudyError(("training",), f"must be given: policy {name!r} is trained.")
        training = structure({**shared, **own}, Training, keys)
        if training.risk not in self.study.measures:
            raise StudyError((*keys, "risk"), f"must name a measure, got {training.risk!r}.")
        return training


def _stated(table: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(table).items() if value is not None}


def resolved_tables(resolved: Resolved) -> dict[str, Any]:
    """The study with its defaults spelt out, ready for `toml_text`."""
    study = resolved.study
    tables: dict[str, Any] = {
        "market": _spelt(study.market, resolved.problem.market),
        "claim": _spelt(study.claim, resolved.problem.claim),
        "cost": _spelt(study.cost, resolved.problem.cost),
        "problem": _stated(study.problem),
        "policies": {n: _spelt(t, resolved.policies[n]) for n, t in study.policies.items()},
        "measures": {n: _spelt(t, resolved.measures[n]) for n, t in study.measures.items()},
        "evaluation": _stated(study.evaluation),
    }
    if isinstance(study.problem.premium, Tagged):
        premium = study.problem.premium
        tables["problem"]["premium"] = _spelt(premium, resolved.problem.premium)
    for name in ("training", "backtest"):
        table = vars(study)[name]
        if table is not None:
            tables[name] = _stated(table)
    return tables


def _spelt(table: Tagged, built: Any) -> dict[str, Any]:
    """The table as it stands, after the plain numbers of the object that it leaves out."""
    spelt: dict[str, Any] = {"type": table.type}
    own = {} if table.type == "Recorded" else vars(built)
    for name, value in own.items():
        if isinstance(value, jax.Array) and value.dtype.kind == "f" and value.size == 1:
            # The shortest text of that precision that reads back as the same number.
            spelt[name] = float(str(np.asarray(value).reshape(())[()]))
        elif isinstance(value, int | float | str):
            spelt[name] = value
    return spelt | table.options
