# %% [markdown]
# # Tails
#
# A seller of options earns a little on most days and loses much on a few. How bad are the few, how
# does one measure it without waiting for them, and which measure should choose the hedge?

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes, Merton
from deephedge.numerics.draws import antithetic
from deephedge.numerics.importance import tilted
from deephedge.policies import DeltaHedge, NoHedge, StaticHedge, Zakamouline
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.risk import Entropic, ExpectedShortfall, MeanVariance, Quadratic
from deephedge.rollout import HedgingProblem, fit_tilt, sample, sample_law, time_grid

# %% [markdown]
# ## Losses with and without jumps
#
# A month's call, hedged daily by the Black–Scholes delta, in two markets of the same variance per
# year: one diffuses, the other jumps down by 5 % once a year on average.

# %%
claim, times = Call(strike=100.0, maturity=21 / 252), time_grid(21 / 252, n_steps=21)
smooth = BlackScholes(spot=100.0, vol=0.2)
jumps = Merton(spot=100.0, vol=0.1871, intensity=1.0, jump_mean=-0.05, jump_vol=0.05)
pricer, cost = BlackScholesFormula(vol=0.2), ProportionalCost(0.001)


def problem_in(market):
    return HedgingProblem(market, claim, cost, times, premium=pricer, close_out=True)


delta = DeltaHedge(claim, pricer)
losses = {
    name: -np.sort(
        np.asarray(sample(problem_in(market), delta, 200_000, key=jax.random.key(0)).pnl)
    )
    for name, market in (("no jumps", smooth), ("jumps", jumps))
}
for name, loss in losses.items():
    print(f"{name:9s} deviation {loss.std():.3f}", end="   ")
    print("mean of the worst 5 %, 1 %, 0.1 %:", end=" ")
    print(
        ", ".join(f"{loss[: int(share * len(loss))].mean():.2f}" for share in (0.05, 0.01, 0.001))
    )

# %%
figure, axis = plt.subplots(figsize=(8, 3.8))
for (name, loss), style in zip(losses.items(), ("-", "--"), strict=True):
    axis.semilogy(loss, (np.arange(len(loss)) + 1) / len(loss), style, label=name, rasterized=True)
axis.set(
    xlabel="loss of the seller", ylabel="chance of a greater one", xlim=(-1, 10), ylim=(1e-5, 1)
)
axis.legend()
plt.show()

# %% [markdown]
# The variance of the price is the same, and most days are calmer with jumps; but the mean of the
# worst 0.1 % of losses is almost four times as much. That is what a measure of the tail is for. The
# **expected shortfall** at 1 % is the mean of the worst 1 % of losses.
#
# ## Importance sampling
#
# Of 4,096 paths only 41 decide an expected shortfall at 1 %. `fit_tilt` looks where the worst paths
# come from; `tilted` then draws half of the paths there, and gives each a weight that makes up for
# it. Forty estimates of each kind, of a call sold and not hedged:

# %%
problem, risk = problem_in(smooth), ExpectedShortfall(tail=0.01)
tilt = fit_tilt(problem, NoHedge(), tail=0.01, key=jax.random.key(1))
keys = jax.random.split(jax.random.key(2), 40)
estimates = {
    name: np.asarray(
        [risk(*sample_law(problem, NoHedge(), 4096, key=key, draws=draws)) for key in keys]
    )
    for name, draws in (("plain", antithetic), ("tilted", tilted(antithetic, tilt)))
}
for name, x in estimates.items():
    print(f"{name:7s} mean {x.mean():.3f} ± {x.std(ddof=1) / np.sqrt(40):.3f}, "
          f"deviation of one estimate {x.std(ddof=1):.3f}")  # fmt: skip
ratio = estimates["plain"].var() / estimates["tilted"].var()
print(f"the variance falls by a factor of about {ratio:.0f}")

# %%
figure, axis = plt.subplots(figsize=(8, 2.6))
for row, x in enumerate(estimates.values()):
    axis.plot(x, np.full(len(x), row), "|", markersize=18, color=("#D55E00", "#0072B2")[row])
axis.set(yticks=[0, 1], ylim=(-0.6, 1.6), xlabel="expected shortfall at 1 %, 4,096 paths each")
axis.set_yticklabels(list(estimates))
plt.show()

# %% [markdown]
# The plain estimates are also a little too low on average: each batch chooses its own worst 1 %.
#
# The same draws train a hedge against its tail: `train(..., draws=tilted(antithetic, tilt))`; see
# [the trainer](../training.md#tails). The gain is less for a hedged book, whose worst losses come
# from both sides.
#
# ## Which measure?
#
# Measures disagree about what is a good hedge. Five hedges in the market with jumps, on the same
# paths, judged by four measures; less is better.

# %%
policies = {
    "delta": delta,
    "delta at 24 %": DeltaHedge(claim, BlackScholesFormula(vol=0.24)),
    "band": Zakamouline(claim, pricer, cost_rate=0.001, aversion=1.0),
    "half a share": StaticHedge(0.5),
    "no hedge": NoHedge(),
}
measures = {
    "mean variance": MeanVariance(aversion=1.0),
    "shortfall 5 %": ExpectedShortfall(tail=0.05),
    "shortfall 1 %": ExpectedShortfall(tail=0.01),
    "mean square": Quadratic(),
}
found = compare(problem_in(jumps), policies, measures, n_paths=100_000, key=jax.random.key(3))
print(f"{'':16s}" + "".join(f"{name:>16s}" for name in measures))
for policy in policies:
    values = [found.at(policy, name) for name in measures]
    print(f"{policy:16s}" + "".join(f"{x.value:9.3f} ± {x.standard_error:.3f}" for x in values))

# %% [markdown]
# ## When a measure is infinite
#
# The entropic risk weighs losses exponentially. Of a sold call that is not covered it is infinite
# in continuous models, since the exponential of a log-normal price has no mean, and no sample says
# so: its estimate is decided by the worst few paths, and does not settle; the expected shortfall
# does.

# %%
pnl = np.asarray(sample(problem_in(smooth), NoHedge(), 1_000_000, key=jax.random.key(4)).pnl)
sizes = [1_000, 10_000, 100_000, 1_000_000]
print("paths      entropic, aversion 1   shortfall 1 %")
for n in sizes:
    print(f"{n:9,d}  {float(Entropic(1.0)(pnl[:n])):20.2f}  {float(risk(pnl[:n])):14.2f}")

# %% [markdown]
# In the table before, the band is best by mean and variance and level with the delta at 24 % by
# shortfall; the mean square, which punishes gains as well, prefers a delta. Half a share is far
# behind by all of them.
#
# A rule of thumb: the entropic risk for hedges that are tight, where it has an
# [exact optimum](../optimum.md) to be held to; the expected shortfall where the tail is the
# question, and where losses may be large.
