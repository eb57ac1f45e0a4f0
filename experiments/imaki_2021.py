"""What the files on Imaki, Imajo, Ito, Minami and Nakagawa (2021) share.

Spot 1, volatility 0.2, dates a day of 365 apart, proportional costs, no closing out, entropic risk
with aversion 1; networks 16 x 2, of which a band begins with a width of 0.1 around delta.
"""

from collections.abc import Sequence

import equinox as eqx
import jax

from deephedge.claims import AbstractClaim
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import sobol
from deephedge.policies import (
    AbstractClassicalBand,
    AbstractPolicy,
    AbstractTrainablePolicy,
    DeltaBand,
    Feedforward,
    NoTransactionBand,
)
from deephedge.pricing import AbstractPricer
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid
from deephedge.training import default_optimizer, train_ensemble
from deephedge.typing import Scalar

REFERENCE = "Imaki, Imajo, Ito, Minami and Nakagawa (2021), No-transaction band network"
SEEN = ("moneyness", "time", "deviations")


def problem_of(claim: AbstractClaim, cost: float, n_dates: int) -> HedgingProblem:
    """The claim is of as many days as there are dates."""
    market, times = BlackScholes(spot=1.0, vol=0.2), time_grid(n_dates / 365, n_dates)
    return HedgingProblem(market, claim, ProportionalCost(cost), times, close_out=False)


@eqx.filter_jit
def price(pricer: AbstractPricer, problem: HedgingProblem) -> Scalar:
    """Of the claim, without costs."""
    return pricer.price(problem.claim, problem.market.start())


def untrained(
    name: str,
    problem: HedgingProblem,
    pricer: AbstractPricer,
    key: jax.Array,
    *,
    base: AbstractClassicalBand | None = None,
    seen: tuple[str, ...] = SEEN,
    bounds: tuple[float | None, float | None] = (None, None),
) -> AbstractTrainablePolicy:
    """The network that learns the holding, within bounds, or one that learns a band."""
    parts = (problem.market, problem.claim, problem.times)
    if name == "feed-forward":
        lower, upper = bounds
        return Feedforward.create(
            *parts, base=None, features=seen, width=16, lower=lower, upper=upper, key=key
        )
    base = DeltaBand(problem.claim, pricer, half_width=0.1) if base is None else base
    return NoTransactionBand.create(*parts, base=base, features=seen, width=16, key=key)


def trained(
    problem: HedgingProblem, start: list[AbstractTrainablePolicy], key: jax.Array, n_steps: int
) -> Sequence[AbstractPolicy]:
    """A policy a seed: Sobol draws, with which 1,024 paths a step do."""
    return train_ensemble(
        problem,
        start,
        Entropic(aversion=1.0),
        key=key,
        optimizer=default_optimizer(n_steps, 0.02),
        n_steps=n_steps,
        n_paths=1024,
        draws=sobol,
        averaging=0.95,
        validate_every=n_steps,
    ).policies
