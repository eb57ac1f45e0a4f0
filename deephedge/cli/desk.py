"""A position that follows a stream of quotes."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import AbstractClaim, Call, Put
from deephedge.cli.book_greeks import book_greeks
from deephedge.cli.position import Position
from deephedge.cli.quotes import Bad, Line, Reader
from deephedge.cli.state_file import Saved, leaves_of, save, unbroken
from deephedge.policies import AbstractPolicy, alert_in, changes, escalation_in
from deephedge.pricing import AbstractListed, AbstractPricer
from deephedge.reports import Attribution, Book, attribute_step
from deephedge.rollout import HedgingProblem, Live, Quote, Tick, expire, open_book, tick
from deephedge.rollout.live import Limits
from deephedge.typing import Array, Scalar

Greeks = dict[str, Array]


@dataclasses.dataclass
class Desk:
    """A position, and where it stands."""

    position: Position
    file: Path
    """Of the state."""
    dry_run: bool
    """Whether the state is left as it is."""

    def follow(
        self, reader: Reader, saved: Saved | None, *, repeats: bool
    ) -> Iterator[dict[str, Any] | Bad]:
        """A report for every quote, once its state is on disk; and every line that is no use.

        Args:
            reader: the stream.
            saved: the state before a restart.
            repeats: whether it may begin with lines that were dealt with before a restart.
        """
        live, last, passing = None, saved and saved.time, saved is not None
        for line in reader:
            if passing and _seen(line, saved, repeats):
                continue
            why = None if isinstance(line, Bad) else self._refusal(line, last, saved)
            if isinstance(line, Bad) or why is not None:
                yield line if isinstance(line, Bad) else Bad(line.number, why or "")
                continue
            if live is None:
                live = self._open(line, saved)
            live, after = self._step(live, line, saved)
            # What was asked for is on disk before it is said: nothing is ever asked for twice.
            with unbroken():
                if not self.dry_run:
                    save(self.file, after)
                yield after.report
            saved, last, passing = after, line.time, False

    def _refusal(self, line: Line, last: float | None, saved: Saved | None) -> str | None:
        maturity = float(self.position.problem.claim.maturity)
        if saved is not None and saved.expired:
            return f"comes after the maturity, {maturity:g}"
        if last is not None and not line.time > last:
            return f"is late: its time, {line.label}, is not after that of the quote before"
        if saved is None and line.time >= maturity:
            return f"is not before the maturity, {maturity:g}"
        names = self.position.names[-len(line.marks) :] if line.marks else []
        for name, kind, mark in zip(names, self._kinds(), line.marks, strict=False):
            if mark < 0 and isinstance(kind, Call | Put):
                return f"is no use: {name} must not be negative, got {mark:g}"
        return None

    def _kinds(self) -> list[AbstractClaim]:
        """What is listed."""
        listed = self.position.listed
        return [] if listed is None else [x.kind for x in listed.instruments]

    def _open(self, line: Line, saved: Saved | None) -> Live:
        position = self.position
        live = open_book(
            position.problem,
            position.policy,
            tuple(position.limits.values()),
            self._quote(line),
            holdings=position.holdings,
            cash=position.cash,
        )
        return live if saved is None else saved.live(live, self.file)

    def _quote(self, line: Line) -> Quote:
        rate = self.position.rate if line.rate is None else line.rate
        marks = line.marks or [math.nan] * self.position.n_marks
        each = (line.time, line.prices, line.factors, rate, marks)
        return Quote(*(jnp.asarray(x, dtype=float) for x in each))

    def _step(self, live: Live, line: Line, saved: Saved | None) -> tuple[Live, Saved]:
        position, quote = self.position, self._quote(line)
        expired = line.time >= float(position.problem.claim.maturity)
        if expired:
            done, found = _expire(position.problem, live, quote, position.dividend), {}
            worth = done.wealth - done.payoff
        else:
            limits = tuple(position.limits.values())
            parts = (position.problem, position.policy, position.pricer, limits, position.dividend)
            live, done, worth, found = _tick(parts, live, quote)
        split = _split(position.problem, position.pricer, done)
        done, split, worth, found = jax.device_get((done, split, worth, found))
        start = float(worth - split.total) if saved is None else saved.worth
        level = 0 if saved is None else saved.level
        report = _report(position, line, done, split, found, float(worth), start)
        report |= self._levels(live, level, expired)
        after = Saved(
            digest=position.digest,
            line=line.number,
            time=line.time,
            worth=start,
            level=report["level"],
            expired=expired,
            report=report,
            leaves=leaves_of(live),
        )
        return live, after

    def _levels(self, live: Live, before: int, expired: bool) -> dict[str, Any]:
        """The level, how it changed, and under delay the holdings that are to be traded next."""
        facts: dict[str, Any] = {"level": before, "changes": [], "expired": expired}
        escalation, alert = escalation_in(self.position.policy), alert_in(live.standing.memory)
        if escalation is not None and alert is not None and not expired:
            row = jax.tree.map(lambda x: np.asarray(x)[None], alert)
            facts["level"] = int(row.level[0])
            log = [change._asdict() for change in changes(escalation, row, before)]
            facts["changes"] = [{k: v for k, v in x.items() if k != "date"} for x in log]
        if live.standing.order is not None and not expired:
            facts["order"] = np.asarray(live.standing.order).tolist()
        return facts


def _seen(line: Line | Bad, saved: Saved | None, repeats: bool) -> bool:
    """Whether a line was dealt with before the restart."""
    assert saved is not None
    if isinstance(line, Bad):
        return repeats and line.number <= saved.line
    return line.time <= saved.time


@eqx.filter_jit
def _tick(
    position: tuple[HedgingProblem, AbstractPolicy, AbstractPricer | None, Limits, Scalar],
    live: Live,
    quote: Quote,
) -> tuple[Live, Tick, Scalar, Greeks]:
    """The next state, what was done, what the book is worth and its Greeks, all after trading."""
    problem, policy, pricer, limits, dividend = position
    live, done = tick(problem, policy, limits, live, quote, dividend)
    found = book_greeks(problem.market, problem.claim, pricer, done.now, done.holdings)
    worth = done.wealth - done.now.discount * found.pop("price")
    return live, done, worth, found


_expire = eqx.filter_jit(expire)


@eqx.filter_jit
def _split(problem: HedgingProblem, pricer: AbstractPricer | None, done: Tick) -> Attribution:
    """Where the P&L of the step that ended at a quote came from; a payoff is a claim's value."""
    book, before, now = _book(problem, pricer, done), done.before, done.now
    gain = done.gain
    if pricer is not None:
        owed = now.discount * pricer.price(problem.claim, now)
        owed = jnp.where(now.time >= problem.claim.maturity, done.payoff, owed)
        gain = gain - owed + before.discount * pricer.price(problem.claim, before)
    return attribute_step(book, before, now, gain=gain, cost=done.cost, financing=done.carry)


