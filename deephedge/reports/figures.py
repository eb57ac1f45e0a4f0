"""Figures of a comparison; every one is a Matplotlib figure that owns its canvas."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets import Path, Snapshot, simulate
from deephedge.policies import AbstractBandPolicy, AbstractPolicy, Account
from deephedge.reports.comparison import Comparison
from deephedge.reports.pnl_parts import PnlParts
from deephedge.rollout import HedgingProblem, replay
from deephedge.typing import Array, Float, PRNGKeyArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito (2008): told apart by readers with any kind of colour vision.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", "-.", ":")
_N_SPOTS = 81

MANY = 7
"""Curves that one panel can show: of more policies a report shows P&L as `pnl_ranges`."""

RANGES = (
    "The thick bar holds the middle half of the paths, the thin one nine in ten; the dot is the "
    "mean, the cross the mean of the worst 5 %."
)
"""How to read `pnl_ranges`."""


def empty_figure(n_columns: int = 1, n_rows: int = 1, height: float = 3.6) -> tuple["Figure", list]:
    """A figure of the house with its panels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel().tolist()
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25, linewidth=0.6)
    return figure, axes


def line_style(number: int) -> dict:
    """What tells the curve of that number from the others, in colour and without."""
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _STYLES[number % len(_STYLES)],
        "linewidth": 1.5,
    }


