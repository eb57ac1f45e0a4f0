import datetime

import numpy as np
import pandas as pd
import pytest

from deephedge.backtest import (
    Record,
    long_record,
    performance,
    periods,
    recalibrated,
    walk_forward,
)
from deephedge.costs import HalfSpread
from deephedge.markets import Historical
from deephedge.policies import CPPI, EWMA, Recalibrated, Renewed, StaticHedge, VolatilityTarget
from deephedge.pricing import Listed, QuotedBlackScholes, Rolled

N, LAST = 300, 190


@pytest.fixture(scope="module")
def record():
    """Two assets over 300 days, a bank at 4 % a year, and dividends of 2 % on the first."""
    index = pd.bdate_range("2001-01-01", periods=N)
    moves = 0.02 * np.random.default_rng(0).standard_normal((N, 2)) - 0.001
    closes = pd.DataFrame(100 * np.exp(np.cumsum(moves, axis=0)), index=index, columns=["a", "b"])
    cash = pd.Series(np.exp(0.04 * np.arange(N) / 252), index=index)
    return long_record(closes, cash=cash, dividends=[0.02, 0.0])


def fit(closes):
    """A volatility target that starts from the volatility of the closes so far."""
    basket = np.log(closes).diff().iloc[1:].mean(axis=1)
    vol = float(np.sqrt(252 * np.mean(basket**2)))
    return VolatilityTarget(target=0.1, forecast=EWMA(start=vol, decay=0.9), weights=[0.6, 0.4])


DATES = [datetime.date(2001, month, 1) for month in (2, 6, 10)]


@pytest.fixture(scope="module")
def walked(record):
    policy = recalibrated(record, fit, DATES)
    return policy, walk_forward(record, policy, cost=HalfSpread(5.0), first=DATES[0])


def test_what_is_held_is_what_the_bank_account_says(record, walked):
    # The whole ledger again, in cash of each date.
    _, (ledger, wealth) = walked
    start = int(np.searchsorted(record.dates, np.datetime64(DATES[0])))
    prices = np.asarray(record.path.prices)[start:]
    bank = 1 / np.asarray(record.path.discount)[start:]
    shares = np.asarray(record.path.accrual)[start:]
    held, cash = np.zeros(2), 100.0
    for k, wanted in enumerate(np.asarray(ledger.holdings)):
        trade = wanted - held
        cash -= trade @ prices[k] + 5e-4 * np.abs(trade) @ prices[k]
        cash *= bank[k + 1] / bank[k]
        cash += wanted @ ((shares[k + 1] / shares[k] - 1) * prices[k + 1])
        held = wanted
        expected = cash + held @ prices[k + 1]
        if k + 1 < len(wealth) - 1:
            assert wealth.iloc[k + 1] == pytest.approx(expected, rel=1e-10)
    closing = 5e-4 * np.abs(held) @ prices[-1]
    assert wealth.iloc[-1] == pytest.approx(expected - closing, rel=1e-10)
    assert list(wealth.index) == list(record.closes.index[start:])


def test_each_fit_is_given_the_past_alone(record, walked):
    policy, (ledger, _) = walked
    seen = []

    def watching(closes):
        seen.append(closes.index[-1])
        return fit(closes)

    again = recalibrated(record, watching, DATES)
    assert [str(date.date()) for date in seen] == ["2001-02-01", "2001-06-01", "2001-10-01"]
    np.testing.assert_array_equal(again.dates, policy.dates)
    starts = np.asarray(policy.numbers.forecast.start)
    assert len(set(starts.tolist())) == 3

    # Ruin every close after a date: nothing fitted or traded before it changes.
    closes = record.closes.copy()
    closes.iloc[LAST:] *= 0.5
    cash = pd.Series(1 / np.asarray(record.path.discount), index=closes.index)
    ruined = long_record(closes, cash=cash, dividends=[0.02, 0.0])
    other = recalibrated(ruined, fit, DATES)
    np.testing.assert_array_equal(other.numbers.forecast.start[:2], starts[:2])
    assert other.numbers.forecast.start[2] != starts[2]
    after, _ = walk_forward(ruined, other, cost=HalfSpread(5.0), first=DATES[0])
    start = int(np.searchsorted(record.dates, np.datetime64(DATES[0])))
    known = LAST - start
    np.testing.assert_array_equal(after.holdings[:known], ledger.holdings[:known])
    assert not np.array_equal(after.holdings[known:], ledger.holdings[known:])


INSURED = CPPI(multiplier=2.0, floor=0.9, weights=[0.5, 0.5])


@pytest.fixture(scope="module")
def alone(record):
    return walk_forward(record, INSURED)[0]


