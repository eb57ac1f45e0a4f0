"""The policies of a study: one may wrap another, or start from it."""

import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax

from deephedge.cli.build import build, maker, member
from deephedge.cli.optimum import optimal_hedge
from deephedge.cli.spelling import stated
from deephedge.cli.study import Study, Training
from deephedge.cli.tables import StudyError, Tagged, structure
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy


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
        kind = _kind(table, keys)
        if kind is None or not issubclass(kind, AbstractTrainablePolicy):
            make = policy_maker(table, keys)
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


def policy_maker(table: Tagged, keys: tuple[str, ...]) -> Callable[..., Any]:
    """What makes the policy of a table."""
    kind = _kind(table, keys)
    return optimal_hedge if kind is None else maker(kind)


def _kind(table: Tagged, keys: tuple[str, ...]) -> type | None:
    """The policy's class; `None` for the one that is solved for, whose class the costs decide."""
    return None if table.type == "OptimalHedge" else member(AbstractPolicy, table.type, keys)
