"""`deephedge monitor`: a book on a stream of quotes, and the trades its policy asks for."""

import contextlib
import json as json_format
import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jax

from deephedge.cli.desk import Desk
from deephedge.cli.position import open_position
from deephedge.cli.quotes import Bad, Reader
from deephedge.cli.state_file import Saved, load
from deephedge.cli.tables import StudyError
from deephedge.cli.tick_text import tick_text


def monitor(
    position: Path,
    market: str,
    *,
    state: Path | None,
    dry_run: bool,
    quiet: bool,
    json: bool,
) -> int:
    """Follow the stream to its end; returns the exit code."""
    with jax.enable_x64(True):
        file = state or position.with_suffix(".state.json")
        desk = Desk(open_position(position), file, dry_run)
        saved = load(file, desk.position.digest)
        if saved is not None:
            _say(_resumed(saved))
        done, skipped = 0, 0
        with _lines(market) as lines:
            try:
                book = desk.position
                reader = Reader(lines, book.columns, book.n_factors, exact=book.exact)
            except StudyError as error:
                raise StudyError((), f"{market}: {error}") from None
            for report in desk.follow(reader, saved, repeats=market != "-"):
                if isinstance(report, Bad):
                    skipped += 1
                    _say(f"deephedge: line {report.number}: {report.reason}; skipped.")
                    continue
                done += 1
                if json:
                    print(json_format.dumps(_finite(report)), flush=True)
                elif not quiet or _matters(report):
                    print(tick_text(report), flush=True)
    if not quiet:
        _say(f"{done} quotes, {skipped} lines skipped")
    return 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _finite(value: Any) -> Any:
    """What JSON can hold."""
    match value:
        case dict():
            return {key: _finite(x) for key, x in value.items()}
        case list():
            return [_finite(x) for x in value]
        case float() if not math.isfinite(value):
            return None
    return value


def _matters(report: dict[str, Any]) -> bool:
    breached = any(limit["breached"] for limit in report["limits"].values())
    return any(report["trade"]) or bool(report["changes"]) or breached or report["expired"]


@contextlib.contextmanager
def _lines(market: str) -> Iterator[Iterable[str]]:
    if market == "-":
        yield sys.stdin
        return
    try:
        file = open(market, encoding="utf-8", errors="replace", newline="")
    except FileNotFoundError:
        raise StudyError((), f"{market}: there is no such file.") from None
    except OSError as error:
        raise StudyError((), f"{market}: cannot be read: {error.strerror}.") from None
    with file:
        yield file


def _resumed(saved: Saved) -> str:
    report = saved.report
    return (
        f"resumed after line {saved.line}, time {report['time']}: holding "
        f"{_numbers(report['holdings'])}; the last trade was {_numbers(report['trade'])}"
    )


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{x:,.10g}" for x in values)
