"""Tables for the terminal."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_backtest(summary: Mapping[str, Any]) -> None:
    """Measures on recorded windows, with block-bootstrap standard errors and intervals."""
    rows = summary["policies"]
    measures = list(next(iter(rows.values()))["measures"])
    title = (
        f"Recorded history: {summary['windows']} overlapping windows starting "
        f"{summary['first_start']} to {summary['last_start']}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("policy")
    for name in measures:
        table.add_column(f"{name}\n95 % interval", justify="right")
        if summary["baseline"] is not None:
            table.add_column(f"less {summary['baseline']}", justify="right")
    for name in ("mean", "std", "cost", "trades"):
        table.add_column(name, justify="right")
    for policy, row in rows.items():
        cells = [policy]
        for name in measures:
            measured = row["measures"][name]
            cells.append(f"{measured['value']:.3f}\n{_between(measured)}")
            if summary["baseline"] is not None:
                difference = measured.get("difference")
                cells.append(
                    f"{difference['value']:+.3f}\n{_between(difference)}" if difference else ""
                )
        cells += [f"{row[name]:.3f}" for name in ("mean", "std", "cost")]
        table.add_row(*cells, f"{row['trades']:.1f}")
    console = Console()
    # A pipe has no width of its own: give the table all it needs.
    if not console.is_terminal:
        console = Console(width=200)
    console.print(table)


def _between(interval: Mapping[str, float]) -> str:
    return f"{interval['low']:.3f} to {interval['high']:.3f}"
