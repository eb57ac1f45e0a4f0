"""Double barriers: QuantLib where its series holds, quadrature of the density elsewhere."""

import dataclasses
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813
from quantlib_process import SPOT, at, payoff, process

from deephedge.claims import BarrierOption, Call, DoubleBarrierOption, Put
from deephedge.markets import BlackScholes
from deephedge.pricing import (
    BarrierFormula,
    BlackScholesFormula,
    DoubleBarrierFormula,
    greeks,
)

NOW = BlackScholes(spot=SPOT, vol=0.2).start()
price = jax.jit(lambda pricer, claim: pricer.price(claim, NOW))


@pytest.mark.parametrize("call", [True, False])
@pytest.mark.parametrize("knock_in", [True, False])
def test_values_equal_those_of_quantlib(call, knock_in):
    """With the strike inside a wide corridor, where its series holds."""
    kind = ql.DoubleBarrier.KnockIn if knock_in else ql.DoubleBarrier.KnockOut
    for strike, (lower, upper), days, vol, rate in itertools.product(
        (99.0, 110.0), ((80.0, 125.0), (60.0, 200.0)), (4, 90, 365), (0.1, 0.2), (0.0, 0.05)
    ):
        claim = DoubleBarrierOption(strike, lower, upper, days / 365, call=call, knock_in=knock_in)
        option = ql.DoubleBarrierOption(kind, lower, upper, 0.0, payoff(call, strike), at(days))
        option.setPricingEngine(ql.AnalyticDoubleBarrierEngine(process(vol, rate, 0.02), 5))
        ours = float(price(DoubleBarrierFormula(vol=vol, rate=rate, dividend=0.02), claim))
        assert ours == pytest.approx(option.NPV(), rel=1e-10, abs=1e-11), claim


def by_quadrature(call, strike, lower, upper, tau, vol, rate):
    """The payoff against the density, by 60 images and 400 Gauss-Legendre points."""
    x, width = math.log(SPOT / lower), math.log(upper / lower)
    cut = min(max(math.log(strike / lower), 0.0), width)
    low, high = (cut, width) if call else (0.0, cut)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    y = low + (high - low) * 0.5 * (nodes + 1.0)
    variance, drift = vol**2 * tau, rate - 0.5 * vol**2
    n = np.arange(-60, 61)[:, None]
    bell = lambda z: np.exp(-0.5 * z**2 / variance)  # noqa: E731
    images = bell(y - x - 2 * n * width) - bell(y + x - 2 * n * width)
    density = images.sum(axis=0) / math.sqrt(2 * math.pi * variance)
    density *= np.exp(drift * (y - x) / vol**2 - 0.5 * drift**2 * tau / vol**2)
    owed = np.abs(lower * np.exp(y) - strike)
    return math.exp(-rate * tau) * 0.5 * (high - low) * np.sum(weights * owed * density)


@pytest.mark.parametrize("call", [True, False])
def test_long_times_and_strikes_outside_the_corridor(call):
    for strike, (lower, upper), tau, vol in itertools.product(
        (60.0, 100.0, 150.0), ((80.0, 125.0), (97.0, 140.0)), (0.1, 1.0, 5.0), (0.1, 0.3)
    ):
        claim = DoubleBarrierOption(strike, lower, upper, tau, call=call, knock_in=False)
        ours = float(price(DoubleBarrierFormula(vol=vol, rate=0.03), claim))
        expected = by_quadrature(call, strike, lower, upper, tau, vol, 0.03)
        assert ours == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_a_far_barrier_leaves_the_single_one_and_two_leave_the_option():
    arguments = {"vol": 0.25, "rate": 0.03, "dividend": 0.01}
    pricer = DoubleBarrierFormula(**arguments)
    one = DoubleBarrierOption(100.0, 88.0, 1e4, 0.5, call=False, knock_in=False)
    single = BarrierOption(100.0, 88.0, 0.5, call=False, up=False, knock_in=False)
    expected = float(price(BarrierFormula(**arguments), single))
    assert float(price(pricer, one)) == pytest.approx(expected, rel=1e-11)
    none = DoubleBarrierOption(100.0, 1.0, 1e4, 0.5, call=True, knock_in=False)
    vanilla = float(price(BlackScholesFormula(**arguments), Call(100.0, 0.5)))
    assert float(price(pricer, none)) == pytest.approx(vanilla, rel=1e-11)


@pytest.mark.slow
def test_in_and_out_are_the_option_and_a_hit_decides():
    pricer, put = DoubleBarrierFormula(vol=0.3, rate=0.02), Put(105.0, 1.0)
    inside, out = (
        DoubleBarrierOption(105.0, 85.0, 120.0, 1.0, call=False, knock_in=k) for k in (True, False)
    )
    vanilla = float(price(BlackScholesFormula(vol=0.3, rate=0.02), put))
    assert float(price(pricer, inside) + price(pricer, out)) == pytest.approx(vanilla, rel=1e-12)
    hit = dataclasses.replace(NOW, progress=jnp.asarray([0.99]))
    assert float(pricer.price(out, hit)) == 0.0
    assert float(pricer.price(inside, hit)) == pytest.approx(vanilla, rel=1e-12)


@pytest.mark.slow
def test_greeks_are_finite_at_every_extreme():
    claim = DoubleBarrierOption(100.0, 80.0, 125.0, 1.0, call=True, knock_in=False)

    @jax.jit
    def all_greeks(spot, vol, maturity):
        now = dataclasses.replace(NOW, prices=spot[None])
        pricer = DoubleBarrierFormula(vol=vol, rate=0.02)
        own = dataclasses.replace(claim, maturity=maturity)
        return greeks(pricer, own, now, ("delta", "gamma", "vega", "theta", "volga"))

    stressed = [(0.0, 0.25), (0.2, 0.0), (0.2, 1e-8), (3.0, 30.0), (0.01, 1 / 365), (1e-3, 30.0)]
    for spot, (vol, maturity) in itertools.product((20.0, 80.0, 100.0, 500.0), stressed):
        found = all_greeks(*(jnp.asarray(x) for x in (spot, vol, maturity)))
        for name, value in found.items():
            assert np.isfinite(float(value)), (name, spot, vol, maturity)
