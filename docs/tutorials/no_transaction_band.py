# %% [markdown]
# # A hedge that minds its costs
#
# Every trade costs, so the best hedge does not follow the delta: it leaves the holdings alone
# inside a band, and trades only to the band's edge. This page trains such a band, and sets it
# beside the daily delta, a formula, and the best that any hedge can do, computed exactly.

# %%
import dataclasses

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, simulate
from deephedge.optimum import judge_entropic, solve_entropic
from deephedge.policies import DeltaHedge, NoTransactionBand, Zakamouline
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare, training_curve
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, replay, time_grid
from deephedge.training import train

# %% [markdown]
# ## The problem
#
# A call of 20 days, traded daily at 20 basis points. The risk is entropic with aversion 1: the
# capital that makes an exponential utility indifferent. No premium is counted, so that the risk is
# also the price the seller should ask for.

# %%
market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=20 / 252)
times, pricer = time_grid(20 / 252, n_steps=20), BlackScholesFormula(vol=0.2)
problem = HedgingProblem(market, claim, ProportionalCost(0.002), times, close_out=False)
risk = Entropic(aversion=1.0)

# %% [markdown]
# ## Three hedges
#
# The delta; Zakamouline's band, a formula fitted to the optima of many problems; and a band whose
# edges a network moves, which before training is Zakamouline's. Training draws fresh paths at
# every step and follows the derivative of the risk by the network's weights.

# %%
delta = DeltaHedge(claim, pricer)
formula = Zakamouline(claim, pricer, cost_rate=0.002, aversion=1.0)
untrained = NoTransactionBand.create(
    market, claim, times, base=formula, width=16, key=jax.random.key(0)
)
trained = train(
    problem, untrained, risk, key=jax.random.key(1),
    n_steps=100, n_paths=2048, validate_every=20, validation_paths=8_192,
)  # fmt: skip
learned = trained.policy

# %% [markdown]
# ## The optimum
#
# Dynamic programming gives the least risk of all hedges, and its band, date by date.

# %%
best = solve_entropic(problem, risk)
print(f"least risk {best.value:.5f}, error about {best.error:.0e}")
print(f"no trade at the start within [{best.lower:.3f}, {best.upper:.3f}]")
training_curve({"learned band": trained.history}, optimum=best.value)

# %% [markdown]
# The dotted line is a floor: no hedge, learned or not, can come below it, but for the noise of the
# held-out paths.
#
# ## On the same paths
#
# `compare` hedges along the same fresh paths with every policy, so that their differences are far
# less noisy than the risks themselves. The share is that of the way from delta to the optimum.

# %%
policies = {"delta": delta, "Zakamouline": formula, "learned": learned, "optimal": best.policy}
found = compare(
    problem, policies, {"entropic": risk}, n_paths=40_000,
    key=jax.random.key(2), optimum=best.value,
)  # fmt: skip
print(found)

# %% [markdown]
# A risk can also be had without paths: `judge_entropic` puts a given hedge into the same dynamic
# programme.

# %%
for name in ("Zakamouline", "learned"):
    value = judge_entropic(problem, risk, policies[name]).value
    print(f"{name:12s} {value:.5f}, {value / best.value - 1.0:.2%} above the optimum")

# %% [markdown]
# ## The bands
#
# What the three bands say ten days before maturity. Where the delta changes fast the band is wide:
# there it would cost most to follow.

# %%
spots = jnp.linspace(90.0, 110.0, 81)
start = market.start()


def band_at(policy, spot):
    now = dataclasses.replace(start, time=times[10], prices=spot[None])
    return jnp.concatenate(policy.band(now))


figure, axis = plt.subplots(figsize=(8, 4.2))
middle = jax.vmap(lambda s: delta.observe(dataclasses.replace(
    start, time=times[10], prices=s[None])))(spots)  # fmt: skip
axis.plot(spots, middle[:, 0], color="#444444", linestyle=":", label="delta")
for name, policy, colour, style in (
    ("optimal", best.policy, "#000000", "-"),
    ("learned", learned, "#0072B2", "--"),
    ("Zakamouline", formula, "#D55E00", "-."),
):
    edges = np.asarray(jax.vmap(lambda s, policy=policy: band_at(policy, s))(spots))
    axis.plot(spots, edges[:, 0], style, color=colour, label=name)
    axis.plot(spots, edges[:, 1], style, color=colour)
axis.set(xlabel="spot", ylabel="shares held, ten days before maturity")
axis.legend()
plt.show()

# %% [markdown]
# ## Along one path
#
# The delta trades every day; the band waits, and then does as little as it can.

# %%
path = simulate(market, times, 1, key=jax.random.key(5))
figure, axis = plt.subplots(figsize=(8, 3.4))
for name, style in (("delta", ":"), ("learned", "-"), ("optimal", "--")):
    ledger = replay(problem, policies[name], path)
    held = np.asarray(ledger.holdings)[0, :, 0]
    n_trades = int((np.abs(np.asarray(ledger.trades)[0]) > 1e-6).sum())
    axis.step(range(20), held, style, where="post", label=f"{name}, {n_trades} trades")
axis.set(xlabel="day", ylabel="shares held")
axis.legend()
plt.show()
