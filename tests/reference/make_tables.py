"""Writes the tables of reference values beside it: `python tests/reference/make_tables.py`.

Needs mpmath and QuantLib; the tests read the tables and do not. Parameters are drawn, with a fixed
seed, from lists whose ends are extreme: a day and thirty years, rates below zero, volatilities of 1
and 300 %.
"""

import csv
import pathlib
import random
from itertools import product

import characteristic
import high_precision as exact
import numpy as np
import QuantLib as ql  # noqa: N813
from mpmath import mp, mpf

HERE = pathlib.Path(__file__).parent
DAY = 1.0 / 365.0
TAUS, VOLS = (DAY, 0.1, 1.0, 30.0), (0.01, 0.2, 0.6, 3.0)
RATES, DIVIDENDS = (-0.05, 0.0, 0.03, 0.1), (-0.02, 0.0, 0.04)
RHOS = (-0.99, -0.5, 0.0, 0.7, 0.99)


def write(name, columns, rows):
    with open(HERE / f"{name}.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow([*columns, "value"])
        for *inputs, value in rows:
            digits = mp.nstr(value, 17) if isinstance(value, mpf) else repr(float(value))
            table.writerow([*inputs, digits])
    print(name, len(rows), flush=True)


def high(values):
    """Numbers in sixty digits; words and truth values as they are."""
    return [mpf(x) if isinstance(x, float) else x for x in values]


def rounded(x):
    """Few digits, so that the tables can be read."""
    return float(f"{x:.6g}")


def far(spot, tau, vol, rate, dividend, deviations):
    """A strike that many deviations above the forward."""
    drift = (rate - dividend) * tau
    return rounded(spot * np.exp(drift + deviations * vol * np.sqrt(tau)))


def drawn(rng, n):
    """Taus, vols, rates and dividends."""
    return [tuple(rng.choice(x) for x in (TAUS, VOLS, RATES, DIVIDENDS)) for _ in range(n)]


def europeans():
    kinds = ("Call", "Put", "DigitalCall", "DigitalPut")
    grid = product((DAY, 1.0, 30.0), (0.01, 0.2, 3.0), (-0.05, 0.0, 0.08), (-10, -1, 0, 2, 10))
    rows = []
    for i, (tau, vol, rate, deviations) in enumerate(grid):
        formula = ("BlackScholesFormula", "Black76")[i % 4 == 3]
        dividend = rate if formula == "Black76" else (0.0, 0.03)[i % 3 == 0]
        strike = far(100.0, tau, vol, rate, dividend, deviations)
        kind = kinds[(i + i // 5) % 4]
        inputs = (100.0, strike, tau, vol, rate, dividend)
        rows.append((formula, kind, *inputs, exact.european(kind, *high(inputs))))
    rng = random.Random(1)
    for i, (tau, vol, rate, dividend) in enumerate(drawn(rng, 60)):
        spot = rng.choice((100.0, 2.0, -30.0))
        forward = spot * np.exp((rate - dividend) * tau)
        strike = rounded(forward + (-10, -1, 0, 2, 10)[i % 5] * 100.0 * vol * np.sqrt(tau))
        if strike > 0:
            inputs = (spot, strike, tau, 100.0 * vol, rate, dividend)
            value = exact.bachelier(kinds[i % 4], *high(inputs))
            rows.append(("BachelierFormula", kinds[i % 4], *inputs, value))
    columns = ("pricer", "claim", "spot", "strike", "tau", "vol", "rate", "dividend")
    write("europeans", columns, rows)


def barriers():
    rng, rows = random.Random(2), []
    for flags in product((True, False), repeat=3):
        for tau, vol, rate, dividend in drawn(rng, 16):
            reach = min(vol * np.sqrt(tau), 1.5)
            gap = rng.choice((0.1, 1.0, 4.0)) * reach * (1 if flags[1] else -1)
            level = rounded(100.0 * np.exp(gap))
            strike = rounded(100.0 * np.exp(rng.choice((-2.0, -0.5, 0.0, 0.7, 3.0)) * reach))
            inputs = (100.0, strike, level, rng.choice((0.0, 3.0)), tau, vol, rate, dividend)
            rows.append((*flags, *inputs, exact.barrier(*flags, *high(inputs))))
    columns = ("call", "up", "knock_in", "spot", "strike", "barrier", "rebate")
    write("barriers", (*columns, "tau", "vol", "rate", "dividend"), rows)


def touches():
    rng, rows = random.Random(3), []
    for flags in product((True, False), repeat=3):
        if flags[1:] == (False, True):
            continue
        for tau, vol, rate, dividend in drawn(rng, 10):
            reach = min(vol * np.sqrt(tau), 1.5)
            gap = rng.choice((0.1, 1.0, 4.0, 10.0)) * reach * (1 if flags[0] else -1)
            inputs = (100.0, rounded(100.0 * np.exp(gap)), tau, vol, rate, dividend)
            rows.append((*flags, *inputs, exact.touch(*flags, *high(inputs))))
    columns = ("up", "one_touch", "at_hit", "spot", "barrier", "tau", "vol", "rate", "dividend")
    write("touches", columns, rows)


def double_barriers():
    rng, rows = random.Random(4), []
    for flags in product((True, False), repeat=2):
        for tau, vol, rate, dividend in drawn(rng, 10):
            reach = min(vol * np.sqrt(tau), 1.0)
            lower, upper = (
                rounded(100.0 * np.exp(side * rng.choice((0.3, 1.0, 4.0)) * reach))
                for side in (-1, 1)
            )
            strike = rounded(100.0 * np.exp(rng.choice((-0.5, 0.0, 0.7)) * reach))
            inputs = (100.0, strike, lower, upper, tau, vol, rate, dividend)
            rows.append((*flags, *inputs, exact.double_barrier(*flags, *high(inputs))))
    columns = ("call", "knock_in", "spot", "strike", "lower", "upper")
    write("double_barriers", (*columns, "tau", "vol", "rate", "dividend"), rows)


def lookbacks():
    rng, rows = random.Random(5), []
    for kind in ("LookbackCall", "LookbackPut", "FloatingLookbackCall", "FloatingLookbackPut"):
        side = 1 if kind in ("LookbackCall", "FloatingLookbackPut") else -1
        for tau, vol, rate, dividend in drawn(rng, 12):
            reach = min(vol * np.sqrt(tau), 1.5)
            extreme = rounded(100.0 * np.exp(side * rng.choice((0.0, 0.5, 2.0)) * reach))
            strike = rounded(100.0 * np.exp(rng.choice((-1.0, 0.0, 3.0)) * reach))
            inputs = (100.0, strike, extreme, tau, vol, rate, dividend)
            rows.append((kind, *inputs, exact.lookback(kind, *high(inputs))))
    columns = ("claim", "spot", "strike", "extreme", "tau", "vol", "rate", "dividend")
    write("lookbacks", columns, rows)


def asians():
    rng, rows = random.Random(6), []
    for call, n_dates in product((True, False), (0, 1, 12, 52)):
        for tau, vol, rate, dividend in drawn(rng, 5):
            strike = far(100.0, tau, 0.5 * vol, rate, dividend, rng.choice((-2, 0, 1, 8)))
            inputs = (100.0, strike, tau, vol, rate, dividend)
            value = exact.geometric_asian(call, *high(inputs), n_dates)
            rows.append((call, n_dates, *inputs, value))
    columns = ("call", "n_dates", "spot", "strike", "tau", "vol", "rate", "dividend")
    write("geometric_asians", columns, rows)


def two_assets():
    rng, rows = random.Random(7), []
    for kind, rho in product(("ExchangeOption", "BestOfCall", "WorstOfCall"), RHOS):
        for tau, vol, rate, dividend in drawn(rng, 4):
            second = rng.choice((0.05, 0.2, 0.6))
            spots, strike = (100.0, rng.choice((60.0, 98.0, 150.0))), rng.choice((70.0, 100.0))
            vols, dividends = (vol, second), (dividend, rng.choice(DIVIDENDS))
            value = exact.two_assets(
                kind, high(spots), *high((strike, tau)), high(vols), mpf(rate), high(dividends),
                mpf(rho),
            )  # fmt: skip
            rows.append((kind, *spots, strike, tau, *vols, rate, *dividends, rho, value))
    columns = ("claim", "spot", "spot_2", "strike", "tau", "vol", "vol_2", "rate", "dividend")
    write("two_assets", (*columns, "dividend_2", "correlation"), rows)


def decided():
    rng, rows = random.Random(8), []
    for kind in ("Chooser", "CompoundOption"):
        for tau, vol, rate, dividend in drawn(rng, 24):
            strike = far(100.0, tau, vol, rate, dividend, rng.choice((-2, -0.5, 0, 1)))
            decision = rounded(tau * rng.choice((0.05, 0.5, 0.95)))
            premium = rounded(rng.choice((0.1, 1.0)) * 40.0 * min(vol * np.sqrt(tau), 1.0))
            inputs = (100.0, strike, premium, decision, tau, vol, rate, dividend)
            rows.append((kind, *inputs, exact.decided(kind, *high(inputs))))
    columns = ("claim", "spot", "strike", "premium", "decision", "tau", "vol", "rate", "dividend")
    write("choosers_and_compounds", columns, rows)


def others():
    """Powers, forward starts and quantos: European options in other units."""
    rng, rows = random.Random(9), []
    for tau, vol, rate, dividend in drawn(rng, 16):
        exponent, call = rng.choice((0.5, 1.0, 2.0, 3.0)), rng.random() < 0.5
        strike = rounded(far(100.0, tau, vol, rate, dividend, rng.choice((-2, 0, 2))) ** exponent)
        inputs = (100.0, strike, exponent, tau, vol, rate, dividend)
        kind = "PowerCall" if call else "PowerPut"
        rows.append((kind, *inputs, exact.power(call, *high(inputs))))
    for tau, vol, rate, dividend in drawn(rng, 12):
        ratio, share = rng.choice((0.8, 1.0, 1.3)), rng.choice((0.1, 0.7))
        inputs = (100.0, ratio, rounded(tau * share), tau, vol, rate, dividend)
        s, k, start, t, v, r, q = high(inputs)
        value = s * mp.exp(-q * start) * exact.european("Call", mpf(1), k, t - start, v, r, q)
        rows.append(("ForwardStartCall", *inputs, value))
    for tau, vol, rate, dividend in drawn(rng, 12):
        inputs = (100.0, rng.choice((60.0, 100.0, 150.0)), rng.choice(RHOS), tau, vol, rate)
        s, k, rho, t, v, r = high(inputs)
        # Foreign rate 0.05, volatility of the exchange rate 0.15, exchange rate 1.
        drift = mpf(0.05) - mpf(dividend) - rho * v * mpf(0.15)
        value = mp.exp(-r * t) * exact.black(s * mp.exp(drift * t), k, v * mp.sqrt(t), 1)
        rows.append(("QuantoCall", *inputs, dividend, value))
    columns = ("claim", "spot", "strike", "extra", "tau", "vol", "rate", "dividend")
    write("powers_and_others", columns, rows)


def elasticities():
    rng, rows = random.Random(10), []
    for exponent in (-0.5, 0.0, 0.5, 0.9):
        for _ in range(8):
            tau, vol = rng.choice((DAY, 0.1, 1.0, 30.0)), rng.choice((0.01, 0.2, 0.5))
            rate, dividend, call = rng.choice(RATES), rng.choice((0.0, 0.04)), rng.random() < 0.5
            strike = far(100.0, tau, vol, rate, dividend, rng.choice((-2, -0.5, 0, 1, 2)))
            scale = rounded(vol * 100.0 ** (1.0 - exponent))
            inputs = (100.0, strike, tau, scale, exponent, rate, dividend)
            rows.append((call, *inputs, exact.cev(call, *high(inputs))))
    columns = ("call", "spot", "strike", "tau", "scale", "exponent", "rate", "dividend")
    write("constant_elasticity", columns, rows)
    rows = []
    for exponent, nu, rho in product((0.0, 0.5, 1.0), (0.0, 0.6, 2.0), (-0.99, 0.3)):
        tau, vol, rate = rng.choice((DAY, 0.5, 3.0)), rng.choice((0.01, 0.3)), rng.choice(RATES)
        strike = far(100.0, tau, vol, rate, 0.01, rng.choice((-2, 0, 1)))
        alpha = rounded(vol * 100.0 ** (1.0 - exponent))
        inputs = (100.0, strike, tau, alpha, exponent, nu, rho, rate, 0.01)
        rows.append((*inputs, exact.hagan(*high(inputs))))
    columns = ("spot", "strike", "tau", "alpha", "exponent", "vol_of_vol", "correlation")
    write("hagan", (*columns, "rate", "dividend"), rows)


def affine():
    """Merton by its series, variance gamma over its clock, the others along Lewis's line."""
    rng = random.Random(11)
    tables = {name: [] for name in ("merton", "variance_gamma", "kou", "bates", "double_heston")}
    cases = [(tau, m) for tau in (DAY, 0.1, 1.0, 10.0, 30.0) for m in (-3.0, -0.5, 0.0, 1.0, 3.0)]
    for tau, moneyness in cases:
        rate, dividend = rng.choice(RATES), rng.choice((0.0, 0.04))
        strike = far(100.0, tau, 0.25 if tau < 5 else 0.1, rate, dividend, moneyness)
        common = (100.0, strike, tau, rate, dividend)

        def line(name, exponent, *parameters, common=common):
            value = characteristic.call(exponent, *common)
            tables[name].append((*common, *parameters, value))

        jumps = rng.choice(((0.5, -0.1, 0.12), (3.0, 0.05, 0.01), (0.1, -0.6, 0.3)))
        vol = rng.choice((0.05, 0.2, 0.6))
        s, k, t, r, q = high(common)
        value = exact.merton(s, k, t, *high((vol, *jumps)), r, q)
        tables["merton"].append((*common, vol, *jumps, value))
        if tau >= 1.0:
            clock = rng.choice(((0.2, 0.2, -0.14), (0.12, 0.1, 0.1), (0.4, 0.3, 0.0)))
            value = exact.variance_gamma(s, k, t, *high(clock), r, q)
            tables["variance_gamma"].append((*common, *clock, value))
        sizes = rng.choice(((1.0, 0.4, 0.1, 0.2), (10.0, 0.6, 0.02, 0.03), (0.2, 0.1, 0.3, 0.5)))
        line("kou", lambda u, t=tau, v=vol, s=sizes: characteristic.kou(u, t, v, *s), vol, *sizes)
        heston = rng.choice(
            (
                (0.03, 1.5, 0.04, 0.4, -0.6),
                (0.09, 1.0, 0.09, 1.0, -0.3),
                (0.04, 2.0, 0.06, 2.0, -0.99),
                (0.04, 1.5, 0.05, 0.001, 0.99),
            )
        )
        line(
            "bates",
            lambda u, t=tau, h=heston, j=jumps: (
                characteristic.heston(u, t, *h) + characteristic.lognormal_jumps(u, t, *j)
            ),
            *heston,
            *jumps,
        )
        second = rng.choice(((0.02, 4.0, 0.02, 0.5, -0.8), (0.01, 0.3, 0.03, 0.3, 0.7)))
        line(
            "double_heston",
            lambda u, t=tau, h=heston, g=second: (
                characteristic.heston(u, t, *h) + characteristic.heston(u, t, *g)
            ),
            *(x for pair in zip(heston, second, strict=True) for x in pair),
        )
    names = {
        "merton": ("vol", "intensity", "jump_mean", "jump_vol"),
        "variance_gamma": ("vol", "clock_variance", "asymmetry"),
        "kou": ("vol", "intensity", "up_probability", "up_size", "down_size"),
    }
    variance = ("variance", "mean_reversion", "long_variance", "vol_of_variance", "correlation")
    names["bates"] = (*variance, "intensity", "jump_mean", "jump_vol")
    names["double_heston"] = tuple(f"{name}_{j}" for name in variance for j in (1, 2))
    for name, rows in tables.items():
        write(name, ("spot", "strike", "tau", "rate", "dividend", *names[name]), rows)


def americans():
    """By the integral equation of the boundary, at QuantLib's highest precision."""
    today, days = ql.Date(2, 1, 2023), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = today
    rng, rows = random.Random(12), []
    for i in range(36):
        life, vol = rng.choice((1, 91, 365, 1825)), rng.choice((0.05, 0.2, 0.4, 1.0))
        rate, dividend = rng.choice((0.01, 0.05, 0.1)), rng.choice((0.0, 0.02, 0.12))
        tau, call = life / 365.0, i % 3 == 2
        strike = far(100.0, tau, min(vol, 0.4), rate, dividend, rng.choice((-2, -0.5, 0, 1, 3)))
        curves = [
            ql.YieldTermStructureHandle(ql.FlatForward(today, x, days)) for x in (dividend, rate)
        ]
        flat = ql.BlackConstantVol(today, ql.NullCalendar(), vol, days)
        process = ql.BlackScholesMertonProcess(
            ql.QuoteHandle(ql.SimpleQuote(100.0)), *curves, ql.BlackVolTermStructureHandle(flat)
        )
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
        option = ql.VanillaOption(payoff, ql.AmericanExercise(today, today + life))
        scheme = ql.QdFpAmericanEngine.highPrecisionScheme()
        option.setPricingEngine(ql.QdFpAmericanEngine(process, scheme))
        rows.append((call, 100.0, strike, tau, vol, rate, dividend, option.NPV()))
    write("americans", ("call", "spot", "strike", "tau", "vol", "rate", "dividend"), rows)


if __name__ == "__main__":
    americans()
    europeans()
    barriers()
    touches()
    double_barriers()
    lookbacks()
    asians()
    two_assets()
    decided()
    others()
    elasticities()
    affine()
