"""From a study to the objects it describes."""

import contextlib
import dataclasses
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.backtest import recorded_market
from deephedge.claims import AbstractClaim
from deephedge.cli.build import build, build_tagged, maker, member, no_names
from deephedge.cli.optimum import optimal_hedge
from deephedge.cli.spelling import spelt, stated, untagged
from deephedge.cli.study import Study, Training, read_study
from deephedge.cli.tables import StudyError, Tagged, placed, structure, tagged
from deephedge.costs import (
    AbstractCost,
    CostSum,
    Execution,
    Financing,
    HalfSpread,
    NoCost,
    PermanentImpact,
    ProportionalCost,
)
from deephedge.markets import AbstractMarket, AbstractModel, Historical, load_market
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy
from deephedge.pricing import (
    AbstractListed,
    AbstractPricer,
    QuotedBlackScholes,
    listed_market,
    pricer_for,
)
from deephedge.risk import AbstractRiskMeasure
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import Parameter, ProblemFamily
from deephedge.typing import Array, Float


@dataclasses.dataclass(frozen=True)
class Resolved:
    """A study and its objects.

    `trainings` has an entry for every policy that is trained, in an order in which none comes
    before a policy that it starts from.
    """

    study: Study
    problem: HedgingProblem
    policies: dict[str, AbstractPolicy]
    measures: dict[str, AbstractRiskMeasure]
    trainings: dict[str, Training]
    given: dict[str, Any]
    family: ProblemFamily | None

    def at_own_point(self, name: str, policy: AbstractPolicy) -> AbstractPolicy:
        """A policy that was trained on a family, told the parameters of the study's problem."""
        if self.family is None:
            return policy
        point = self.family.own_point(self.measures[self.trainings[name].risk])
        return self.family.at(policy, point)

    def with_trained(self, trained: Mapping[str, AbstractPolicy]) -> dict[str, AbstractPolicy]:
        """The policies of the study, those that wrap or start from trained ones built anew."""
        return Policies(self.study.policies, self.given, trained, self.study).all()

    def seeds(self, name: str, trained: Mapping[str, AbstractPolicy]) -> list[AbstractPolicy]:
        """An untrained policy for each of its seeds; the first is that of `with_trained`."""
        kinds = range(self.trainings[name].n_seeds)
        made = (Policies(self.study.policies, self.given, trained, self.study, i) for i in kinds)
        return [policies.policy(name) for policies in made]

    def tables(self) -> dict[str, Any]:
        """The study as plain tables with its defaults spelt out."""
        study, given = self.study, frozenset(self.given)

        def family(of: type, tables: Mapping[str, Tagged]) -> dict[str, Any]:
            makers = {name: _maker(of, t, (name,)) for name, t in tables.items()}
            return {name: spelt(t, makers[name], given) for name, t in tables.items()}

        alone = {"claim": (AbstractClaim, study.claim), "cost": (AbstractCost, study.cost)}
        alone |= _frictions(study)
        return {
            "market": spelt(study.market, _market_maker(study.market), frozenset()),
            **{name: family(of, {name: table})[name] for name, (of, table) in alone.items()},
            "policies": family(AbstractPolicy, study.policies),
            "measures": family(AbstractRiskMeasure, study.measures),
            **untagged(study),
        }


def open_study(file: Path) -> Resolved:
    """Read a study file and build what it describes; errors name the file."""
    try:
        return resolve(read_study(file))
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None


