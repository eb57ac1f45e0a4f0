"""`deephedge price` and `deephedge greeks` against QuantLib."""

import json

import pytest
import QuantLib as ql  # noqa: N813

from deephedge.cli.app import command

SPOT, STRIKE, RATE, DIVIDEND, DAYS = 100.0, 105.0, 0.03, 0.01, 180
MATURITY = DAYS / 365
TERMS = [
    f"--spot={SPOT}",
    f"--strike={STRIKE}",
    f"--maturity={MATURITY!r}",
    f"--rate={RATE}",
    f"--dividend={DIVIDEND}",
]
HESTON = dict(
    variance=0.04, mean_reversion=1.5, long_variance=0.05, vol_of_variance=0.4, correlation=-0.6
)


def answer(capsys, *arguments: str) -> dict:
    code = command([*arguments, *TERMS, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def quantlib_curves():
    today = ql.Date(15, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    rate = ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, count))
    dividend = ql.YieldTermStructureHandle(ql.FlatForward(today, DIVIDEND, count))
    return today, count, rate, dividend, ql.QuoteHandle(ql.SimpleQuote(SPOT))


def quantlib_call(engine):
    today = ql.Settings.instance().evaluationDate
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call, STRIKE), ql.EuropeanExercise(today + DAYS)
    )
    option.setPricingEngine(engine)
    return option


def test_black_scholes_price_and_greeks(capsys):
    got = answer(capsys, "greeks", "call", "--vol=0.2")
    today, count, rate, dividend, spot = quantlib_curves()
    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.2, count))
    process = ql.BlackScholesMertonProcess(spot, dividend, rate, vol)
    option = quantlib_call(ql.AnalyticEuropeanEngine(process))
    expected = {
        "price": option.NPV(),
        "delta": option.delta(),
        "gamma": option.gamma(),
        "vega": option.vega(),
        "theta": option.theta(),
        "rho": option.rho(),
    }
    assert {name: got[name] for name in expected} == pytest.approx(expected, rel=1e-12)
    assert {"vanna", "volga", "charm"} <= got.keys()


def test_heston_price(capsys):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in HESTON.items()]
    got = answer(capsys, "price", "call", "--model=heston", *options)
    _, _, rate, dividend, spot = quantlib_curves()
    process = ql.HestonProcess(
        rate,
        dividend,
        spot,
        HESTON["variance"],
        HESTON["mean_reversion"],
        HESTON["long_variance"],
        HESTON["vol_of_variance"],
        HESTON["correlation"],
    )
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-12, 100_000)
    assert got["price"] == pytest.approx(quantlib_call(engine).NPV(), abs=1e-8)


def test_monte_carlo_agrees_with_the_formula(capsys):
    exact = answer(capsys, "price", "digital-put", "--vol=0.2")["price"]
    got = answer(capsys, "price", "digital-put", "--vol=0.2", "--method=monte-carlo", "--n-steps=1")
    error = got["standard_errors"]["price"]
    assert error < 2e-3
    assert abs(got["price"] - exact) < 4 * error


def test_a_claim_on_the_path_says_how_sure_it_is(capsys):
    got = answer(capsys, "price", "asian-call", "--vol=0.2", "--n-paths=2000", "--n-steps=8")
    assert 0 < got["standard_errors"]["price"] < got["price"]


def test_text_names_each_greek(capsys):
    assert command(["greeks", "call", *TERMS, "--vol=0.2"]) == 0
    words = capsys.readouterr().out.split()
    assert words[::2][:4] == ["price", "delta", "gamma", "vega"]