def test_numbers_change_at_their_dates_and_memory_goes_on(record, alone):
    other = CPPI(multiplier=3.0, floor=0.9, weights=[0.5, 0.5])
    dates = np.asarray(record.path.time)[[0, 100]]
    mixed, _ = walk_forward(record, Recalibrated.of([INSURED, other], dates))
    np.testing.assert_allclose(mixed.holdings[:100], alone.holdings[:100], rtol=1e-12)
    # From then on: three times the cushion above the *first* floor, which grows at the rate.
    discount = np.asarray(record.path.discount)[100]
    cushion = np.asarray(mixed.wealth)[100] / discount - 0.9 * 100.0 / discount
    value = np.asarray(mixed.holdings)[100] @ np.asarray(record.path.prices)[100]
    assert value == pytest.approx(3 * cushion, rel=1e-10)


def test_a_renewed_floor_is_a_share_of_the_wealth_at_the_last_renewal(record, alone):
    renewed, wealth = walk_forward(record, Renewed(INSURED, every=100 / 252))
    np.testing.assert_allclose(renewed.holdings[:100], alone.holdings[:100], rtol=1e-12)
    bank = 1 / np.asarray(record.path.discount)
    for k in (100, 150, 200, 270):
        last = 100 * (k // 100)
        floor = 0.9 * wealth.iloc[last] * bank[k] / bank[last]
        value = np.asarray(renewed.holdings)[k] @ np.asarray(record.path.prices)[k]
        assert value == pytest.approx(2 * (wealth.iloc[k] - floor), rel=1e-10)


def test_the_periods_of_a_ledger_multiply_to_its_wealth(record, walked):
    _, (ledger, wealth) = walked
    start = int(np.searchsorted(record.dates, np.datetime64(DATES[0])))
    discount = record.path.discount[start:]
    discount = discount / discount[0]
    held = record.path.prices[start:, 0] * record.path.accrual[start:, 0]
    found = periods(ledger, discount, held)
    np.testing.assert_allclose(np.prod(found.growth), wealth.iloc[-1] / 100, rtol=1e-10)
    np.testing.assert_allclose(np.prod(found.cash), 1 / discount[-1], rtol=1e-10)
    spent = np.sum(np.asarray(found.cost) * np.asarray(ledger.wealth)[:-1])
    np.testing.assert_allclose(spent, np.sum(ledger.costs), rtol=1e-10)
    # Everything traded costs five basis points.
    np.testing.assert_allclose(found.cost, 5e-4 * found.turnover, rtol=1e-10)
    judged = performance(found, floor=0.7, horizon=100)
    years = len(found.growth) / 252
    assert float(judged.annual_return) == pytest.approx(
        (wealth.iloc[-1] / 100) ** (1 / years) - 1, rel=1e-10
    )


def test_the_wrong_record_or_fit_is_refused(record):
    with pytest.raises(ValueError, match="`policies` must differ in their numbers alone"):
        Recalibrated.of([CPPI.example(), StaticHedge.example()], [0.0, 1.0])
    with pytest.raises(ValueError, match="`policies` must be one for each of the 2 dates, got 1"):
        Recalibrated.of([CPPI.example()], [0.0, 1.0])
    with pytest.raises(ValueError, match="`first` must be before"):
        walk_forward(record, StaticHedge.example(), first=datetime.date(2010, 1, 1))
    with pytest.raises(ValueError, match="`dividends` must be one for each of the 2 assets"):
        long_record(record.closes, dividends=[0.1])


@pytest.mark.slow
def test_rolls_of_listed_instruments_are_charged():
    """A put held along the record: each roll sells the old one and buys the new."""
    days, every, rate = 61, 20, 0.01
    moves = 0.01 * np.random.default_rng(1).standard_normal(days)
    closes = pd.DataFrame(
        {"a": 100 * np.exp(np.cumsum(moves))}, index=pd.bdate_range("2001-01-01", periods=days)
    )
    plain = long_record(closes, factors=pd.DataFrame({"vol": 0.2}, index=closes.index))
    put = Rolled(moneyness=1.0, tenor=30 / 252, every=every / 252, put=True)
    shown = np.full((days - 1, 1), 0.2)
    assets = Historical(returns=moves[1:, None], factors=shown, mean_block=1.0)
    market = Listed(assets, (put,), QuotedBlackScholes())
    path = market.extend(plain.path)
    record = Record(plain.closes, path, market)
    ledger, _ = walk_forward(record, StaticHedge([0.0, 1.0]), cost=HalfSpread([0.0, 100.0]))
    prices, accrual = np.asarray(path.prices[:, 1]), np.asarray(path.accrual[:, 1])
    rolls = np.arange(every, days - 1, every)
    old = prices[rolls] * accrual[rolls] / accrual[rolls - 1]
    expected = np.zeros(days)
    expected[rolls] = rate * (old + prices[rolls])
    expected[0], expected[-1] = rate * prices[0], float(ledger.costs[-1])
    np.testing.assert_allclose(ledger.costs, expected, rtol=1e-10, atol=1e-12)
    assert np.all(expected[rolls] > 0.02)