def pnl_histograms(comparison: Comparison) -> "Figure":
    """Where the P&L of every policy lies; the outermost 1/1000 of each side is gathered in."""
    figure, (axis,) = empty_figure()
    pnl = {name: np.asarray(result.pnl) for name, result in comparison.outcomes.items()}
    low, high = np.quantile(np.concatenate(list(pnl.values())), [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1.0, 81)
    for number, (name, values) in enumerate(pnl.items()):
        inside = np.clip(values, edges[0], edges[-1])
        share = np.full(len(values), 1.0 / len(values))
        axis.hist(inside, edges, weights=share, histtype="step", label=name, **line_style(number))
    axis.set_xlabel("P&L of the seller, today's money")
    axis.set_ylabel("share of paths")
    axis.legend(frameon=False)
    return figure


def pnl_ranges(comparison: Comparison) -> "Figure":
    """Where the P&L of every policy lies, a line a policy: for more than a histogram can hold."""
    n = len(comparison.policies)
    figure, (axis,) = empty_figure(height=1.0 + 0.26 * n)
    for row, name in enumerate(comparison.policies):
        pnl = np.sort(np.asarray(comparison.outcomes[name].pnl, dtype=float))
        low, quarter, three, high = np.quantile(pnl, [0.05, 0.25, 0.75, 0.95])
        colour = _COLOURS[1] if name == comparison.baseline else _COLOURS[0]
        axis.hlines(row, low, high, color=colour, linewidth=1.2)
        axis.hlines(row, quarter, three, color=colour, linewidth=5.0, alpha=0.55)
        axis.plot(np.mean(pnl), row, "o", color=colour, markersize=4)
        axis.plot(np.mean(pnl[: max(1, len(pnl) // 20)]), row, "x", color=colour, markersize=5)
    left, right = axis.get_xlim()
    if left < 0.0 < right:
        axis.axvline(0.0, color="#444444", linewidth=0.8)
    axis.set_yticks(range(n), [name.replace("_", " ") for name in comparison.policies], fontsize=8)
    axis.set_ylim(n - 0.4, -0.6)
    axis.set_xlabel("P&L of the seller, today's money")
    return figure


def _legend_beside(figure: "Figure", axis: "Axes") -> None:
    """Where it covers no curve."""
    handles, names = axis.get_legend_handles_labels()
    names = [name.replace("_", " ") for name in names]
    figure.legend(handles, names, loc="outside right center", frameon=False, fontsize=8)


def pnl_parts_bars(parts: PnlParts) -> "Figure":
    """The mean of every part of the P&L for every policy, with two standard errors each way."""
    figure, (axis,) = empty_figure()
    places, width = np.arange(len(parts.names)), 0.8 / len(parts.parts)
    for number, (name, own) in enumerate(parts.parts.items()):
        means = [own[part].mean for part in parts.names]
        errors = [2.0 * own[part].standard_error for part in parts.names]
        left = places - 0.4 + (number + 0.5) * width
        colour = line_style(number)["color"]
        axis.bar(left, means, width, yerr=errors, label=name, color=colour, ecolor="#444444")
    axis.axhline(0.0, color="#444444", linewidth=0.8)
    axis.set_xticks(places, parts.names)
    axis.set_ylabel("mean P&L, today's money")
    axis.legend(frameon=False, fontsize=8)
    return figure


def hedge_against_spot(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    *,
    key: PRNGKeyArray,
    n_dates: int = 3,
    asset: int = 0,
) -> "Figure":
    """Units of one asset held at several dates against its price; bands are shaded.

    Policies without a band are asked what they would hold with the premium and nothing else; other
    prices are as at the start, factors are the median of 256 simulated paths.
    """
    paths = simulate(problem.market, problem.times, 256, key=key)
    last = np.asarray(paths.prices)[:, -1, asset]
    low, high = np.quantile(last, [0.01, 0.99])
    spots = jnp.asarray(np.linspace(low, high, _N_SPOTS), dtype=problem.times.dtype)
    start = problem.market.start().prices[asset]
    typical = jax.tree.map(lambda x: jnp.asarray(np.median(np.asarray(x), axis=0)), paths)
    wealth = problem.premium_at(
        jax.tree.map(lambda x: x[0], _at_spots(problem, typical, 0, asset, start[None]))
    )
    dates = sorted({int(k) for k in np.linspace(0, problem.n_steps - 1, n_dates)})
    figure, axes = empty_figure(len(dates))
    for axis, date in zip(axes, dates, strict=True):
        nows = _at_spots(problem, typical, date, asset, spots)
        for number, (name, policy) in enumerate(policies.items()):
            lower, upper = _held(policy, nows, wealth, asset)
            axis.plot(spots, lower, label=name, **line_style(number))
            if isinstance(policy, AbstractBandPolicy):
                axis.plot(spots, upper, **line_style(number))
                axis.fill_between(
                    spots, lower, upper, color=line_style(number)["color"], alpha=0.15
                )
        axis.set_title(f"{float(problem.times[date]):.3g} years", fontsize=10)
        axis.set_xlabel("spot")
    axes[0].set_ylabel("units held")
    _legend_beside(figure, axes[0])
    return figure


@eqx.filter_jit
def _at_spots(
    problem: HedgingProblem, typical: Path, date: int, asset: int, spots: Float[Array, " spot"]
) -> Snapshot:
    """The states at a date where the price went straight to each of the spots, all else typical."""
    start = problem.market.start().prices
    flat = jnp.broadcast_to(start, typical.prices.shape)

    def one(spot: Array) -> Snapshot:
        ramp = jnp.linspace(0.0, 1.0, date + 1, dtype=spot.dtype) if date else jnp.ones_like(spot)
        straight = start[asset] + ramp * (spot - start[asset])
        prices = flat.at[: date + 1, asset].set(straight)
        path = dataclasses.replace(typical, prices=prices)
        return dataclasses.replace(path, progress=problem.claim.progress(path)).at(date)

    return jax.vmap(one)(spots)


def _held(
    policy: AbstractPolicy, nows: Snapshot, wealth: Array, asset: int
) -> tuple[np.ndarray, np.ndarray]:
    def one(now: Snapshot) -> tuple[Array, Array]:
        if isinstance(policy, AbstractBandPolicy):
            return policy.band(now)
        account = Account(jnp.zeros_like(now.prices), wealth.astype(now.time.dtype))
        holdings, _ = policy.step(now, account, policy.init())
        return holdings, holdings

    lower, upper = jax.lax.map(one, nows)
    return np.asarray(lower)[:, asset], np.asarray(upper)[:, asset]


def one_path(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    *,
    key: PRNGKeyArray,
    asset: int = 0,
) -> "Figure":
    """Spot, holdings of every policy and their wealth along one simulated path."""
    path = simulate(problem.market, problem.times, 1, key=key)
    times = np.asarray(problem.times)
    figure, (top, middle, bottom) = empty_figure(n_rows=3, height=6.5)
    top.plot(times, np.asarray(path.prices)[0, :, asset], color="#444444")
    top.set_ylabel("spot")
    for number, (name, policy) in enumerate(policies.items()):
        ledger = replay(problem, policy, path, key=key)
        held = np.asarray(ledger.holdings)[0, :, asset]
        held = np.append(held, held[-1])
        middle.step(times, held, where="post", label=name, **line_style(number))
        bottom.plot(times, np.asarray(ledger.wealth)[0], **line_style(number))
    middle.set_ylabel("units held")
    _legend_beside(figure, middle)
    bottom.set_ylabel("wealth")
    bottom.set_xlabel("years")
    return figure


def training_curve(histories: Mapping[str, list[dict]], optimum: float | None = None) -> "Figure":
    """Validation risk against training steps from each `Trained.history`; the optimum dotted."""
    figure, (axis,) = empty_figure()
    for number, (name, history) in enumerate(histories.items()):
        steps, risk = [row["step"] for row in history], [row["validation"] for row in history]
        axis.plot(steps, risk, label=name, marker=".", **line_style(number))
    if optimum is not None:
        axis.axhline(optimum, color="#444444", linestyle=":", label=f"optimum {optimum:.4g}")
    axis.set_xlabel("training step")
    axis.set_ylabel("risk on held-out paths")
    axis.legend(frameon=False)
    return figure