def _book(problem: HedgingProblem, pricer: AbstractPricer | None, done: Tick) -> Book:
    """What stood from the quote before to this one."""
    listed = problem.market if isinstance(problem.market, AbstractListed) else None
    if pricer is None:
        return Book(done.held, listed=listed)
    sold = -jnp.ones_like(done.held[:1])
    return Book(done.held, (problem.claim,), sold, (pricer,), listed=listed)


def _report(
    position: Position,
    line: Line,
    done: Tick,
    split: Attribution,
    found: dict[str, Any],
    worth: float,
    start: float,
) -> dict[str, Any]:
    """What is said about a quote, ready for JSON."""
    rows = zip(position.limits.items(), done.limits, done.breached, strict=False)
    return {
        "line": line.number,
        "time": line.label,
        "prices": line.prices,
        "factors": line.factors,
        "contracts": _contracts(position, line, done),
        "columns": position.names,
        "trade": done.trade.tolist(),
        "holdings": done.holdings.tolist(),
        "cost": float(done.cost),
        "wealth": float(done.wealth),
        "payoff": float(done.payoff),
        "worth": worth,
        "pnl": worth - start,
        "step": float(split.total),
        "attribution": {name: float(part) for name, part in vars(split).items()},
        "greeks": {name: value.tolist() for name, value in sorted(found.items())},
        "limits": {
            name: {
                "measures": limit.name,
                "value": float(value),
                "limit": float(limit.limit),
                "breached": bool(breached),
            }
            for (name, limit), value, breached in rows
        },
    }


def _contracts(position: Position, line: Line, done: Tick) -> dict[str, dict[str, Any]]:
    """What each listed contract stands at, and whether that is a quote."""
    n = position.n_marks
    if n == 0:
        return {}
    quoted = [not math.isnan(x) for x in line.marks] or [False] * n
    rows = zip(position.names[-n:], done.now.prices[-n:].tolist(), quoted, strict=True)
    return {name: {"price": price, "quoted": had} for name, price, had in rows}
