"""Quotes: arbitrage-free prices pass, and each way to contradict oneself is refused by name."""

import numpy as np
import pytest

from deephedge.calibration import Quotes

STRIKES = np.array([80.0, 90.0, 100.0, 110.0, 120.0])
CALLS = dict(strike=STRIKES, maturity=0.5, forward=101.0, discount=0.98)
VOLS = np.array([0.26, 0.23, 0.2, 0.19, 0.185])


def smile(**changes):
    return Quotes.from_vols(**(CALLS | dict(bid=VOLS - 0.002, ask=VOLS + 0.002) | changes))


@pytest.mark.slow
def test_vols_survive_the_round_trip_through_prices():
    for sign in (1.0, -1.0):
        quotes = smile(bid=VOLS, ask=VOLS, sign=sign)
        np.testing.assert_allclose(quotes.vols(quotes.mid), VOLS, rtol=1e-12)


def test_calls_and_puts_of_one_vol_are_in_parity():
    call, put = smile(bid=VOLS, ask=VOLS), smile(bid=VOLS, ask=VOLS, sign=-1.0)
    np.testing.assert_allclose(call.mid - put.mid, 0.98 * (101.0 - STRIKES), atol=1e-12)


def test_vega_is_the_slope_of_the_price():
    up, down = (smile(bid=VOLS + h, ask=VOLS + h).mid for h in (1e-5, -1e-5))
    np.testing.assert_allclose(smile(bid=VOLS, ask=VOLS).vega(), (up - down) / 2e-5, rtol=1e-4)


def test_a_flat_surface_has_no_arbitrage_at_any_maturity_and_strike():
    strike, maturity = (x.ravel() for x in np.meshgrid(np.linspace(20, 400, 60), [0.01, 0.5, 8]))
    quotes = Quotes.from_vols(
        strike, maturity, bid=0.3, ask=0.3, forward=100 * np.exp(0.02 * maturity), sign=-1.0
    )
    assert len(quotes) == 180


def refused(message, make, **changes):
    with pytest.raises(ValueError, match=message) as error:
        make(**changes)
    assert "\n" not in str(error.value)


def test_bad_columns_are_refused():
    refused("`ask` must be at least the bid .*got 2 for the call of strike 90", prices, bid=3.0)
    refused("`strike` must be positive, got -120 in quote 5", smile, strike=-STRIKES)
    refused("`maturity` must be positive, got 0", smile, maturity=0.0)
    refused("`sign` must be 1 for a call", smile, sign=0.0)
    refused("`bid` must have 5 values, got 2", smile, bid=np.array([0.1, 0.2]))
    refused("`forward` must be finite, got nan", smile, forward=np.nan)
    refused("`strike` must be numbers", smile, strike=["high"])
    refused("volatility `bid` must be positive", smile, bid=-0.1)
    refused("there are no quotes", smile, strike=np.array([]), bid=0.2, ask=0.2)
    refused("`forward` must be one number for each", smile, forward=100.0 + np.arange(5))


def prices(**changes):
    given = dict(strike=[90.0, 100.0], maturity=1.0, forward=95.0, bid=1.0, ask=[2.0, 3.0])
    return Quotes(**(given | changes))


def test_prices_beyond_their_bounds_are_refused():
    refused("`ask` must be at least its intrinsic value 5, got 2", prices)
    refused("`bid` must be at most 95, got 96", prices, bid=96.0, ask=97.0)
    refused("`bid` must be at most 90, got 96", prices, bid=96.0, ask=97.0, sign=-1.0)


def test_each_arbitrage_is_named():
    bent = VOLS + np.array([0.0, 0.0, 0.08, 0.0, 0.0])
    refused(
        "convex.*butterfly.*the call of strike 100, maturity 0.5",
        smile,
        bid=bent - 0.002,
        ask=bent + 0.002,
    )
    maturity = np.array([0.5, 1.0, 1.0, 1.0])
    strike = np.array([100.0, 95.0, 100.0, 105.0])
    vol = np.array([0.3, 0.2, 0.2, 0.2])
    refused(
        "calendar.*maturity 0.5 is bid", smile, strike=strike, maturity=maturity, bid=vol, ask=vol
    )
    twice, sign = np.array([100.0, 100.0]), np.array([1.0, -1.0])
    vol = np.array([0.2, 0.3])
    refused("put-call parity", smile, strike=twice, sign=sign, bid=vol, ask=vol)


def test_falling_in_strike_is_part_of_convexity():
    refused("falling in strike", prices, strike=[100.0, 110.0], bid=[4.0, 5.0], ask=[4.5, 5.5])


def test_a_wide_spread_hides_what_mid_prices_contradict():
    bent = VOLS + np.array([0.0, 0.0, 0.08, 0.0, 0.0])
    assert len(smile(bid=bent - 0.06, ask=bent + 0.06)) == 5
    assert len(smile(bid=bent, ask=bent, allow_arbitrage=True)) == 5
