r"""Whether quotes contradict each other, whatever the model.

Stated for calls, undiscounted and in units of the forward: $c(k) = C/(DF)$ at $k = K/F$. Puts
become calls by parity. A position is free money if it costs nothing and can only pay, so each rule
sets the *bid* of one quote against the *ask* of others, and quotes inside their spreads pass.

Reference: Carr and Madan (2005); Davis and Hobson (2007).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from deephedge.calibration.quotes import Quotes

ROUNDING = 1e-10
"""In units of the forward: contradictions below this are rounding errors."""


_CURE = "pass `allow_arbitrage=True` to fit it all the same."

Slice = tuple[np.ndarray, np.ndarray]
"""Rows of the quotes and their bids as calls, of one maturity."""

Cover = Callable[["Quotes", np.ndarray], np.ndarray]
"""From rows of the quotes to what their payoffs can be had for, at most."""


def refuse_arbitrage(quotes: "Quotes") -> None:
    """A `ValueError` that names the first rule the quotes break, and the quote that breaks it."""
    _within_bounds(quotes)
    earlier: list[Slice] = []
    for maturity in np.unique(quotes.maturity):
        rows = np.flatnonzero(quotes.maturity == maturity)
        _one_value(quotes, rows, "forward")
        _one_value(quotes, rows, "discount")
        bid, ask = _calls(quotes, rows)
        cover = _cheapest_cover(quotes.strike[rows] / quotes.forward[rows], ask)
        rule = "calls and puts of one strike must be within put-call parity"
        _refuse(quotes, rows, bid - ask, rule, "the same is offered at")
        rule = "quotes must be convex and falling in strike (butterfly arbitrage)"
        offered = "calls of other strikes that pay at least as much are offered at"
        _refuse(quotes, rows, bid - cover(quotes, rows), rule, offered)
        rule = "quotes must rise with maturity at one share of the forward (calendar arbitrage)"
        for their_rows, their_bid in earlier:
            over = their_bid - cover(quotes, their_rows)
            _refuse(quotes, their_rows, over, rule, f"maturity {maturity:g} is offered at")
        earlier.append((rows, bid))


def _refuse(quotes: "Quotes", rows: np.ndarray, over: np.ndarray, rule: str, offered: str) -> None:
    worst = int(np.argmax(over))
    if over[worst] > ROUNDING:
        which = quotes.describe(int(rows[worst]))
        raise ValueError(
            f"{rule}: {which} is bid {100.0 * over[worst]:.3g} % of the forward above what "
            f"{offered}; {_CURE}"
        )


def _within_bounds(quotes: "Quotes") -> None:
    """Each price lies between what exercise at maturity is worth for certain and its most."""
    grown = quotes.discount * quotes.forward
    cash = quotes.discount * quotes.strike
    least = np.maximum(quotes.sign * (grown - cash), 0.0)
    most = np.where(quotes.sign > 0, grown, cash)
    tolerance = ROUNDING * grown
    for name, price, bound, wrong in (
        ("ask", quotes.ask, least, quotes.ask < least - tolerance),
        ("bid", quotes.bid, most, quotes.bid > most + tolerance),
    ):
        if np.any(wrong):
            i = int(np.argmax(wrong))
            side = "at least its intrinsic value" if name == "ask" else "at most"
            raise ValueError(
                f"`{name}` must be {side} {bound[i]:.6g}, got {price[i]:.6g} for "
                f"{quotes.describe(i)} (arbitrage); {_CURE}"
            )


def _one_value(quotes: "Quotes", rows: np.ndarray, name: str) -> None:
    values = vars(quotes)[name][rows]
    if np.ptp(values) > 1e-9 * values[0]:
        raise ValueError(
            f"`{name}` must be one number for each maturity, got {np.min(values):g} to "
            f"{np.max(values):g} for maturity {quotes.maturity[rows[0]]:g}."
        )


def _calls(quotes: "Quotes", rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bid and ask of the quotes as calls; the best of those at one strike."""
    moneyness = quotes.strike[rows] / quotes.forward[rows]
    grown = quotes.discount[rows] * quotes.forward[rows]
    parity = np.where(quotes.sign[rows] > 0, 0.0, 1.0 - moneyness)
    bid, ask = quotes.bid[rows] / grown + parity, quotes.ask[rows] / grown + parity
    _, group = np.unique(moneyness, return_inverse=True)
    best_bid, best_ask = np.full(group.max() + 1, -np.inf), np.full(group.max() + 1, np.inf)
    np.maximum.at(best_bid, group, bid)
    np.minimum.at(best_ask, group, ask)
    return best_bid[group], best_ask[group]


def _cheapest_cover(moneyness: np.ndarray, ask: np.ndarray) -> Cover:
    """What the cheapest calls cost that together pay at least as a call of another strike does.

    The lower convex hull of the asks and of the forward itself, a call of strike 0; beyond the
    last strike, the last call.
    """
    order = np.lexsort((ask, moneyness))
    points = [(0.0, 1.0), *zip(moneyness[order], ask[order], strict=True)]
    hull: list[tuple[float, float]] = []
    for x, y in points:
        if hull and x == hull[-1][0]:
            continue
        while len(hull) > 1 and _above_chord(hull[-2], hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    corners = np.array(hull)
    falling = corners[: int(np.argmin(corners[:, 1])) + 1]
    return lambda quotes, rows: np.interp(
        quotes.strike[rows] / quotes.forward[rows], falling[:, 0], falling[:, 1]
    )


def _above_chord(
    left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]
) -> bool:
    rise = (right[1] - left[1]) * (middle[0] - left[0])
    return bool((middle[1] - left[1]) * (right[0] - left[0]) >= rise)
