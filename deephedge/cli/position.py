"""What a position file says: a book, the rule that hedges it, and the columns of its quotes."""

import dataclasses
import datetime
import hashlib
import tomllib
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from deephedge.claims import AbstractClaim, NoClaim
from deephedge.cli.build import build_tagged, member, no_names, plain
from deephedge.cli.build_policies import Policies
from deephedge.cli.given import given_by
from deephedge.cli.position_market import Assets, columns_of, open_assets, opened_market
from deephedge.cli.tables import StudyError, Tagged, closest, placed, structure
from deephedge.cli.trained import TYPE, Lesson, open_trained
from deephedge.costs import AbstractCost, Execution, Financing
from deephedge.markets import AbstractMarket
from deephedge.policies import AbstractPolicy, AbstractTrainablePolicy, AbstractTrigger
from deephedge.pricing import AbstractListed, AbstractPricer
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.typing import Array, Float


@dataclasses.dataclass(frozen=True)
class Book:
    """`[book]`: what is held and owned before the first quote, and the policy that hedges it."""

    policy: str
    cash: float
    holdings: list[float] = dataclasses.field(default_factory=list)
    """Units of each asset, then of each listed contract; none unless given."""
    close_out: bool = False
    """Whether the hedge is sold, at a cost, at maturity."""
    interval: float | None = None
    """Years between quotes, for rules that are made for one."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """`[quotes]`: the columns of the stream; `rate` is read if it is there."""

    time: str = "time"
    """Years as numbers or, with `start`, dates and times as 2026-01-31T15:30."""
    prices: list[str] = dataclasses.field(default_factory=lambda: ["spot"])
    factors: list[str] | None = None
    """What the model also knows; left out, the column `vol` if there is one."""
    instruments: list[str] | None = None
    """Quotes of what the market lists; without them, and where one is empty, its pricer's value."""
    rate: str = "rate"
    start: datetime.date | None = None
    """The date from which years (of 365 days) count."""
    max_age: float | None = None
    """Seconds by the clock after which a quote with a date is stale."""

    def __post_init__(self):
        if not self.prices:
            raise ValueError("`prices` must name at least one column.")
        if self.max_age is not None and (self.start is None or not self.max_age > 0):
            raise ValueError(
                f"`max_age` must be positive, and needs `start`: quotes with dates, got "
                f"{self.max_age}."
            )


@dataclasses.dataclass(frozen=True)
class PositionTables:
    """A whole position file; the tables that a study has too are the same."""

    market: Tagged
    claim: Tagged
    cost: Tagged
    book: Book
    policies: dict[str, Tagged]
    pricer: Tagged | None = None
    """That values the claim; the model's own unless given."""
    limits: dict[str, Tagged] = dataclasses.field(default_factory=dict)
    """Triggers that are watched and reported, and do nothing."""
    quotes: Columns = dataclasses.field(default_factory=Columns)
    financing: Tagged | None = None
    execution: Tagged | None = None


@dataclasses.dataclass(frozen=True)
class Position:
    """A book, ready for its first quote."""

    problem: HedgingProblem
    policy: AbstractPolicy
    pricer: AbstractPricer | None
    limits: dict[str, AbstractTrigger]
    holdings: Float[Array, " asset"]
    cash: Float[Array, ""]
    rate: float
    """Where the stream has none."""
    dividend: Float[Array, ""]
    columns: Columns
    n_factors: int
    """Of the model, without those of listed contracts."""
    exact: bool
    """Whether the stream must have no more factors than that."""
    names: list[str]
    """Of the assets and the listed contracts."""
    digest: str
    """Of the file, and of the trained policies: a state belongs to one position."""

    @property
    def listed(self) -> AbstractListed | None:
        """The market, if it lists contracts beside its assets."""
        market = self.problem.market
        return market if isinstance(market, AbstractListed) else None

    @property
    def n_marks(self) -> int:
        """How many contracts are listed."""
        return 0 if self.listed is None else len(self.listed.instruments)


