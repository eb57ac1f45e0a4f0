# %% [markdown]
# # On real history
#
# The same engine on recorded prices: calls on the S&P 500 sold and hedged on every day of five
# years, with errors that know that neighbouring days share most of their paths; then one portfolio
# along fifteen years, its numbers fitted again as time goes on.

# %%
import datetime

import jax
import matplotlib.pyplot as plt
import numpy as np

from deephedge.backtest import (
    block_draws,
    block_weights,
    long_record,
    performance_intervals,
    periods,
    recalibrated,
    recorded_market,
    recorded_paths,
    walk_forward,
)
from deephedge.claims import Call
from deephedge.costs import HalfSpread, ProportionalCost
from deephedge.data import open_history, sp500
from deephedge.policies import (
    CPPI,
    EWMA,
    DeltaHedge,
    NoHedge,
    Renewed,
    StaticHedge,
    VolatilityTarget,
    Zakamouline,
)  # fmt: skip
from deephedge.pricing import QuotedBlackScholes
from deephedge.reports import compare_recorded
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, time_grid

# %% [markdown]
# ## Windows
#
# Every stretch of 21 trading days from 2014 to 2018 becomes a path that starts at 100. Its factor
# is the VIX of each day, at which the call is sold and its delta is taken. A problem needs a market
# too; here it is the record before the test, and nothing is fitted to it.

# %%
history = open_history("sp500")
first, last = datetime.date(2014, 1, 1), datetime.date(2018, 12, 31)
paths, starts = recorded_paths(history.closes, history.quoted, first=first, last=last)
claim = Call(strike=100.0, maturity=21 / 252)
times, pricer = time_grid(21 / 252, n_steps=21), QuotedBlackScholes()
market = recorded_market("sp500", last=datetime.date(2013, 12, 31))
problem = HedgingProblem(
    market, claim, ProportionalCost(0.0005), times, premium=pricer, close_out=True
)
print(f"{len(starts):,} windows, from {starts[0]} to {starts[-1]}")

# %% [markdown]
# ## Errors from blocks
#
# Two windows that start a day apart share twenty of their twenty-one days: 1,237 windows say about
# as much as 60 independent ones. The stationary bootstrap resamples them in blocks of neighbours,
# 42 on average, and all numbers vary as they would.

# %%
policies = {
    "delta": DeltaHedge(claim, pricer),
    "Zakamouline": Zakamouline(claim, pricer, cost_rate=0.0005, aversion=1.0),
    "half a share": StaticHedge(0.5),
    "no hedge": NoHedge(),
}
weights = block_weights(len(starts), mean_block=42.0, n_resamples=500, seed=0)
found = compare_recorded(
    problem, policies, {"shortfall": ExpectedShortfall(tail=0.05)}, paths, weights=weights
)
print(found)

# %%
figure, (top, bottom) = plt.subplots(2, sharex=True, figsize=(8, 5))
top.plot(starts, np.asarray(paths.factors)[:, 0, 0] * 100.0, color="#444444", linewidth=1)
top.set_ylabel("VIX at the start")
for name, colour in (("no hedge", "#E69F00"), ("delta", "#0072B2")):
    pnl = np.asarray(found.outcomes[name].pnl)
    bottom.plot(starts, pnl, color=colour, linewidth=1, label=name)
bottom.set(ylabel="P&L of the call sold then", xlabel="date of sale")
bottom.legend()
plt.show()

# %% [markdown]
# The hedged seller earned on average: the VIX stood above what the index then did. The losses
# came together, in August 2015 and in 2018, which is why the intervals are wide.
#
# ## One long path, walked forward
#
# For a portfolio one wealth goes along the whole record. Three rules from 2004 to 2018 on 100 of
# the index: all in it; constant-proportion insurance of 85 % of each year's first wealth; and a
# volatility target, whose level is fitted again every year, to what was known by then.

# %%
closes = sp500().frame
record = long_record(closes)
years = [datetime.date(year, 1, 1) for year in range(2004, 2019)]


def fit(past):
    """Aim at four fifths of the volatility of the past: `past` ends on the date of the fit."""
    daily = np.diff(np.log(past["close"].to_numpy()))
    vol = float(np.std(daily) * np.sqrt(252.0))
    return VolatilityTarget(target=0.8 * vol, forecast=EWMA(start=vol), band=0.05)


rules = {
    "index": StaticHedge(100.0 / float(closes["close"].loc["2004-01-02"])),
    "insured": Renewed(CPPI(multiplier=4.0, floor=0.85, band=0.05), every=1.0),
    "volatility target": recalibrated(record, fit, years),
}
walked = {
    name: walk_forward(record, rule, cost=HalfSpread(2.0), first=years[0])
    for name, rule in rules.items()
}

# %%
figure, axis = plt.subplots(figsize=(8, 3.8))
for (name, (_, wealth)), style in zip(walked.items(), ("-", "--", "-."), strict=True):
    axis.plot(wealth.index, wealth, style, linewidth=1.2, label=name)
axis.set(ylabel="wealth, from 100", yscale="log")
axis.set_yticks([50, 70, 100, 150, 200], ["50", "70", "100", "150", "200"])
axis.minorticks_off()
axis.legend()
plt.show()

# %% [markdown]
# And how sure is any of it? Fifteen years resampled in blocks of two years:

# %%
n = len(walked["index"][1])
draws = block_draws(n - 1, mean_block=504.0, n_resamples=300, seed=1)
path = jax.tree.map(lambda x: x[-n:], record.path)
print(f"{'':18s} return a year [95 %]     worst fall [95 %]")
for name, (ledger, _) in walked.items():
    judged = performance_intervals(
        periods(ledger, path.discount, path.prices[:, 0]), draws, floor=0.85
    )
    gain, fall = judged["annual_return"], judged["max_drawdown"]
    print(f"{name:18s} {gain.value:6.1%} [{gain.low:6.1%}, {gain.high:6.1%}]"
          f"   {fall.value:6.1%} [{fall.low:6.1%}, {fall.high:6.1%}]")  # fmt: skip

# %% [markdown]
# Insurance about halves the worst fall: its floor is that of each year, so that two bad years add
# up. What it costs in return fifteen years cannot measure: all the intervals overlap. See
# [backtests](../backtests.md) for what is known at each date and what is not.
