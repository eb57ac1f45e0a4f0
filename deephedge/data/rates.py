r"""Recorded yields, and what bonds and cash earned at them.

Yields come as monthly numbers that are known only when the month is over, so that each is used
from the first day of the next month on.
"""

from typing import TYPE_CHECKING

import numpy as np

from deephedge.data.csv import read_csv
from deephedge.data.indices import arch_file
from deephedge.data.records import Records

if TYPE_CHECKING:
    import pandas


def corporate_yields() -> Records:
    """Moody's seasoned corporate bond yields, columns `aaa` and `baa`: per cent a year.

    Monthly means of daily yields of bonds of 20 years and more, January 1919 to December 2018,
    dated on the first of the month that they are the mean of (FRED, AAA and BAA), from `arch`.
    """
    return read_csv(
        arch_file("default"),
        date="Date",
        columns={"aaa": "AAA", "baa": "BAA"},
        date_format="%m/%d/%Y",
        max_gap=31,
        source="arch.data.default",
        description="Moody's AAA and BAA yields, per cent a year, monthly means",
    )


def treasury_bills() -> Records:
    """What one-month Treasury bills paid, column `bill`: per cent *a month*.

    July 1926 to November 2018, dated on the first of the month that they pay for, whose rate is
    known at its start (Ken French's data library), from `arch`.
    """
    return read_csv(
        arch_file("frenchdata"),
        date="Date",
        columns={"bill": "RF"},
        positive=False,
        date_format="%Y%m",
        max_gap=31,
        source="arch.data.frenchdata",
        description="one-month Treasury bills, per cent a month",
    )


def bond_growth(
    before: np.ndarray, after: np.ndarray, years: np.ndarray, *, maturity: float
) -> np.ndarray:
    r"""Growth of a par bond bought at one yield and sold at another, income reinvested.

    With semi-annual coupons at the yield $y_0$ of the purchase, n years of `maturity`, and sold
    $\Delta$ years later at $y_1$, the full price per unit of face is

    $$(1 + \tfrac{y_1}{2})^{2\Delta}\Bigl[\frac{y_0}{y_1}(1 - v) + v\Bigr], \qquad
    v = (1 + \tfrac{y_1}{2})^{-2n},$$

    which to first order is $1 + y_0\Delta - D\,(y_1 - y_0)$ with the modified duration
    $D = (1 - v_0)/y_0$. Yields are decimals a year.

    Reference: Swinkels (2019), Treasury bond return data starting in 1962, equation 1, without
    the duration approximation made there.
    """
    half = 1.0 + 0.5 * np.asarray(after, dtype=float)
    last = half ** (-2.0 * maturity)
    return half ** (2.0 * np.asarray(years)) * (before / after * (1.0 - last) + last)


def bond_index(
    yields: "pandas.Series", dates: "pandas.DatetimeIndex", *, maturity: float = 10.0
) -> "pandas.Series":
    """A total-return index of par bonds at recorded monthly yields, on given dates; 1 at first.

    Sold and bought anew at every date, at no cost. The yield of a month (per cent, dated in it)
    is used from the first date of the month after it on, when it is known. Monthly means are
    smoother than yields at a close: the index moves on one day a month, a month late at most, and
    its volatility and its correlation with daily prices are too low.
    """
    import pandas as pd

    known = 0.01 * _month_before(yields, dates)
    years = np.diff(dates.to_numpy().astype("datetime64[D]")).astype(float) / 365.25
    growth = bond_growth(known[:-1], known[1:], years, maturity=maturity)
    return pd.Series(np.cumprod(np.append(1.0, growth)), index=dates, name="bonds")


def cash_index(bills: "pandas.Series", dates: "pandas.DatetimeIndex") -> "pandas.Series":
    """What one unit of cash has become at given dates, rolled in one-month bills; 1 at first.

    The rate of a month (per cent a month, dated in it) is paid over the days of that month.
    """
    import pandas as pd

    monthly = bills.copy()
    monthly.index = pd.DatetimeIndex(monthly.index).to_period("M")
    rates = _of_month(monthly, pd.DatetimeIndex(dates).to_period("M"))
    days = np.diff(dates.to_numpy().astype("datetime64[D]")).astype(float)
    growth = (1.0 + 0.01 * rates[:-1]) ** (12.0 * days / 365.25)
    return pd.Series(np.cumprod(np.append(1.0, growth)), index=dates, name="cash")


def _month_before(values: "pandas.Series", dates: "pandas.DatetimeIndex") -> np.ndarray:
    import pandas as pd

    monthly = values.copy()
    monthly.index = pd.DatetimeIndex(monthly.index).to_period("M")
    return _of_month(monthly, pd.DatetimeIndex(dates).to_period("M") - 1)


def _of_month(monthly: "pandas.Series", months: "pandas.PeriodIndex") -> np.ndarray:
    found = monthly.reindex(months).to_numpy(dtype=float)
    if np.any(np.isnan(found)):
        lacking = months[int(np.argmax(np.isnan(found)))]
        raise ValueError(
            f"there is no value for {lacking}; values run from {monthly.index[0]} to "
            f"{monthly.index[-1]}: pass dates that they reach."
        )
    return found
