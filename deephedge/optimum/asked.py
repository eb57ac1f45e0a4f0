"""Which problems can be solved, and the law of their market."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractEuropean
from deephedge.markets.base import AbstractMarket
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.heston import Heston
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.optimum.backward import Setting
from deephedge.optimum.charges import charges
from deephedge.optimum.law import independent_law
from deephedge.optimum.variance_law import heston_law
from deephedge.risk.base import AbstractRiskMeasure
from deephedge.risk.entropic import Entropic
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import PyTree

Solvable = BlackScholes | Merton | Kou | Heston


def in_float64(tree: PyTree) -> PyTree:
    """The same numbers in double precision; to be called where that is enabled."""

    def widened(x: object) -> object:
        return jnp.asarray(np.asarray(x), "float64") if eqx.is_inexact_array(x) else x

    return jax.tree.map(widened, tree)


def setting_of(
    problem: HedgingProblem, risk: AbstractRiskMeasure, n_variances: int, deviations: float
) -> Setting:
    """A problem as dynamic programming sees it, or a `ValueError` that says what it is not."""
    market, claim = _solvable(problem.market), problem.claim
    if not isinstance(risk, Entropic):
        raise ValueError(f"the measure must be Entropic, got {type(risk).__name__}.")
    if not isinstance(claim, AbstractEuropean) or claim.asset != 0:
        raise ValueError(
            "`claim` must depend on the final price alone for the optimum to be solved, got "
            f"{type(claim).__name__}."
        )
    for name in ("impact", "financing", "execution"):
        if vars(problem)[name] is not None:
            raise ValueError(f"`{name}` must be left out for the optimum to be solved.")
    cost = charges(problem.cost)
    if cost.has_quadratic and cost.has_fee:
        raise ValueError(
            "`cost` must not have a fixed fee and a quadratic impact at once: the optimum is "
            "solved for one of them, with or without proportional costs."
        )
    if cost.has_fee and problem.close_out:
        raise ValueError(
            "`close_out` must be false with a fixed fee for the optimum to be solved: the fee "
            "jumps where nothing is held."
        )
    if isinstance(market, Heston):
        law = heston_law(market, problem.times[-1], n_variances, deviations)
    else:
        law = independent_law(market)
    start = market.start()
    setting = Setting(
        law=law,
        claim=claim,
        charges=cost,
        times=problem.times,
        spot=start.prices[0],
        rate=market.rate,
        dividend=market.dividend,
        aversion=risk.aversion,
        close_out=problem.close_out,
    )
    return in_float64(setting)


def _solvable(market: AbstractMarket) -> Solvable:
    if not isinstance(market, Solvable) or market.start().prices.shape[0] > 1:
        raise ValueError(
            "`market` must be BlackScholes with one asset, Merton, Kou or Heston for the optimum "
            f"to be solved, got {type(market).__name__}."
        )
    return market
