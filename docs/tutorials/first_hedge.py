# %% [markdown]
# # A first hedge
#
# From one path of a price to a hedged book and its ledger: what was received, what was paid,
# what was traded, and what is left. A one-month call is sold for its Black–Scholes price and
# hedged by its delta once a day.

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, replay, sample, time_grid

# %% [markdown]
# ## One path
#
# A market is a map from normals to a path. `simulate` draws the normals from a key: the same key
# gives the same paths, here and anywhere else. Times are in years, volatility is per year.

# %%
market = BlackScholes(spot=100.0, vol=0.2)
claim = Call(strike=100.0, maturity=21 / 252)
times = time_grid(21 / 252, n_steps=21)
path = simulate(market, times, 1, key=jax.random.key(7))
print("closes:", np.round(np.asarray(path.prices)[0, :, 0], 2))

# %% [markdown]
# ## The book
#
# A hedging problem says what was sold, in which market, at which dates the hedger trades, what a
# trade costs, what was received, and whether closing the hedge at the end is charged. The premium
# may be a number or, as here, a pricer. A policy says what to hold.

# %%
pricer = BlackScholesFormula(vol=0.2)
problem = HedgingProblem(
    market, claim, ProportionalCost(0.001), times, premium=pricer, close_out=True
)
delta = DeltaHedge(claim, pricer)
ledger = jax.tree.map(lambda x: x[0], replay(problem, delta, path))

for what, amount in (
    ("premium received", ledger.premium),
    ("gains of the shares", ledger.gains.sum()),
    ("costs", -ledger.costs.sum()),
    ("payoff paid", -ledger.payoff),
    ("profit and loss", ledger.pnl),
):
    print(f"{what:20s} {float(amount):8.4f}")

# %% [markdown]
# The lines add up: every amount is in today's money, so that amounts of different dates can be
# added. The ledger also has each date's trade, cost and wealth.

# %%
figure, (top, middle, bottom) = plt.subplots(3, sharex=True, figsize=(8, 6.5))
days = np.arange(22)
top.plot(days, path.prices[0, :, 0], color="#444444")
top.axhline(100.0, color="#444444", linestyle=":")
top.set_ylabel("price")
middle.step(days, np.append(ledger.holdings[:, 0], ledger.holdings[-1, 0]), where="post")
middle.set_ylabel("shares held")
bottom.plot(days, ledger.wealth, label="wealth")
one = jax.tree.map(lambda x: x[0], path)
bottom.plot(
    days, [pricer.price(claim, one.at(k)) for k in days], "--", label="what the option is worth"
)
bottom.set(xlabel="day", ylabel="cash")
bottom.legend()
plt.show()

# %% [markdown]
# The hedger's wealth follows the option's value without knowing it: that is replication. The two
# part by the cost of each trade and by what the price does between two trades.
#
# ## Many paths
#
# One path proves nothing. `sample` hedges along as many fresh paths as asked for. In the picture
# losses beyond 8 are gathered in the first bar.

# %%
books = {"no hedge": NoHedge(), "daily delta": delta}
pnl = {
    name: np.asarray(sample(problem, policy, 50_000, key=jax.random.key(1)).pnl)
    for name, policy in books.items()
}
for name, x in pnl.items():
    error = x.std() / np.sqrt(len(x))
    print(f"{name:12s} mean {x.mean():7.4f} ± {error:.4f}   deviation {x.std():.4f}")

# %%
figure, axis = plt.subplots(figsize=(8, 3.6))
edges = np.linspace(-8.0, 3.0, 111)
for name, x in pnl.items():
    share = np.full(len(x), 1.0 / len(x))
    axis.hist(np.clip(x, -8.0, 3.0), edges, weights=share, histtype="step", label=name)
axis.set(xlabel="profit and loss of the seller", ylabel="share of paths", yscale="log")
axis.legend()
plt.show()

# %% [markdown]
# ## How often to trade
#
# Without costs the deviation falls as one over the root of the number of trades (Derman and Kamal,
# 1999). With costs each trade takes something from the mean, so there is a choice to make: the
# [third tutorial](no_transaction_band.md) makes it well.

# %%
print("trades  deviation  mean cost")
for n_steps in (5, 21, 84):
    often = HedgingProblem(
        market, claim, ProportionalCost(0.001), time_grid(21 / 252, n_steps),
        premium=pricer, close_out=True,
    )  # fmt: skip
    ledgers = sample(often, delta, 20_000, key=jax.random.key(1))
    print(f"{n_steps:6d}  {ledgers.pnl.std():9.3f}  {ledgers.costs.sum(axis=1).mean():9.3f}")
