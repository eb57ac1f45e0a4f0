"""What the files on Buehler, Gonon, Teichmann and Wood (2019) share: a market and its hedges.

Heston's model under the pricing measure, mean reversion 1, long variance and variance 0.04,
volatility of variance 2, correlation -0.7, over 30 days of 365 in 30 steps; traded are the stock
and the idealised variance swap, of a notional of 1,000. The model's hedge is neutral in delta and
vega: learned hedges begin there, and the small sizes stay there.
"""

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims import AbstractClaim, Call
from deephedge.costs import AbstractCost, NoCost
from deephedge.markets import Heston
from deephedge.markets.base import Snapshot
from deephedge.numerics.draws import Draws, antithetic
from deephedge.numerics.importance import tilted
from deephedge.numerics.statistics import Functional, influence, standard_error
from deephedge.policies import (
    AbstractClassicalBand,
    AbstractPolicy,
    GreekNeutralHedge,
    StateGrid,
    TabulatedHoldings,
)
from deephedge.pricing import Fourier, IntegratedVariance, ListedModel
from deephedge.rollout import HedgingProblem, fit_tilt, time_grid
from deephedge.typing import Array, Float, Scalar

REFERENCE = "Buehler, Gonon, Teichmann and Wood (2019), Deep hedging"
MATURITY, N_DATES, NOTIONAL = 30 / 365, 30, 1000.0
FEATURES = ("moneyness", "time", "factors", "deviations")
SMALL = (61, 17, 128)
"""Of the small sizes: log-prices and variances of the table, and terms of the Fourier series."""


class Around(AbstractClassicalBand):
    """A band of fixed width around what a rule would hold."""

    middle: TabulatedHoldings
    half_width: Float[Array, " asset"]

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        middle = self.middle.observe(now)
        return middle - self.half_width, middle + self.half_width


def heston() -> Heston:
    return Heston(
        spot=100.0,
        variance=0.04,
        mean_reversion=1.0,
        long_variance=0.04,
        vol_of_variance=2.0,
        correlation=-0.7,
    )


def at_the_money() -> Call:
    return Call(strike=100.0, maturity=MATURITY)


def problem(
    claim: AbstractClaim,
    cost: AbstractCost | None = None,
    *,
    premium: float = 0.0,
    close_out: bool = False,
) -> HedgingProblem:
    """The claim, sold in the paper's market."""
    market = ListedModel(heston(), (IntegratedVariance(MATURITY, NOTIONAL),))
    cost, times = NoCost() if cost is None else cost, time_grid(MATURITY, N_DATES)
    return HedgingProblem(market, claim, cost, times, premium=premium, close_out=close_out)


@eqx.filter_jit
def value_and_error(measure: Functional, pnl: Float[Array, " path"]) -> tuple[Scalar, Scalar]:
    """A risk, and its standard error."""
    equal = jnp.full_like(pnl, 1.0 / pnl.shape[0])
    return measure(pnl, equal), standard_error(influence(measure, pnl))


@eqx.filter_jit
def price_by_the_model() -> Scalar:
    """Of the call at the money: what it costs to hedge it at every instant, without costs."""
    return Fourier(heston(), n_terms=2048).price(at_the_money(), heston().start())


def model_hedge(
    problem: HedgingProblem,
    sizes: tuple[int, int, int],
    *,
    centre: float = 100.0,
    reach: float = 0.5,
) -> TabulatedHoldings:
    r"""$\partial_s u$ shares and $\partial_v u / \partial_v L$ swaps: neutral in delta and vega."""
    n_prices, n_roots, n_terms = sizes
    pricer = Fourier(problem.market.market, n_terms=n_terms)
    rule = GreekNeutralHedge(problem.claim, pricer, problem.market, neutral=("vega",))
    dates = problem.times[:-1]
    x, roots = jnp.linspace(-reach, reach, n_prices), jnp.linspace(0.0, 1.6, n_roots)
    grid = StateGrid(dates, jnp.full_like(dates, centre), x, roots)
    return TabulatedHoldings.of(rule, problem.market, grid)


def draws_for(problem: HedgingProblem, base: AbstractPolicy, tail: float, seed: int) -> Draws:
    """For a small tail half of the paths are drawn like the worst."""
    if tail >= 0.1:
        return antithetic
    return tilted(antithetic, fit_tilt(problem, base, tail=tail, key=jax.random.key(seed + 7)))
