"""Power, forward-start, chooser and compound options: QuantLib, identities, simulation."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from quantlib_process import SPOT, TODAY, at, payoff, process
from scipy import integrate
from scipy.stats import norm

from deephedge.claims import Call, Chooser, CompoundOption, ForwardStartCall, PowerOption, Put
from deephedge.markets import BlackScholes
from deephedge.pricing import (
    BlackScholesFormula,
    ChooserFormula,
    CompoundFormula,
    ForwardStartFormula,
    MonteCarlo,
    PowerFormula,
    greeks,
)

MODEL = BlackScholes(spot=SPOT, vol=0.3, rate=0.04, dividend=0.01)
NOW = MODEL.start()
SAME = {"vol": 0.3, "rate": 0.04, "dividend": 0.01}
price = jax.jit(lambda pricer, claim: pricer.price(claim, NOW))


def test_a_power_of_one_is_the_option_itself():
    for call, kind in ((True, Call), (False, Put)):
        ours = float(price(PowerFormula(**SAME), PowerOption(105.0, 1.0, 0.5, call=call)))
        theirs = float(price(BlackScholesFormula(**SAME), kind(105.0, 0.5)))
        assert ours == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize(("power", "strike"), [(2.0, 1.1e4), (0.5, 9.5), (3.0, 8e5)])
@pytest.mark.parametrize("call", [True, False])
def test_powers_by_quadrature(power, strike, call):
    tau, sign = 0.5, 1.0 if call else -1.0

    def owed(z):
        final = SPOT * np.exp((0.03 - 0.045) * tau + 0.3 * np.sqrt(tau) * z)
        return max(sign * (final**power - strike), 0.0) * norm.pdf(z)

    kink = (np.log(strike ** (1 / power) / SPOT) - (0.03 - 0.045) * tau) / (0.3 * np.sqrt(tau))
    parts = [
        integrate.quad(owed, a, b, epsrel=1e-12, epsabs=0)[0] if (b > kink) == call else 0.0
        for a, b in ((-12.0, kink), (kink, 12.0))
    ]
    expected = np.exp(-0.04 * tau) * sum(parts)
    ours = float(price(PowerFormula(**SAME), PowerOption(strike, power, tau, call=call)))
    assert ours == pytest.approx(expected, rel=1e-10)


def test_forward_starts_equal_those_of_quantlib():
    for ratio, start in itertools.product((0.8, 1.0, 1.2), (30, 180)):
        option = ql.ForwardVanillaOption(
            ratio, TODAY + start, ql.PlainVanillaPayoff(ql.Option.Call, 0.0), at(365)
        )
        option.setPricingEngine(ql.ForwardEuropeanEngine(process(0.3, 0.04, 0.01)))
        claim = ForwardStartCall(ratio, start / 365, 1.0)
        ours = float(price(ForwardStartFormula(**SAME), claim))
        assert ours == pytest.approx(option.NPV(), rel=1e-10)


def test_a_forward_start_that_has_started_is_a_call():
    now = dataclasses.replace(NOW, time=jnp.asarray(0.6), progress=jnp.asarray([90.0]))
    own = ForwardStartFormula(**SAME).price(ForwardStartCall(1.1, 0.5, 1.0), now)
    call = BlackScholesFormula(**SAME).price(Call(99.0, 1.0), now)
    assert float(own) == pytest.approx(float(call), rel=1e-12)


def test_choosers_equal_those_of_quantlib():
    for strike, decision, dividend in itertools.product((80.0, 100.0, 120.0), (30, 200), (0, 0.05)):
        option = ql.SimpleChooserOption(TODAY + decision, strike, at(365))
        option.setPricingEngine(ql.AnalyticSimpleChooserEngine(process(0.3, 0.04, float(dividend))))
        pricer = ChooserFormula(vol=0.3, rate=0.04, dividend=float(dividend))
        ours = float(price(pricer, Chooser(strike, decision / 365, 1.0)))
        assert ours == pytest.approx(option.NPV(), rel=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("vol", [0.1, 0.5])
def test_compounds_by_quadrature_of_the_value_at_the_decision(vol):
    for strike, premium, wait in itertools.product((90.0, 110.0), (3.0, 12.0), (30 / 365, 0.6)):
        pricer = CompoundFormula(vol=vol, rate=0.04, dividend=0.01)
        claim = pricer.best_rule(CompoundOption(strike, premium, 100.0, wait, 1.0))
        kink = (np.log(float(claim.buy_above) / SPOT) - (0.03 - vol**2 / 2) * wait) / (
            vol * np.sqrt(wait)
        )
        nodes, weights = np.polynomial.legendre.leggauss(200)
        z = kink + 0.5 * (nodes + 1.0) * (12.0 - kink)
        price_then = SPOT * np.exp((0.03 - vol**2 / 2) * wait + vol * np.sqrt(wait) * z)
        left = 1.0 - wait
        d1 = np.log(price_then / strike) + (0.03 + vol**2 / 2) * left
        d1 /= vol * np.sqrt(left)
        call = price_then * np.exp(-0.01 * left) * norm.cdf(d1)
        call -= strike * np.exp(-0.04 * left) * norm.cdf(d1 - vol * np.sqrt(left))
        mean = 0.5 * (12.0 - kink) * np.sum(weights * (call - premium) * norm.pdf(z))
        expected = np.exp(-0.04 * wait) * mean
        assert float(price(pricer, claim)) == pytest.approx(expected, rel=1e-9, abs=1e-10)
        days = round(365 * wait)
        option = ql.CompoundOption(payoff(True, premium), at(days), payoff(True, strike), at(365))
        option.setPricingEngine(ql.AnalyticCompoundOptionEngine(process(vol, 0.04, 0.01)))
        # QuantLib solves for the price to exercise at roughly: its values hold to about 5e-5.
        assert expected == pytest.approx(option.NPV(), abs=1e-4)


@pytest.mark.slow
def test_the_best_rule_is_worth_most():
    pricer = CompoundFormula(**SAME)
    best = pricer.best_rule(CompoundOption(100.0, 8.0, 100.0, 0.4, 1.0))
    slope = jax.grad(lambda b: pricer.price(dataclasses.replace(best, buy_above=b), NOW))
    assert abs(float(slope(best.buy_above))) < 1e-10
    for factor in (0.95, 1.05):
        other = dataclasses.replace(best, buy_above=best.buy_above * factor)
        assert float(price(pricer, other)) < float(price(pricer, best))


@pytest.mark.parametrize(
    ("claim", "pricer"),
    [
        (ForwardStartCall(1.05, 0.25, 0.5), ForwardStartFormula(**SAME)),
        (Chooser(102.0, 0.25, 0.5), ChooserFormula(**SAME)),
        (CompoundOption(100.0, 6.0, 103.0, 0.25, 0.5), CompoundFormula(**SAME)),
        (PowerOption(1e4, 2.0, 0.5), PowerFormula(**SAME)),
    ],
    ids=lambda x: type(x).__name__,
)
@pytest.mark.slow
def test_simulation_agrees_before_and_after_the_decision(claim, pricer):
    simulated = MonteCarlo(MODEL, n_paths=20_000, n_steps=2, key=jax.random.key(3))
    value, error = simulated.estimate(claim, NOW)
    assert float(error) < 0.03 * float(value)
    assert abs(float(value) - float(price(pricer, claim))) < 4 * float(error)
    path = MODEL.path(jnp.asarray([0.0, 0.25, 0.375, 0.5]), jnp.asarray([[1.0], [0.2], [0.5]]))
    later = dataclasses.replace(path, progress=claim.progress(path)).at(2)
    value, error = simulated.estimate(claim, later)
    assert abs(float(value) - float(pricer.price(claim, later))) < 4 * float(error)


@pytest.mark.slow
def test_greeks_are_finite_at_expiry_and_without_volatility():
    cases = [
        (ForwardStartCall(1.0, 0.1, 0.5), ForwardStartFormula),
        (Chooser(100.0, 0.1, 0.5), ChooserFormula),
        (CompoundOption(100.0, 6.0, 103.0, 0.1, 0.5), CompoundFormula),
        (PowerOption(1e4, 2.0, 0.5), PowerFormula),
    ]
    for claim, kind in cases:

        @jax.jit
        def all_greeks(vol, time, kind=kind, claim=claim):
            now = dataclasses.replace(NOW, time=time)
            return greeks(kind(vol=vol, rate=0.02), claim, now, ("delta", "gamma", "vega", "theta"))

        for vol, time in ((0.0, 0.0), (0.2, 0.1), (0.2, 0.5), (3.0, 0.3), (0.0, 0.5)):
            found = all_greeks(jnp.asarray(vol), jnp.asarray(time))
            assert all(np.isfinite(float(x)) for x in found.values()), (claim, vol, time, found)