def open_position(file: Path) -> Position:
    """Read a position file and build what it describes; errors name the file."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise StudyError((), f"{file}: there is no such file.") from None
    except OSError as error:
        raise StudyError((), f"{file}: cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise StudyError((), f"{file}: is not TOML: {error}.") from None
    try:
        tables = structure(tomllib.loads(text), PositionTables)
        return _position(tables, text.encode(), file.parent)
    except tomllib.TOMLDecodeError as error:
        raise StudyError((), f"{file}: is not TOML: {error}.") from None
    except StudyError as error:
        raise StudyError((), f"{file}: {error}") from None


def _position(tables: PositionTables, text: bytes, beside: Path) -> Position:
    claim = plain(tables.claim, AbstractClaim, "claim")
    assets = open_assets(tables.market, tables.quotes.factors)
    given = _given(tables, assets, claim)
    market = opened_market(tables.market, assets, given, stated=tables.pricer is not None)
    n_columns = market.start().prices.shape[0]
    given |= {"market": market, "n_assets": n_columns}
    names = columns_of(market, tables.quotes.prices, tables.quotes.instruments)
    lessons = _lessons(tables.policies, beside)
    for name, lesson in lessons.items():
        lesson.refuse_another(claim, market, ("policies", name))
    files = [lesson.file.read_bytes() for lesson in lessons.values()]
    return Position(
        problem=_problem(tables, market, claim),
        policy=_policy(tables, given, {name: x.policy for name, x in lessons.items()}),
        pricer=None if isinstance(claim, NoClaim) else given["pricer"],
        limits={
            name: build_tagged(
                table, AbstractTrigger, ("limits", name), given=given, named=no_names
            )
            for name, table in tables.limits.items()
        },
        holdings=_holdings(tables.book, n_columns),
        cash=jnp.asarray(tables.book.cash, dtype=float),
        rate=float(given.get("rate", 0.0)),
        dividend=jnp.asarray(given.get("dividend", 0.0), dtype=float),
        columns=tables.quotes,
        n_factors=assets.n_factors,
        exact=bool(lessons) or isinstance(market, AbstractListed),
        names=names,
        digest=hashlib.sha256(b"".join([text, *files])).hexdigest(),
    )


def _given(tables: PositionTables, assets: Assets, claim: AbstractClaim) -> dict[str, Any]:
    """What policies, pricers and triggers need not be told again."""
    times = time_grid(float(claim.maturity), 1)
    cost = plain(tables.cost, AbstractCost, "cost")
    given = given_by(assets.stated, claim, cost, times)
    given = {name: given[name] for name in given if name not in ("times", "interval")}
    if tables.book.interval is not None:
        given["interval"] = tables.book.interval
    if tables.pricer is not None:
        given["pricer"] = build_tagged(
            tables.pricer, AbstractPricer, ("pricer",), given=given, named=no_names
        )
    if "pricer" not in given and not isinstance(claim, NoClaim):
        raise StudyError(("pricer",), "must be given: no formula of the model values the claim.")
    return given


def _problem(
    tables: PositionTables, market: AbstractMarket, claim: AbstractClaim
) -> HedgingProblem:
    kinds = {"financing": Financing, "execution": Execution}
    frictions = {
        name: plain(vars(tables)[name], kind, name)
        for name, kind in kinds.items()
        if vars(tables)[name] is not None
    }
    if "execution" in frictions and frictions["execution"].slippage is not None:
        raise StudyError(
            ("execution", "slippage"),
            "must be left out of a position: it is random, and a fill is what it is. Where the "
            "fills were others, correct `cash` and `holdings` and begin a new state.",
        )
    try:
        return HedgingProblem(
            market=market,
            claim=claim,
            cost=plain(tables.cost, AbstractCost, "cost"),
            times=[0.0, float(claim.maturity)],
            close_out=tables.book.close_out,
            **frictions,
        )
    except ValueError as error:
        raise placed(error, ()) from None


def _lessons(tables: dict[str, Tagged], beside: Path) -> dict[str, Lesson]:
    """The policies that earlier runs trained, by name."""
    return {
        name: open_trained(table, beside, ("policies", name))
        for name, table in tables.items()
        if table.type == TYPE
    }


def _policy(
    tables: PositionTables, given: dict[str, Any], trained: dict[str, AbstractPolicy]
) -> AbstractPolicy:
    for name, table in tables.policies.items():
        keys = ("policies", name)
        if name in trained:
            continue
        if issubclass(member(AbstractPolicy, table.type, keys), AbstractTrainablePolicy):
            raise StudyError(
                (*keys, "type"),
                f"must need no training, got {table.type!r}; train it with `run`, then give "
                f'type = "{TYPE}" and file = "DIR/policies/{name}.safetensors".',
            )
    name = tables.book.policy
    if name not in tables.policies:
        known = closest(name, tables.policies)
        raise StudyError(
            ("book", "policy"), f"must name one of the policies, got {name!r}; {known}"
        )
    return Policies(tables.policies, given, trained).all()[name]


def _holdings(book: Book, n_columns: int) -> Float[Array, " asset"]:
    if book.holdings and len(book.holdings) != n_columns:
        raise StudyError(
            ("book", "holdings"),
            f"must have a number for each of the {n_columns} assets, got {len(book.holdings)}.",
        )
    return jnp.asarray(book.holdings or [0.0] * n_columns, dtype=float)
