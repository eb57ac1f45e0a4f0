"""Train a no-trade band and compare it with two classical hedges: the example of the README."""

import jax

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge, NoTransactionBand, Zakamouline
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import train

market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=30 / 365)
times, pricer = time_grid(30 / 365, n_steps=30), BlackScholesFormula(vol=0.2)
problem = HedgingProblem(market, claim, ProportionalCost(0.001), times, close_out=False)
risk = Entropic(aversion=1.0)
band = Zakamouline(claim, pricer, cost_rate=0.001, aversion=1.0)
policy = NoTransactionBand.create(market, claim, times, base=band, key=jax.random.key(0))
learned = train(problem, policy, risk, key=jax.random.key(1), n_steps=200).policy
policies = {"delta": DeltaHedge(claim, pricer), "Zakamouline": band, "learned": learned}
print(compare(problem, policies, {"entropic": risk}, n_paths=1_000_000, key=jax.random.key(2)))
