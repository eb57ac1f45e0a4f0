"""Lookbacks: QuantLib, the limit of no carry, parity and simulation on many dates."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from quantlib_process import SPOT, at, payoff, process

from deephedge.claims import FloatingLookbackCall, FloatingLookbackPut, LookbackCall, LookbackPut
from deephedge.markets import BlackScholes, simulate
from deephedge.numerics.draws import antithetic
from deephedge.pricing import LookbackFormula, greeks

NOW = BlackScholes(spot=SPOT, vol=0.2).start()
price = jax.jit(lambda pricer, claim, now: pricer.price(claim, now))


def seen(extreme):
    return dataclasses.replace(NOW, progress=jnp.asarray([extreme]))


def quantlib(kind, extreme, strike, days, vol, rate, dividend):
    call = kind in (LookbackCall, FloatingLookbackCall)
    market = process(vol, rate, dividend)
    if kind in (FloatingLookbackCall, FloatingLookbackPut):
        floating = ql.FloatingTypePayoff(ql.Option.Call if call else ql.Option.Put)
        option = ql.ContinuousFloatingLookbackOption(extreme, floating, at(days))
        option.setPricingEngine(ql.AnalyticContinuousFloatingLookbackEngine(market))
    else:
        option = ql.ContinuousFixedLookbackOption(extreme, payoff(call, strike), at(days))
        option.setPricingEngine(ql.AnalyticContinuousFixedLookbackEngine(market))
    return option.NPV()


@pytest.mark.parametrize(
    "kind", [LookbackCall, LookbackPut, FloatingLookbackCall, FloatingLookbackPut]
)
def test_values_equal_those_of_quantlib(kind):
    high = kind in (LookbackCall, FloatingLookbackPut)
    floating = kind in (FloatingLookbackCall, FloatingLookbackPut)
    for further, days, vol, rate, dividend, strike in itertools.product(
        (1.0, 1.25), (4, 365, 3650), (0.05, 0.2, 0.9), (0.02, 0.07), (0.0, 0.04), (80.0, 130.0)
    ):
        extreme = SPOT * further if high else SPOT / further
        claim = kind(maturity=days / 365) if floating else kind(strike, days / 365)
        pricer = LookbackFormula(vol=vol, rate=rate, dividend=dividend)
        ours = float(price(pricer, claim, seen(extreme)))
        theirs = quantlib(kind, extreme, strike, days, vol, rate, dividend)
        assert ours == pytest.approx(theirs, rel=1e-10, abs=1e-10), claim


@pytest.mark.parametrize("kind", [FloatingLookbackCall, FloatingLookbackPut])
def test_no_carry_is_no_special_case(kind):
    """Across the switch from quotient to mean slope the value is as smooth as the formula."""
    claim, now = kind(1.0), seen(105.0 if kind is FloatingLookbackPut else 95.0)
    carries = np.linspace(-0.01, 0.01, 41)
    values = [
        float(price(LookbackFormula(vol=0.3, rate=0.02 + c, dividend=0.02), claim, now))
        for c in carries
    ]
    assert np.max(np.abs(np.diff(values, 4))) < 1e-9


def test_floating_and_fixed_differ_by_a_forward():
    """The maximum less S_T is the lookback call struck at the extreme so far, less a forward."""
    pricer, now = LookbackFormula(vol=0.3, rate=0.03, dividend=0.01), seen(110.0)
    fixed = float(price(pricer, LookbackCall(110.0, 0.5), now))
    floating = float(price(pricer, FloatingLookbackPut(0.5), now))
    forward = SPOT * np.exp(-0.01 * 0.5) - 110.0 * np.exp(-0.03 * 0.5)
    assert floating == pytest.approx(fixed - forward, rel=1e-12)


def test_dates_approach_the_formula_at_the_rate_of_the_square_root():
    """The gap to continuous time is 0.5826 vol S sqrt(dt) to first order."""
    market = BlackScholes(spot=SPOT, vol=0.2)
    claim, n_steps = FloatingLookbackPut(0.25), 64
    times = jnp.linspace(0.0, 0.25, n_steps + 1)
    paths = simulate(market, times, 40_000, key=jax.random.key(7), draws=antithetic)
    owed = np.asarray(jax.vmap(claim.payoff)(paths)).reshape(-1, 2).mean(axis=1)
    error = owed.std(ddof=1) / len(owed) ** 0.5
    continuous = float(price(LookbackFormula(vol=0.2), claim, NOW))
    beta = 0.5826 * 0.2 * np.sqrt(0.25 / n_steps)
    # Broadie, Glasserman and Kou (1999): the discrete maximum is lower by the factor exp(-beta).
    expected = np.exp(-beta) * (continuous + SPOT) - SPOT
    assert error < 0.03
    assert abs(owed.mean() - expected) < 4 * error


@pytest.mark.slow
def test_greeks_are_finite_at_every_extreme():
    @jax.jit
    def all_greeks(spot, vol, maturity):
        now = dataclasses.replace(seen(100.0), prices=spot[None])
        claim = dataclasses.replace(FloatingLookbackPut(1.0), maturity=maturity)
        return greeks(LookbackFormula(vol=vol, rate=0.02), claim, now, ("delta", "gamma", "vega"))

    stressed = [(0.0, 0.25), (0.2, 0.0), (0.2, 1e-8), (3.0, 30.0), (0.01, 1 / 365), (1e-3, 30.0)]
    for spot, (vol, maturity) in itertools.product((20.0, 100.0, 500.0), stressed):
        found = all_greeks(*(jnp.asarray(x) for x in (spot, vol, maturity)))
        for name, value in found.items():
            assert np.isfinite(float(value)), (name, spot, vol, maturity)


@pytest.mark.parametrize("claim", [LookbackCall(SPOT, 0.25), LookbackPut(SPOT, 0.25)], ids=type)
def test_at_the_money_gamma_is_that_of_a_price_about_to_turn_back(claim):
    """Beyond the strike the value is proportional to the price, so that gamma jumps to zero."""
    gamma = jax.jit(
        lambda spot: greeks(
            LookbackFormula(vol=0.2, rate=0.02),
            claim,
            dataclasses.replace(NOW, prices=spot[None]),
            ("gamma",),
        )["gamma"]
    )
    side = 1.0 if isinstance(claim, LookbackCall) else -1.0
    here, short, beyond = (
        float(gamma(jnp.asarray(SPOT * (1.0 + side * x)))) for x in (0, -1e-8, 1e-8)
    )
    assert here == pytest.approx(short, rel=1e-6)
    assert here > 0.05
    assert beyond == pytest.approx(0.0, abs=1e-9)
