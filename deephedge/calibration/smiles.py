"""Models fitted one maturity at a time, and a local volatility through a surface."""

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.calibration.calibrate import calibrate
from deephedge.calibration.calibrated import Calibrated
from deephedge.calibration.quotes import Quotes
from deephedge.markets.local_volatility import LocalVolatility, local_vols
from deephedge.markets.sabr import SABR
from deephedge.pricing.ssvi import SSVI, fit_ssvi

STARTS = ((0.3, -0.3), (0.7, -0.7), (0.3, 0.3))
"""Vol of vol over the root of a year and correlation, from which a smile is fitted."""


def calibrate_sabr(
    quotes: Quotes, *, exponent: float = 1.0, weight: str | None = None, max_steps: int = 256
) -> dict[float, Calibrated]:
    r"""One SABR smile for each maturity, with the exponent $\beta$ fixed, by Hagan's formula.

    Alpha, vol of vol and correlation are free; the best of a few starts is kept. Each model's spot
    is the forward of its maturity and its dividend yield is its rate, so that
    `HaganFormula(model)` gives the quoted prices back.

    A smile less convex than the formula can make it at any correlation is fitted best at a
    correlation of -1 or 1, which is then held, as `calibrate` says. So it is at 21 days of the SPY
    chain of 15 July 2022 with exponent 1: the sum of squares, errors in half-spreads, is 3594,
    2848, 2598 and 2585 at correlations of -0.8, -0.9, -0.99 and -1.

    Reference: Hagan, Kumar, Lesniewski and Woodward (2002), section 3, on fixing the exponent.
    """
    fits = {}
    for maturity in np.unique(quotes.maturity).tolist():
        smile = quotes.where(quotes.maturity == maturity)
        forward, rate = smile.forward[0], -np.log(smile.discount[0]) / maturity
        at_the_money = smile.vols(smile.mid)[np.argmin(np.abs(smile.strike - forward))]
        fits[maturity] = min(
            (
                calibrate(
                    SABR(
                        spot=forward,
                        alpha=at_the_money * forward ** (1.0 - exponent),
                        exponent=exponent,
                        vol_of_vol=vol_of_vol / np.sqrt(maturity),
                        correlation=correlation,
                        rate=rate,
                        dividend=rate,
                    ),
                    smile,
                    free=("alpha", "vol_of_vol", "correlation"),
                    weight=weight,
                    max_steps=max_steps,
                )
                for vol_of_vol, correlation in STARTS
            ),
            key=lambda found: found.cost,
        )
    return fits


def fit_surface(quotes: Quotes) -> SSVI:
    """The SSVI surface nearest to the mid volatilities, weighed by their squared spreads."""
    mid = quotes.vols(quotes.mid)
    low, high = quotes.vols(quotes.bid), quotes.vols(quotes.ask)
    spread = np.maximum(high - low, 1e-4)
    known = np.isfinite(mid) & np.isfinite(spread)
    if not np.any(known):
        raise ValueError(
            "no quote has a volatility; `quotes` must hold prices inside their bounds."
        )
    k = np.log(quotes.strike / quotes.forward)
    with jax.enable_x64(True):
        columns = (jnp.asarray(x[known]) for x in (k, quotes.maturity, mid, 1.0 / spread**2))
        surface = fit_ssvi(*columns)
        fields = {name: np.asarray(value) for name, value in vars(surface).items()}
    return SSVI(**fields)


def local_volatility(
    surface: SSVI,
    *,
    spot: float,
    maturities: object | None = None,
    log_moneyness: object | None = None,
    rate: float = 0.0,
    dividend: float = 0.0,
) -> LocalVolatility:
    """Dupire's local volatility of a surface, at the nodes given.

    Between its dates `SSVI` is linear in time: its local variance jumps at each of them, which a
    spline smooths. `calibrate(model, quotes)` then moves the nodes to the quotes themselves.

    Args:
        surface: of total implied variance.
        spot: today's price.
        maturities: dates of the nodes, years; left out, 20 whose ratios are equal, from a
            hundredth of the surface's first date to its last.
        log_moneyness: of the nodes, log(price / forward); left out, 41 that crowd at 0, to six
            deviations of the last date.
        rate: per year.
        dividend: per year.

    Reference: Dupire (1994); Gatheral (2006), equation 1.10.
    """
    first, last = float(surface.maturity[0]), float(surface.maturity[-1])
    if maturities is None:
        maturities = np.geomspace(0.01 * first, last, 20)
    if log_moneyness is None:
        reach = 6.0 * float(surface.at_the_money[-1]) ** 0.5
        log_moneyness = reach * np.sinh(np.linspace(-4.0, 4.0, 41)) / np.sinh(4.0)
    with jax.enable_x64(True):
        dates, k = (jnp.asarray(x, jnp.float64) for x in (maturities, log_moneyness))
        wide = jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), surface)
        made = jax.jit(lambda s: local_vols(s.total_variance, maturities=dates, log_moneyness=k))
        vols = np.asarray(made(wide))
    if not np.all(np.isfinite(vols) & (vols > 0)):
        raise ValueError(
            f"`surface` must have a local variance at every node, got {np.nanmin(vols):g} at "
            "least; leave out `maturities` and `log_moneyness`."
        )
    columns = [vols, np.asarray(dates), np.asarray(k)]
    return LocalVolatility(spot, *columns, rate=rate, dividend=dividend)
