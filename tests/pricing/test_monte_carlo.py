"""The Monte Carlo pricer against the closed form: prices, Greeks and their standard errors."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, EuropeanPortfolio, Forward, Put
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic, pseudo, sobol
from deephedge.pricing import BlackScholesFormula, MonteCarlo, greeks

MODEL = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01)
FORMULA = BlackScholesFormula(vol=0.2, rate=0.02, dividend=0.01)
NOW = MODEL.start()
CALL = Call(strike=105.0, maturity=0.5)
BOUNDS = {
    "delta": 3e-3,
    "gamma": 8e-4,
    "vega": 0.3,
    "theta": 0.1,
    "rho": 0.2,
    "vanna": 0.1,
    "volga": 12.0,
    "charm": 0.02,
}


def _monte_carlo(n_steps, n_paths=40_000, draws=antithetic, **options):
    return MonteCarlo(
        MODEL, n_paths=n_paths, n_steps=n_steps, key=jax.random.key(3), draws=draws, **options
    )


@pytest.mark.parametrize("n_steps", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5))])
@pytest.mark.parametrize("kind", [Call, pytest.param(Put, marks=pytest.mark.slow)])
def test_price_is_the_closed_form(kind, n_steps):
    claim = kind(strike=105.0, maturity=0.5)
    for draws in (antithetic, pseudo):
        value, error = eqx.filter_jit(_monte_carlo(n_steps, draws=draws).estimate)(claim, NOW)
        assert error < 0.06
        assert abs(value - FORMULA.price(claim, NOW)) < 4 * error


@pytest.mark.slow
@pytest.mark.parametrize("n_steps", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_greeks_of_both_orders_are_those_of_the_closed_form(n_steps):
    estimates = eqx.filter_jit(_monte_carlo(n_steps).estimate_greeks)(CALL, NOW, tuple(BOUNDS))
    exact = greeks(FORMULA, CALL, NOW, tuple(BOUNDS))
    for name, (value, error) in estimates.items():
        assert 0 < error < BOUNDS[name], (name, error)
        assert abs(value - exact[name]) < 4 * error, name


@pytest.mark.slow
def test_greeks_by_grad_of_the_price_are_the_means_of_those_per_path():
    monte_carlo = _monte_carlo(2, n_paths=1000, batch_size=300)
    names = ("delta", "gamma", "speed")
    estimates = eqx.filter_jit(monte_carlo.estimate_greeks)(CALL, NOW, names)
    derivatives = eqx.filter_jit(lambda m: greeks(m, CALL, NOW, names))(monte_carlo)
    for name in names:
        np.testing.assert_allclose(derivatives[name], estimates[name][0], rtol=1e-10)


@pytest.mark.slow
def test_gamma_of_a_spread_and_third_derivatives():
    strikes = [Call(strike=k, maturity=0.5) for k in (95.0, 110.0)]
    spread = EuropeanPortfolio(claims=strikes, weights=[1.0, -1.0])
    estimates = eqx.filter_jit(_monte_carlo(1).estimate_greeks)(spread, NOW, ("gamma", "speed"))
    for name, bound in (("gamma", 3e-4), ("speed", 5e-5)):
        long, short = (greeks(FORMULA, c, NOW, (name,))[name] for c in strikes)
        value, error = estimates[name]
        assert error < bound
        assert abs(value - (long - short)) < 4 * error


@pytest.mark.slow
def test_antithetic_pairs_count_as_one_draw():
    # The standard error of a forward by pairs must be far below that of as many single paths,
    # and that of the call must match the spread of independent repetitions.
    forward = Forward(strike=100.0, maturity=0.5)
    paired, single = (
        eqx.filter_jit(_monte_carlo(1, n_paths=20_000, draws=draws).estimate)(forward, NOW)[1]
        for draws in (antithetic, pseudo)
    )
    assert paired < 0.2 * single

    @jax.jit
    @jax.vmap
    def repeat(key):
        return MonteCarlo(MODEL, n_paths=500, n_steps=1, key=key).estimate(CALL, NOW)

    values, errors = repeat(jax.random.split(jax.random.key(4), 400))
    # The standard deviation of 400 values is known to 1 part in sqrt(800).
    assert abs(np.std(values) / np.sqrt(np.mean(errors**2)) - 1.0) < 4 / 800**0.5


@pytest.mark.slow
def test_batches_do_not_change_the_price():
    whole = _monte_carlo(3, n_paths=1000).price(CALL, NOW)
    parts = _monte_carlo(3, n_paths=1000, batch_size=64).price(CALL, NOW)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_sobol_draws_are_close():
    value = _monte_carlo(2, n_paths=4096, draws=sobol).price(CALL, NOW)
    np.testing.assert_allclose(value, FORMULA.price(CALL, NOW), rtol=2e-3)


@pytest.mark.slow
def test_restarts_in_mid_life_in_cash_of_that_date():
    later = dataclasses.replace(
        NOW, time=jnp.asarray(0.3), prices=jnp.asarray([112.0]), discount=jnp.exp(-0.02 * 0.3)
    )
    value, error = _monte_carlo(2).estimate(CALL, later)
    assert error < 0.06
    assert abs(value - FORMULA.price(CALL, later)) < 4 * error


@pytest.mark.slow
def test_finite_at_expiry_and_without_volatility():
    still = MonteCarlo(
        BlackScholes(spot=100.0, vol=0.0), n_paths=8, n_steps=2, key=jax.random.key(0)
    )
    ended = dataclasses.replace(NOW, time=jnp.asarray(0.5), prices=jnp.asarray([111.0]))
    for pricer, now in ((still, NOW), (_monte_carlo(2, n_paths=8), ended)):
        values = eqx.filter_jit(greeks)(pricer, CALL, now, tuple(BOUNDS))
        assert all(np.isfinite(v) for v in values.values()), values
    assert _monte_carlo(2, n_paths=8).price(CALL, ended) == 6.0


@pytest.mark.slow
def test_two_correlated_assets():
    model = BlackScholes(
        spot=[100.0, 90.0], vol=[0.2, 0.3], rate=0.02, correlation=[[1.0, 0.6], [0.6, 1.0]]
    )
    monte_carlo = MonteCarlo(model, n_paths=40_000, n_steps=1, key=jax.random.key(5))
    claim, now = Call(strike=95.0, maturity=0.5, asset=1), model.start()
    names = ("delta", "gamma")
    estimates = eqx.filter_jit(lambda: monte_carlo.estimate_greeks(claim, now, names, asset=1))()
    exact = greeks(BlackScholesFormula(vol=0.3, rate=0.02), claim, now, names, asset=1)
    for name in names:
        value, error = estimates[name]
        assert abs(value - exact[name]) < 4 * error, name
        assert error < BOUNDS[name]


def test_bad_sizes_are_refused_with_the_cure():
    with pytest.raises(ValueError, match="pass `n_paths=102`"):
        _monte_carlo(1, n_paths=101)
    with pytest.raises(ValueError, match="`n_steps` must be at least 1"):
        _monte_carlo(0)
