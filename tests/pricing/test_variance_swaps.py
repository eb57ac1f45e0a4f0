"""Variance swaps: exact expectations, the replication with options, and simulation."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm

from deephedge.claims import (
    CorridorVarianceSwap,
    VarianceSwap,
    VolatilitySwap,
)
from deephedge.markets import Bates, BlackScholes, Heston, Kou, Merton, VarianceGamma
from deephedge.pricing import MonteCarlo, VarianceSwapFormula

MARKET = BlackScholes(spot=100.0, vol=0.3, rate=0.05, dividend=0.01)


def test_dates_add_the_square_of_the_drift():
    """E of the sum of squared returns is vol^2 T + (r - q - vol^2/2)^2 T^2/n."""
    n, maturity = 8, 0.5
    claim = VarianceSwap(0.08, maturity, notional=100.0)
    monte_carlo = MonteCarlo(MARKET, n_paths=20_000, n_steps=n, key=jax.random.key(1))
    value, error = eqx.filter_jit(monte_carlo.estimate)(claim, MARKET.start())
    extra = (0.05 - 0.01 - 0.045) ** 2 * maturity / n
    expected = np.exp(-0.025) * 100.0 * (0.09 + extra - 0.08)
    assert float(error) < 0.05
    assert abs(float(value) - expected) < 4 * float(error)
    formula = float(VarianceSwapFormula(MARKET).price(claim, MARKET.start()))
    assert formula == pytest.approx(np.exp(-0.025) * 100.0 * 0.01, rel=1e-12)


def test_the_fair_strike_under_heston():
    model, claim = Heston.example(), VarianceSwap(0.045, 1.0)
    fair = float(VarianceSwapFormula(model).fair_strike(claim, model.start()))
    expected = integrate.quad(lambda t: 0.05 + (0.04 - 0.05) * np.exp(-1.5 * t), 0.0, 1.0)[0]
    assert fair == pytest.approx(expected, rel=1e-12)
    # Minus twice the log contract replicates it: from the characteristic function's slope at 0.
    slope = jax.jvp(
        lambda u: jnp.imag(
            model.log_characteristic(
                jax.lax.complex(u, 0.0 * u), jnp.asarray(1.0), model.start().factors
            )
        ),
        (jnp.asarray(1e-6),),
        (jnp.asarray(1.0),),
    )[1]
    assert fair == pytest.approx(-2.0 * float(slope), rel=1e-7)


@pytest.mark.slow
def test_simulated_heston_realises_it():
    model, claim = Heston.example(), VarianceSwap(0.04, 1.0, notional=100.0)
    monte_carlo = MonteCarlo(model, n_paths=8_000, n_steps=50, key=jax.random.key(4))
    value, error = monte_carlo.estimate(claim, model.start())
    formula = float(VarianceSwapFormula(model).price(claim, model.start()))
    assert float(error) < 0.05
    # Of dates, 50 a year: the square of the drift and its covariance with variance, 1e-2 here.
    assert abs(float(value) - formula) < 4 * float(error) + 0.01


@pytest.mark.parametrize("model", [Merton.example(), Kou.example()])
def test_jumps_add_their_squares(model):
    """The variance of the log-return of a model of independent increments, a year."""

    def cumulants(u):
        v = model.log_characteristic(jax.lax.complex(u, 0.0 * u), jnp.asarray(1.0), jnp.zeros(0))
        return jnp.real(v)

    variance = -jax.jit(jax.grad(jax.grad(cumulants)))(jnp.asarray(0.0))
    fair = VarianceSwapFormula(model).fair_strike(VarianceSwap(0.0, 0.5), model.start())
    assert float(fair) == pytest.approx(float(variance), rel=1e-12)


def test_bates_has_the_variance_of_heston_and_the_jumps_of_merton():
    bates, claim = Bates.example(), VarianceSwap(0.0, 0.5)
    heston = {f.name: vars(bates)[f.name] for f in dataclasses.fields(Heston)}
    found = [
        float(VarianceSwapFormula(m).fair_strike(claim, bates.start()))
        for m in (bates, Heston(**heston))
    ]
    jumps = float(bates.intensity * (bates.jump_mean**2 + bates.jump_vol**2))
    assert found[0] - found[1] == pytest.approx(jumps, rel=1e-12)


def test_what_is_realised_stays():
    now = dataclasses.replace(
        MARKET.start(),
        time=jnp.asarray(0.5),
        progress=jnp.asarray([0.06]),
        discount=jnp.asarray(0.9),
    )
    price = VarianceSwapFormula(MARKET).price(VarianceSwap(0.05, 1.0), now)
    assert float(price) == pytest.approx(np.exp(-0.025) * (0.06 + 0.5 * 0.09 - 0.05), rel=1e-12)
    ended = dataclasses.replace(now, time=jnp.asarray(1.0))
    price = VarianceSwapFormula(MARKET).price(VolatilitySwap(0.05, 1.0), ended)
    assert float(price) == pytest.approx(np.sqrt(0.06) - 0.05, rel=1e-12)


@pytest.mark.parametrize("bounds", [(90.0, 110.0), (100.0, 300.0), (20.0, 60.0)])
def test_the_corridor_by_adaptive_quadrature(bounds):
    def inside(t):
        z = (np.log(np.array(bounds) / 100.0) - (0.04 - 0.045) * t) / (0.3 * np.sqrt(t))
        return norm.cdf(z[1]) - norm.cdf(z[0])

    share = 2 * integrate.quad(lambda u: u * inside(u * u), 0.0, 1.0, epsabs=1e-13, limit=200)[0]
    claim = CorridorVarianceSwap(0.0, *bounds, 1.0)
    fair = float(VarianceSwapFormula(MARKET).fair_strike(claim, MARKET.start()))
    assert fair == pytest.approx(0.09 * share, rel=1e-8, abs=1e-12)


def test_corridors_add_up_to_the_whole_and_simulation_agrees():
    pricer, now = VarianceSwapFormula(MARKET), MARKET.start()
    cuts = (0.0, 80.0, 101.0, 1e9)
    parts = sum(
        float(pricer.fair_strike(CorridorVarianceSwap(0.0, low, high, 1.0), now))
        for low, high in itertools.pairwise(cuts)
    )
    assert parts == pytest.approx(0.09, rel=1e-9)
    claim = CorridorVarianceSwap(0.0, 90.0, 115.0, 1.0, notional=100.0)
    monte_carlo = MonteCarlo(MARKET, n_paths=8_000, n_steps=200, key=jax.random.key(6))
    value, error = monte_carlo.estimate(claim, now)
    assert float(error) < 0.05
    # Returns are weighed at the start of a step: of 200, the first counts whole, 1/400 too much.
    bias = 100.0 * 0.09 / 400
    assert abs(float(value) - float(pricer.price(claim, now))) < 4 * float(error) + bias


def test_a_model_without_a_formula_is_refused():
    with pytest.raises(ValueError, match="Merton, Kou or Bates, got VarianceGamma"):
        VarianceSwapFormula(VarianceGamma.example())
    heston = VarianceSwapFormula(Heston.example())
    with pytest.raises(TypeError, match="got VolatilitySwap; use `MonteCarlo"):
        heston.price(VolatilitySwap(0.2, 1.0), heston.model.start())
