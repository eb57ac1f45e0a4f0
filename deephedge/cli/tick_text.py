"""What a monitor says about a quote, in text."""

from typing import Any

SHORT = "{:,.6g}".format


def tick_text(report: dict[str, Any]) -> str:
    """A few lines: the quote, the trade, Greeks, P&L, and what was reached."""
    market = [*map(SHORT, report["prices"]), *(f"({SHORT(x)})" for x in report["factors"])]
    lines = [f"line {report['line']}  time {report['time']}  at {' '.join(market)}"]
    if report["contracts"]:
        lines.append(f"  listed  {'  '.join(_contract(*x) for x in report['contracts'].items())}")
    names = report["columns"]
    trade, held = _row(report["trade"], names), _row(report["holdings"], names)
    if any(report["trade"]):
        lines.append(f"  TRADE   {trade} for {SHORT(report['cost'])}; holding {held}")
    else:
        lines.append(f"  hold    {held}")
    if "order" in report:
        lines.append(f"  order   hold {_row(report['order'], names)} at the next quote")
    if report["greeks"]:
        parts = [f"{name} {_value(value)}" for name, value in report["greeks"].items()]
        lines.append(f"  Greeks  {'  '.join(parts)}")
    parts = [f"{k} {SHORT(v)}" for k, v in report["attribution"].items() if v != 0.0]
    lines.append(f"  P&L     {SHORT(report['pnl'])}; since the last quote {SHORT(report['step'])}"
                 f"{': ' if parts else ''}{', '.join(parts)}")  # fmt: skip
    for name, limit in report["limits"].items():
        if limit["breached"]:
            reached = f"{limit['measures']} {SHORT(limit['value'])} > {SHORT(limit['limit'])}"
            lines.append(f"  LIMIT   {name}: {reached}")
    for change in report["changes"]:
        lines.append(f"  LEVEL   {change['before']} -> {change['after']}: {_why(change)}")
    if report["expired"]:
        lines.append(f"  EXPIRED paid {SHORT(report['payoff'])}; left {SHORT(report['worth'])}")
    return "\n".join(lines)


def _why(change: dict[str, Any]) -> str:
    if change["trigger"] == "calm":
        return f"calm for {change['value']:g} quotes"
    return f"{change['trigger']} {SHORT(change['value'])} > {SHORT(change['limit'])}"


def _contract(name: str, contract: dict[str, Any]) -> str:
    return f"{name} {SHORT(contract['price'])}{'' if contract['quoted'] else ' (its formula)'}"


def _row(values: list[float], names: list[str]) -> str:
    """Numbers of the columns; what each is of, where there are several."""
    if len(names) == 1:
        return f"{values[0]:,.10g}"
    return "  ".join(f"{x:,.10g} {name}" for x, name in zip(values, names, strict=True))


def _value(value: Any) -> str:
    return " ".join(map(SHORT, value)) if isinstance(value, list) else SHORT(value)