def resolve(study: Study) -> Resolved:
    """Build what a study describes, or say in a `StudyError` why that cannot be."""
    market = build_market(study.market, ("market",))
    claim = plain(study.claim, AbstractClaim, "claim")
    cost = plain(study.cost, AbstractCost, "cost")
    times = time_grid(float(claim.maturity), study.problem.n_steps)
    given = given_by(market, claim, cost, times)
    premium = _premium(study, given)
    frictions = {name: plain(table, of, name) for name, (of, table) in _frictions(study).items()}
    try:
        problem = HedgingProblem(
            market=market,
            claim=claim,
            cost=cost,
            times=times,
            premium=premium,
            close_out=study.problem.close_out,
            **frictions,
        )
    except ValueError as error:
        raise placed(error, ()) from None
    measures = {
        name: build_tagged(table, AbstractRiskMeasure, ("measures", name), given={}, named=no_names)
        for name, table in study.measures.items()
    }
    family = _family(study, problem)
    n_parameters = 0 if family is None else family.n_shown
    given |= {"problem": problem, "measures": measures, "n_parameters": n_parameters}
    makers = Policies(study.policies, given, {}, study)
    policies = makers.all()
    trainings = {
        name: makers.training(name)
        for name, policy in makers.built.items()
        if isinstance(policy, AbstractTrainablePolicy)
    }
    resolved = Resolved(study, problem, policies, measures, trainings, given, family)
    _check_own_point(resolved)
    return resolved


def _family(study: Study, problem: HedgingProblem) -> ProblemFamily | None:
    """The problems that the study's policies are trained on, if it states a family."""
    if study.family is None:
        return None
    try:
        ranges = (Parameter(name, **vars(x)) for name, x in study.family.parameters.items())
        return ProblemFamily(problem, tuple(ranges), n_groups=study.family.n_groups or None)
    except ValueError as error:
        raise placed(error, ("family", "parameters")) from None


def _check_own_point(resolved: Resolved) -> None:
    """The study's own problem must be one of the family."""
    family = resolved.family
    for training in resolved.trainings.values() if family is not None else ():
        assert family is not None
        try:
            point = family.own_point(resolved.measures[training.risk])
        except ValueError as error:
            raise StudyError(("family", "parameters"), str(error)) from None
        if not bool(jnp.all((point > -1e-5) & (point < 1.0 + 1e-5))):
            raise StudyError(
                ("family", "parameters"),
                "must hold the study's own problem in their ranges; it lies at the shares "
                f"{[round(float(x), 3) for x in point]} of them.",
            )


def _policy_kind(table: Tagged, keys: tuple[str, ...]) -> type | None:
    """The policy's class; `None` for the one that is solved for, whose class the costs decide."""
    return None if table.type == "OptimalHedge" else member(AbstractPolicy, table.type, keys)


def _maker(family: type, table: Tagged, keys: tuple[str, ...]) -> Callable[..., Any]:
    if family is AbstractPolicy and _policy_kind(table, keys) is None:
        return optimal_hedge
    return maker(member(family, table.type, keys))


def _frictions(study: Study) -> dict[str, tuple[type, Tagged]]:
    """What a problem need not have, of that which the study states: its class and its table."""
    kinds = {"impact": PermanentImpact, "financing": Financing, "execution": Execution}
    tables = {name: vars(study)[name] for name in kinds}
    return {name: (kinds[name], table) for name, table in tables.items() if table is not None}


def plain(table: Tagged, family: type, key: str) -> Any:
    """The object of a table that takes nothing from the rest of the study."""
    return build_tagged(table, family, (key,), given={}, named=no_names)


def build_market(table: Tagged, keys: tuple[str, ...]) -> AbstractMarket:
    """The market of a table."""
    options, given = dict(table.options), {}
    if table.type == "Listed" and isinstance(options.get("market"), dict):
        # Its assets may come from a record or a file too, and are marked by what fits them.
        options["market"] = listed_assets(table, keys)
        if isinstance(options["market"], Historical):
            given["pricer"] = QuotedBlackScholes(rate=options["market"].rate)
    return build(_market_maker(table), options, keys, given=given, named=no_names)


def listed_assets(table: Tagged, keys: tuple[str, ...]) -> AbstractMarket:
    """The market of the assets beside which a `Listed` table lists instruments."""
    keys = (*keys, "market")
    if "market" not in table.options:
        raise StudyError(keys, "must be given.")
    try:
        assets = tagged(table.options["market"])
    except (TypeError, ValueError) as error:
        raise StudyError(keys, str(error)) from None
    return build_market(assets, keys)


def _market_maker(table: Tagged) -> Callable[..., AbstractMarket]:
    """A market of the library, one from a record or a file, or one that lists options too."""
    if table.type == "Listed":
        return listed_market
    if table.type == "Recorded":
        return recorded_market
    if table.type == "Learned":
        return load_market
    return member(AbstractMarket, table.type, ("market",))


