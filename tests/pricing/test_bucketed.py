"""Vega by bucket, Greeks by any parameter, and gammas across assets."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import AsianCall, Call, ExchangeOption
from deephedge.markets import BlackScholes, Heston, VolTermStructure
from deephedge.pricing import (
    BlackScholesFormula,
    Fourier,
    MargrabeFormula,
    MonteCarlo,
    TermStructureFormula,
    bucketed_vega,
    cross_gamma,
    parameter_greeks,
    pricer_for,
    sensitivity,
)

ENDS, VOLS = np.array([1 / 12, 0.25, 0.5, 1.0]), np.array([0.35, 0.25, 0.22, 0.2])
MODEL = VolTermStructure(spot=100.0, buckets=ENDS, vol=VOLS, rate=0.02, dividend=0.01)
PRICER = TermStructureFormula(MODEL)
CALL = Call(strike=103.0, maturity=0.4)

_vega = eqx.filter_jit(bucketed_vega)


def _later(time):
    return dataclasses.replace(MODEL.start(), time=jnp.asarray(time))


def test_the_price_is_that_of_the_mean_variance_of_the_time_left():
    for time, spells in ((0.0, [1 / 12, 1 / 6, 0.15, 0.0]), (0.2, [0.0, 0.05, 0.15, 0.0])):
        mean = math.sqrt(np.dot(spells, VOLS**2) / (0.4 - time))
        flat = BlackScholesFormula(vol=mean, rate=0.02, dividend=0.01)
        np.testing.assert_allclose(
            PRICER.price(CALL, _later(time)), flat.price(CALL, _later(time)), rtol=1e-13
        )
    assert isinstance(pricer_for(MODEL, CALL), TermStructureFormula)


@pytest.mark.parametrize(("time", "maturity"), [(0.0, 0.4), (0.2, 0.4), (0.0, 3.0)])
def test_bucket_vegas_add_up_and_are_the_black_scholes_vega_by_the_chain_rule(time, maturity):
    claim, now = Call(strike=103.0, maturity=maturity), _later(time)
    vegas = np.asarray(_vega(PRICER, claim, now))
    parallel = sensitivity(PRICER, claim, now, "vol")
    np.testing.assert_allclose(vegas.sum(), parallel, rtol=1e-12)
    begin, end = np.append(0.0, ENDS[:-1]), np.append(ENDS[:-1], np.inf)
    spells = np.clip(maturity, begin, end) - np.clip(time, begin, end)
    tau = maturity - time
    mean = math.sqrt(np.dot(spells, VOLS**2) / tau)
    flat = BlackScholesFormula(vol=mean, rate=0.02, dividend=0.01)
    vega = float(sensitivity(flat, claim, now, "vol"))
    np.testing.assert_allclose(vegas, vega * VOLS * spells / (mean * tau), rtol=1e-11, atol=1e-13)


@pytest.mark.slow
def test_bucket_vegas_of_an_average_by_simulation():
    # Fixings before a shock do not feel it: early buckets move all of them, late ones few.
    claim = AsianCall(strike=100.0, maturity=0.5)
    pricer = MonteCarlo(MODEL, n_paths=4096, n_steps=12, key=jax.random.key(0))
    now = MODEL.start()
    vegas = np.asarray(_vega(pricer, claim, now))
    parallel = eqx.filter_jit(lambda p: sensitivity(p, claim, now, "vol"))(pricer)
    np.testing.assert_allclose(vegas.sum(), parallel, rtol=1e-10)
    per_year = vegas[:3] / np.diff(np.append(0.0, ENDS[:3]))
    assert per_year[0] > per_year[1] > per_year[2] > 0.0
    assert vegas[3] == 0.0


@pytest.mark.slow
def test_every_parameter_of_heston_against_differences():
    pricer, now = Fourier(Heston.example()), Heston.example().start()
    price = eqx.filter_jit(lambda p: p.price(CALL, now))
    found = eqx.filter_jit(parameter_greeks)(pricer, CALL, now).model
    for where in (
        lambda m: m.mean_reversion,
        lambda m: m.long_variance,
        lambda m: m.vol_of_variance,
        lambda m: m.correlation,
        lambda m: m.rate,
    ):
        moved = [
            Fourier(eqx.tree_at(where, pricer.model, replace=where(pricer.model) + h))
            for h in (1e-4, -1e-4)
        ]
        up, down = (price(p) for p in moved)
        np.testing.assert_allclose(where(found), (up - down) / 2e-4, rtol=2e-6, atol=1e-8)


@pytest.mark.slow
def test_cross_gammas_of_an_exchange_option_are_margrabes():
    pricer = MargrabeFormula(vol=[0.3, 0.2], correlation=[[1.0, 0.5], [0.5, 1.0]])
    now = BlackScholes(spot=[104.0, 98.0], vol=[0.3, 0.2]).start()
    gammas = np.asarray(cross_gamma(pricer, ExchangeOption(maturity=0.5), now))
    deviation = math.sqrt((0.09 + 0.04 - 0.06) * 0.5)
    d1 = math.log(104 / 98) / deviation + 0.5 * deviation
    density = math.exp(-0.5 * d1**2) / math.sqrt(2 * math.pi)
    own = density / (104 * deviation)
    # The price is homogeneous of degree 1: each row of second derivatives is 0 along the prices.
    exact = own * np.array([[1.0, -104 / 98], [-104 / 98, (104 / 98) ** 2]])
    np.testing.assert_allclose(gammas, exact, rtol=1e-12)


def test_models_without_buckets_and_bad_buckets_are_refused():
    with pytest.raises(TypeError, match="must hold a VolTermStructure, got BlackScholesFormula"):
        bucketed_vega(BlackScholesFormula(vol=0.2), CALL, MODEL.start())
    with pytest.raises(ValueError, match="`buckets` must increase"):
        VolTermStructure(spot=100.0, buckets=[1.0, 0.5], vol=[0.2, 0.2])
    with pytest.raises(ValueError, match="`vol` must have one value per bucket, 2, got 1"):
        VolTermStructure(spot=100.0, buckets=[0.5, 1.0], vol=0.2)
