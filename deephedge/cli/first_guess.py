"""Where the search for a model's parameters begins."""

import dataclasses
from typing import Any, cast

import numpy as np

from deephedge.calibration import Quotes, fit_surface, local_volatility
from deephedge.cli.contract import hyphened
from deephedge.markets import (
    CEV,
    AbstractAffineModel,
    AbstractMarket,
    Bates,
    LocalVolatility,
    RoughBergomi,
)


def first_guess(kind: type, quotes: Quotes, spot: float) -> AbstractMarket:
    """Where the search begins: the typical member of a model, at the nearest forward."""
    if kind is LocalVolatility:
        dates = np.unique(quotes.maturity)
        dates = (
            np.concatenate([[0.3 * dates[0]], dates]) if len(dates) > 1 else dates * [0.3, 0.6, 1]
        )
        reach = 1.1 * np.max(np.abs(np.log(quotes.strike / quotes.forward)))
        nodes = reach * np.sinh(np.linspace(-2.0, 2.0, 9)) / np.sinh(2.0)
        return local_volatility(
            fit_surface(quotes), spot=spot, maturities=dates, log_moneyness=nodes
        )
    if kind is RoughBergomi:
        return _rough(quotes, spot)
    if kind is CEV:
        at_the_money = np.nanmedian(quotes.vols(quotes.mid))
        return CEV(spot=spot, scale=at_the_money * spot**0.5, exponent=0.5)
    if kind is Bates:
        return _bates(quotes, spot)
    if issubclass(kind, AbstractAffineModel):
        # Every concrete model has an example; the abstract class does not declare it.
        typical = cast(Any, kind).example()
        return dataclasses.replace(typical, spot=spot, rate=0.0, dividend=0.0)
    raise ValueError(
        f"`--model` must have calls that can be fitted, got {hyphened(kind.__name__)}; use a model "
        "such as heston, bates, sabr, rough-bergomi or local-volatility."
    )


def _bates(quotes: Quotes, spot: float) -> Bates:
    """Small jumps and a volatile variance: from few large jumps the search does not come back."""
    variance = np.nanmedian(quotes.vols(quotes.mid)) ** 2
    return Bates(
        spot=spot,
        variance=variance,
        mean_reversion=1.5,
        long_variance=1.5 * variance,
        vol_of_variance=0.8,
        correlation=-0.7,
        intensity=0.5,
        jump_mean=-0.05,
        jump_vol=0.05,
    )


def _rough(quotes: Quotes, spot: float) -> RoughBergomi:
    """A flat forward variance with a knot today, one in the middle and one at the last maturity.

    With a knot at each maturity the fitted curve swings from one to the next.
    """
    first, last = np.min(quotes.maturity), np.max(quotes.maturity)
    knots = np.array([0.0, np.sqrt(first * last), last]) if last > first else np.zeros(1)
    variance = np.nanmedian(quotes.vols(quotes.mid)) ** 2
    typical = RoughBergomi.example()
    return dataclasses.replace(
        typical,
        spot=spot,
        rate=0.0,
        dividend=0.0,
        forward_variance=np.full(knots.shape, variance),
        curve_times=knots,
    )