def given_by(market: AbstractMarket, claim: AbstractClaim, cost: AbstractCost, times: Any) -> dict:
    """What policies and pricers need not be told again."""
    interval = float(claim.maturity) / (times.shape[0] - 1)
    given = {"market": market, "claim": claim, "times": times, "interval": interval}
    given["n_assets"] = market.start().prices.shape[0]
    market = market.market if isinstance(market, AbstractListed) else market
    rate = _proportional_rate(cost, asset=vars(claim).get("asset", 0))
    if rate is not None:
        given["cost_rate"] = rate
    if isinstance(market, Historical):
        given["pricer"] = QuotedBlackScholes(rate=market.rate)
    if isinstance(market, AbstractModel):
        given["model"] = market
        # Without a formula, a policy that needs a pricer is told so at its own table.
        with contextlib.suppress(ValueError):
            given["pricer"] = pricer_for(market, claim)
    stated = {field.name for field in dataclasses.fields(market)} & {"rate", "dividend"}
    return given | {name: vars(market)[name] for name in stated}


def _proportional_rate(cost: AbstractCost, asset: int) -> float | None:
    """The cost of trading an asset, as a share of the value traded; `None` where it is not one."""
    match cost:
        case NoCost():
            return 0.0
        case ProportionalCost():
            return _of_asset(cost.rate, asset)
        case HalfSpread():
            return 1e-4 * _of_asset(cost.basis_points, asset)
        case CostSum():
            parts = [_proportional_rate(part, asset) for part in cost.costs]
            return sum(part for part in parts if part is not None) or None
    return None


def _of_asset(values: Float[Array, " asset"], asset: int) -> float:
    return float(np.broadcast_to(values, max(asset + 1, values.shape[0]))[asset])


def _premium(study: Study, given: Mapping[str, Any]) -> float | AbstractPricer:
    premium = study.problem.premium
    if not isinstance(premium, Tagged):
        return premium
    return build_tagged(
        premium, AbstractPricer, ("problem", "premium"), given=given, named=no_names
    )


class Policies:
    """Builds each policy once; one may wrap or start from another, by its name."""

    def __init__(
        self,
        tables: Mapping[str, Tagged],
        given: Mapping[str, Any],
        trained: Mapping[str, AbstractPolicy],
        study: Study | None = None,
        seed: int = 0,
    ):
        self.tables, self.given, self.study, self.seed = tables, given, study, seed
        self.built = dict(trained)
        self.open: list[str] = []

    def all(self) -> dict[str, AbstractPolicy]:
        return {name: self.policy(name) for name in self.tables}

    def policy(self, name: str, keys: tuple[str, ...] = ()) -> AbstractPolicy:
        if name not in self.tables:
            known = ", ".join(self.tables)
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
        table, keys = self.tables[name], ("policies", name)
        kind = _policy_kind(table, keys)
        if kind is None or not issubclass(kind, AbstractTrainablePolicy):
            make = _maker(AbstractPolicy, table, keys)
            return build(make, table.options, keys, given=self.given, named=self.policy)
        options = {key: value for key, value in table.options.items() if key != "training"}
        seed = self.training(name).seed
        # Weights depend on the seed and the policy's name, not on which others stand beside it.
        key = jax.random.fold_in(jax.random.key(seed), zlib.crc32(name.encode()))
        key = jax.random.fold_in(key, self.seed) if self.seed else key
        given = {**self.given, "key": key}
        return build(maker(kind), options, keys, given=given, named=self.policy)

    def training(self, name: str) -> Training:
        """`[training]` with what the policy's own table says otherwise."""
        own = self.tables[name].options.get("training", {})
        study = self.study
        shared = {} if study is None or study.training is None else stated(study.training)
        keys = ("policies", name, "training") if own else ("training",)
        if not shared and not own:
            raise StudyError(("training",), f"must be given: policy {name!r} is trained.")
        training = structure({**shared, **own}, Training, keys)
        if study is not None and training.risk not in study.measures:
            raise StudyError((*keys, "risk"), f"must name a measure, got {training.risk!r}.")
        return training
