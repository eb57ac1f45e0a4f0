"""From a study to the objects it describes."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from deephedge.claims import AbstractClaim
from deephedge.cli.build import build_tagged, maker, member, no_names, plain
from deephedge.cli.build_market import build_market, market_maker
from deephedge.cli.build_policies import Policies, policy_maker
from deephedge.cli.given import given_by
from deephedge.cli.spelling import spelt, untagged
from deephedge.cli.study import Study, Training, read_study
from deephedge.cli.tables import StudyError, Tagged, placed
from deephedge.costs import AbstractCost, Execution, Financing, PermanentImpact
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy
from deephedge.pricing import AbstractPricer
from deephedge.risk import AbstractRiskMeasure
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import Parameter, ProblemFamily


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
            "market": spelt(study.market, market_maker(study.market), frozenset()),
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


def _maker(family: type, table: Tagged, keys: tuple[str, ...]) -> Callable[..., Any]:
    if family is AbstractPolicy:
        return policy_maker(table, keys)
    return maker(member(family, table.type, keys))


def _frictions(study: Study) -> dict[str, tuple[type, Tagged]]:
    """What a problem need not have, of that which the study states: its class and its table."""
    kinds = {"impact": PermanentImpact, "financing": Financing, "execution": Execution}
    tables = {name: vars(study)[name] for name in kinds}
    return {name: (kinds[name], table) for name, table in tables.items() if table is not None}


def _premium(study: Study, given: Mapping[str, Any]) -> float | AbstractPricer:
    premium = study.problem.premium
    if not isinstance(premium, Tagged):
        return premium
    return build_tagged(
        premium, AbstractPricer, ("problem", "premium"), given=given, named=no_names
    )
