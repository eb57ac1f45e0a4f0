"""What claims pay, on paths drawn by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import (
    AsianCall,
    Call,
    DigitalCall,
    DigitalPut,
    EuropeanPortfolio,
    Forward,
    LookbackCall,
    Portfolio,
    Put,
    UpAndOutCall,
    call_spread,
    straddle,
)
from deephedge.markets import BlackScholes, Path, simulate
from deephedge.numerics.draws import antithetic
from deephedge.pricing import BlackScholesFormula


def path(prices, times=None) -> Path:
    prices = jnp.asarray(prices, dtype=float)
    n_dates = prices.shape[0]
    times = jnp.linspace(0.0, 1.0, n_dates) if times is None else jnp.asarray(times)
    ones = jnp.ones(n_dates)
    empty = jnp.zeros((n_dates, 0))
    return Path(times, prices[:, None], empty, ones, ones[:, None], empty)


UP_AND_DOWN = path([100.0, 130.0, 90.0, 110.0, 104.0])


@pytest.mark.parametrize(
    ("claim", "owed"),
    [
        (DigitalCall(103.0, 1.0), 1.0),
        (DigitalCall(104.0, 1.0), 0.0),
        (DigitalPut(105.0, 1.0), 1.0),
        (AsianCall(100.0, 1.0), (130 + 90 + 110 + 104) / 4 - 100),
        (LookbackCall(100.0, 1.0), 30.0),
        (UpAndOutCall(100.0, 130.5, 1.0), 4.0),
        (UpAndOutCall(100.0, 130.0, 1.0), 0.0),
        (call_spread(lower=100.0, upper=103.0, maturity=1.0), 3.0),
        (straddle(strike=110.0, maturity=1.0), 6.0),
        (Portfolio([LookbackCall(100.0, 1.0), AsianCall(100.0, 1.0)], [2.0, -1.0]), 51.5),
    ],
    ids=lambda x: type(x).__name__,
)
def test_payoffs(claim, owed):
    np.testing.assert_allclose(claim.payoff(UP_AND_DOWN), owed, rtol=1e-12)


def test_average_weighs_a_price_by_the_step_that_ends_there():
    uneven = path([100.0, 120.0, 80.0], times=[0.0, 0.75, 1.0])
    assert float(AsianCall(90.0, 1.0).payoff(uneven)) == pytest.approx(0.75 * 120 + 0.25 * 80 - 90)
    np.testing.assert_allclose(
        AsianCall(90.0, 1.0).progress(uneven)[:, 0], [0.0, 90.0, 110.0], rtol=1e-12
    )


def test_progress_is_what_it_says():
    highest = [100.0, 130.0, 130.0, 130.0, 130.0]
    np.testing.assert_array_equal(LookbackCall(1.0, 1.0).progress(UP_AND_DOWN)[:, 0], highest)
    both = Portfolio([UpAndOutCall(1.0, 2.0, 1.0), Call(1.0, 1.0), AsianCall(1.0, 1.0)], [1, 1, 1])
    progress = np.asarray(both.progress(UP_AND_DOWN))
    np.testing.assert_array_equal(progress[:, 0], highest)
    np.testing.assert_allclose(progress[:, 1], [0.0, 32.5, 55.0, 82.5, 108.5], rtol=1e-12)


def test_a_start_at_the_barrier_is_dead():
    assert float(UpAndOutCall(90.0, 100.0, 1.0).payoff(path([100.0, 95.0]))) == 0.0


def test_portfolios_of_portfolios():
    spread = call_spread(lower=100.0, upper=103.0, maturity=1.0)
    nested = Portfolio([Portfolio([LookbackCall(100.0, 1.0), spread], [1.0, 1.0]), spread], [1, 2])
    np.testing.assert_allclose(nested.payoff(UP_AND_DOWN), 30.0 + 3.0 + 2.0 * 3.0)
    assert nested.progress(UP_AND_DOWN).shape == (5, 1)


def test_a_portfolio_of_europeans_costs_what_its_parts_cost():
    pricer, now = BlackScholesFormula.example(), BlackScholes.example().start()
    parts = (Call(95.0, 0.5), Put(105.0, 0.5), DigitalCall(100.0, 0.5), Forward(99.0, 0.5))
    weights = [1.0, -2.0, 10.0, 0.5]
    whole = pricer.price(EuropeanPortfolio(claims=parts, weights=weights), now)
    apart = sum(w * float(pricer.price(c, now)) for w, c in zip(weights, parts, strict=True))
    np.testing.assert_allclose(whole, apart, rtol=1e-12)


def test_digital_parity_and_call_spread_limit():
    pricer, now = BlackScholesFormula.example(), BlackScholes.example().start()
    call, put = (pricer.price(c(101.0, 0.5), now) for c in (DigitalCall, DigitalPut))
    np.testing.assert_allclose(call + put, np.exp(-0.02 * 0.5), rtol=1e-12)
    width = 1e-4
    narrow = call_spread(lower=101.0 - width, upper=101.0 + width, maturity=0.5)
    np.testing.assert_allclose(pricer.price(narrow, now) / (2 * width), call, rtol=1e-6)


def test_ordering_of_values_on_every_path():
    """An average is at most the maximum; a barrier takes away; a spread is at most its width."""
    paths = simulate(BlackScholes.example(), jnp.linspace(0, 0.25, 9), 500, key=jax.random.key(2))

    def owed(claim):
        return np.asarray(jax.vmap(claim.payoff)(paths))

    lookback = owed(LookbackCall(100.0, 0.25))
    assert np.all(owed(AsianCall(100.0, 0.25)) <= lookback)
    assert np.all(owed(Call(100.0, 0.25)) <= lookback)
    assert np.all(owed(UpAndOutCall(100.0, 115.0, 0.25)) <= owed(Call(100.0, 0.25)))
    assert np.all(owed(call_spread(lower=100.0, upper=105.0, maturity=0.25)) <= 5.0)


def test_average_has_its_known_mean():
    """E A = (1/n) sum S e^{(r-q) t_k}: a call with a tiny strike is worth that less the strike."""
    market, times = BlackScholes.example(), jnp.linspace(0.0, 0.25, 6)
    paths = simulate(market, times, 20_000, key=jax.random.key(3), draws=antithetic)
    owed = np.asarray(jax.vmap(AsianCall(1e-3, 0.25).payoff)(paths)).reshape(-1, 2).mean(1)
    mean = np.mean(100.0 * np.exp(0.01 * np.asarray(times[1:]))) - 1e-3
    error = owed.std(ddof=1) / 100.0
    assert error < 0.01
    assert abs(owed.mean() - mean) < 4 * error


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: UpAndOutCall(100.0, 90.0, 1.0), "`barrier` must be above the strike 100, got 90."),
        (lambda: AsianCall(-1.0, 1.0), "`strike` must be positive, got -1.0"),
        (lambda: Portfolio([Call(1.0, 1.0)], [1.0, 2.0]), "got 2 weights for 1 claims"),
        (lambda: Portfolio([Call(1.0, 1.0), Put(1.0, 2.0)], [1, 1]), "mature at the same date"),
        (
            lambda: EuropeanPortfolio(
                claims=[Call(1.0, 1.0), Call(1.0, 1.0, 1)], weights=[1.0, 1.0]
            ),
            r"on one asset, got assets \[0, 1\]; use `Portfolio",
        ),
        (lambda: call_spread(lower=2.0, upper=1.0, maturity=1.0), "`lower` must be below"),
    ],
)
def test_bad_claims_are_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()
