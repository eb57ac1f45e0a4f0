"""Draws the pictures of the pages on delta hedging, costs, insurance and volatility targets.

python experiments/strategy_pictures.py [--out docs/strategies]
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call, NoClaim
from deephedge.costs import HalfSpread, ProportionalCost
from deephedge.markets import BlackScholes, Heston, Kou, Merton, simulate
from deephedge.policies import (
    CPPI,
    EWMA,
    TIPP,
    AbstractPolicy,
    DeltaHedge,
    RebalanceOnMove,
    StaticHedge,
    StopLoss,
    SyntheticPut,
    VolatilityTarget,
    Zakamouline,
)
from deephedge.pricing import BlackScholesFormula, Fourier
from deephedge.reports.figures import empty_figure, line_style
from deephedge.rollout import HedgingProblem, Ledger, pnl_only, replay, sample, time_grid

MATURITY = 0.25
CALL = Call(strike=100.0, maturity=MATURITY)
FORMULA = BlackScholesFormula(vol=0.2)


def delta_hedging():
    """What is left after hedging as the dates grow: in a diffusion, and where the price jumps."""
    figure, axes = empty_figure(2)
    jumps = Merton(spot=100.0, vol=0.15, intensity=1.0, jump_mean=-0.1, jump_vol=0.1)
    markets = {
        "no jumps": (BlackScholes(spot=100.0, vol=0.2), FORMULA),
        "jumps": (jumps, Fourier(jumps)),
    }
    steps = (4, 16, 64, 256)
    for number, (name, (market, pricer)) in enumerate(markets.items()):
        pnl = {}
        for n in steps:
            problem = HedgingProblem(
                market,
                CALL,
                ProportionalCost(0.0),
                time_grid(MATURITY, n),
                premium=pricer,
                close_out=True,
            )
            delta = DeltaHedge(CALL, pricer)
            pnl[n] = sample(problem, delta, 2048, key=jax.random.key(0), keep=pnl_only)
        deviations = [float(np.std(pnl[n])) for n in steps]
        axes[0].plot(steps, deviations, marker="o", label=name, **line_style(number))
        values = np.clip(np.asarray(pnl[64]), -8.0, 3.0)
        share = np.full(len(values), 1.0 / len(values))
        axes[1].hist(values, 60, weights=share, histtype="step", label=name, **line_style(number))
    axes[0].set(xscale="log", yscale="log", xlabel="trades in three months", ylabel="std of P&L")
    axes[1].set(xlabel="P&L of the seller, 64 trades (below -8: at -8)", ylabel="share of paths")
    axes[0].legend()
    return figure


def cost_aware_rules():
    """The holdings of rules on one path, and the no-trade band of one of them."""
    figure, axes = empty_figure(1, 2, height=5.4)
    problem = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.2),
        CALL,
        ProportionalCost(0.002),
        time_grid(MATURITY, 63),
        close_out=True,
    )
    delta = DeltaHedge(CALL, FORMULA)
    band = Zakamouline(CALL, FORMULA, cost_rate=0.002, aversion=1.0)
    rules = {
        "delta, daily": delta,
        "on a move of 2 %": RebalanceOnMove(delta, move=0.02),
        "Zakamouline": band,
    }
    path, ledgers = on_one_path(problem, rules, seed=5)
    days = np.arange(63)
    snapshots = jax.tree.map(lambda x: x[:-1], path.snapshots())
    lower, upper = jax.jit(jax.vmap(band.band))(snapshots)
    between = {"alpha": 0.2, "color": "#009E73", "linewidth": 0, "label": "Zakamouline's band"}
    axes[1].fill_between(days, lower[:, 0], upper[:, 0], **between)
    for number, (name, ledger) in enumerate(ledgers.items()):
        style = line_style(number)
        axes[1].step(days, ledger.holdings[0, :, 0], where="post", label=name, **style)
    axes[0].plot(np.arange(64), path.prices[:, 0], color="black", linewidth=1.2)
    axes[0].set(ylabel="stock")
    axes[1].set(xlabel="day", ylabel="shares held")
    axes[1].legend()
    return figure


def on_one_path(problem: HedgingProblem, rules: Mapping[str, AbstractPolicy], seed: int):
    """A path of the market, and what each rule did on it."""
    paths = simulate(problem.market, problem.times, 1, key=jax.random.key(seed))
    ledgers: dict[str, Ledger] = {name: replay(problem, r, paths) for name, r in rules.items()}
    return jax.tree.map(lambda x: x[0], paths), ledgers


def portfolio_insurance():
    """Final wealth of each rule against the stock, in a market that jumps."""
    figure, axes = empty_figure(4)
    market = Kou(
        spot=100.0,
        vol=0.15,
        intensity=2.0,
        up_probability=0.3,
        up_size=0.04,
        down_size=0.08,
        rate=0.02,
        drift=0.07,
    )
    problem = HedgingProblem(
        market,
        NoClaim(maturity=1.0),
        HalfSpread(2.0),
        time_grid(1.0, 252),
        premium=100.0,
        close_out=True,
    )
    rules = {
        "stop-loss": StopLoss(floor=0.8, band=0.02),
        "CPPI": CPPI(multiplier=4.0, floor=0.8, band=0.02),
        "ratchet": TIPP(multiplier=4.0, floor=0.8, band=0.02),
        "replicated put": SyntheticPut(floor=0.8, vol=0.2, maturity=1.0, rate=0.02, band=0.02),
    }

    def draw(rule: AbstractPolicy) -> np.ndarray:
        pnl = sample(problem, rule, 100, key=jax.random.key(0), keep=pnl_only)
        return np.asarray(pnl)

    stock = draw(StaticHedge(1.0))
    for axis, (name, rule) in zip(axes, rules.items(), strict=True):
        axis.scatter(stock, draw(rule), s=4, color="#0072B2", linewidth=0)
        axis.plot([50, 160], [50, 160], color="grey", linewidth=0.8)
        axis.axhline(80.0, color="#D55E00", linewidth=0.8)
        axis.set(title=name, xlabel="all in the stock", xlim=(50, 160), ylim=(50, 160))
    axes[0].set_ylabel("final wealth, today's money")
    return figure


def volatility_target():
    """A path of the stock, its volatility and the forecast, and what the rule holds."""
    figure, axes = empty_figure(1, 3, height=6.4)
    market = Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=2.0,
        long_variance=0.04,
        vol_of_variance=0.5,
        correlation=-0.7,
        rate=0.02,
        drift=0.07,
    )
    problem = HedgingProblem(
        market,
        NoClaim(maturity=1.0),
        HalfSpread(2.0),
        time_grid(1.0, 252),
        premium=100.0,
        close_out=True,
    )
    rule = VolatilityTarget(target=0.15, leverage=2.0, forecast=EWMA(start=0.2, decay=0.94))
    ledgers = {}
    path, ledgers = on_one_path(problem, {"daily": rule}, seed=3)
    ledger = ledgers["daily"]
    days = np.arange(252)
    value = path.discount[:-1] * path.prices[:-1, 0]
    exposure = ledger.holdings[0, :, 0] * value / ledger.wealth[0, :-1]
    vol = jnp.sqrt(path.factors[:-1, 0])
    axes[0].plot(days, path.prices[:-1, 0], color="black", linewidth=1.2)
    axes[1].plot(days, vol, label="volatility", color="black", linewidth=1.2)
    axes[1].plot(days, 0.15 / exposure, label="forecast", **line_style(1))
    axes[1].plot(days, vol * exposure, label="of the portfolio", **line_style(0))
    axes[1].axhline(0.15, color="grey", linewidth=0.8)
    axes[2].plot(days, exposure, **line_style(0))
    axes[0].set(ylabel="stock")
    axes[1].set(ylabel="volatility a year", ylim=(0, None))
    axes[2].set(xlabel="day", ylabel="stock / wealth")
    axes[1].legend()
    return figure


PICTURES = (delta_hedging, cost_aware_rules, portfolio_insurance, volatility_target)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/strategies"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for picture in PICTURES:
        file = out / f"{picture.__name__}.svg"
        picture().savefig(file, metadata={"Date": None})
        print(f"{file}, {file.stat().st_size / 1024:.0f} kB")


if __name__ == "__main__":
    main()
