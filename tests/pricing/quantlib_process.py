"""The Black-Scholes process of QuantLib at the tests' spot."""

import QuantLib as ql  # noqa: N813

TODAY = ql.Date(2, 1, 2023)
DAYS = ql.Actual365Fixed()
SPOT = 100.0


def process(vol, rate, dividend):
    ql.Settings.instance().evaluationDate = TODAY
    yields = [ql.YieldTermStructureHandle(ql.FlatForward(TODAY, x, DAYS)) for x in (dividend, rate)]
    surface = ql.BlackConstantVol(TODAY, ql.NullCalendar(), vol, DAYS)
    spot = ql.QuoteHandle(ql.SimpleQuote(SPOT))
    return ql.BlackScholesMertonProcess(spot, *yields, ql.BlackVolTermStructureHandle(surface))


def payoff(call, strike):
    return ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)


def at(days):
    return ql.EuropeanExercise(TODAY + days)
