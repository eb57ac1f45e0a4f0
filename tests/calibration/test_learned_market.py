"""A market learned from the S&P 500 has the stylised facts of the S&P 500."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.calibration import fit_conditional_flow, fit_garch, stylised_facts
from deephedge.data import sp500
from deephedge.markets import BlackScholes, simulate

DT = 1 / 252


def record():
    return sp500().column("close").to_numpy()


def simulated_facts(model, n_days, n_paths):
    """The facts of records as long as the real one, from the record's mean volatility on."""
    start = dataclasses.replace(
        model, vols=jnp.full_like(model.vols, model.level), trends=jnp.zeros_like(model.trends)
    )
    times = DT * jnp.arange(n_days + 1, dtype=float)
    paths = simulate(start, times, n_paths, key=jax.random.key(1))
    returns = jnp.diff(jnp.log(paths.prices[:, :, 0]), axis=1)
    facts = jax.vmap(stylised_facts)(returns)
    return {name: np.asarray(x) for name, x in facts.items()}


def test_a_random_walk_has_none_of_the_facts():
    times = DT * jnp.arange(5001, dtype=float)
    prices = simulate(BlackScholes(spot=1.0, vol=0.2), times, 20, key=jax.random.key(0)).prices
    facts = jax.vmap(stylised_facts)(jnp.diff(jnp.log(prices[:, :, 0]), axis=1))
    for name, values in facts.items():
        error = float(jnp.std(values)) / np.sqrt(20)
        assert error < 0.1, name
        assert abs(float(jnp.mean(values))) < 4.0 * error + 2e-3, name


def test_the_record_has_the_facts():
    facts = stylised_facts(jnp.diff(jnp.log(jnp.asarray(record()))))
    assert facts["excess_kurtosis"] > 5.0
    assert facts["excess_kurtosis_20"] < facts["excess_kurtosis"]
    assert abs(float(facts["autocorrelation"])) < 0.05
    assert facts["clustering_1"] > facts["clustering_20"] > facts["clustering_60"] > 0.1
    assert facts["leverage"] < -0.05


@pytest.mark.slow
def test_a_quickly_learned_market_has_the_facts():
    prices = record()[-2600:]
    learned = fit_conditional_flow(
        prices,
        dt=DT,
        key=jax.random.key(0),
        width=8,
        n_updates=100,
        signature_updates=0,
        learning_rate=0.02,
    )
    returns = np.diff(np.log(prices))
    gaussian = -0.5 * len(returns) * (np.log(2.0 * np.pi * np.var(returns)) + 1.0)
    assert learned.log_likelihood > gaussian + 500.0
    assert float(learned.model.spot) == prices[-1]
    facts = {k: np.median(x) for k, x in simulated_facts(learned.model, 2000, 20).items()}
    assert facts["excess_kurtosis"] > 2.0
    assert facts["excess_kurtosis_20"] < facts["excess_kurtosis"]
    assert abs(facts["autocorrelation"]) < 0.02
    assert facts["clustering_1"] > facts["clustering_20"] > facts["clustering_60"] > 0.03
    assert facts["leverage"] < -0.04


@pytest.mark.slow
def test_signatures_bring_stretches_nearer_and_likelihood_beats_garch():
    prices, key = record(), jax.random.key(0)
    by_likelihood = fit_conditional_flow(prices, dt=DT, key=key, signature_updates=0)
    by_both = fit_conditional_flow(prices, dt=DT, key=key)
    assert by_both.signature_score < 0.5 * by_likelihood.signature_score
    assert by_both.log_likelihood > by_likelihood.log_likelihood - 50.0
    assert by_both.log_likelihood > fit_garch(prices, dt=DT).log_likelihood + 300.0
    real = stylised_facts(jnp.diff(jnp.log(jnp.asarray(prices))))
    made = simulated_facts(by_both.model, len(prices) - 1, 100)
    # A martingale difference has no autocorrelation; the record's is -0.03.
    for name in set(real) - {"autocorrelation"}:
        low, high = np.quantile(made[name], [0.01, 0.99])
        assert low < float(real[name]) < high, name


def test_too_short_a_record_is_refused():
    with pytest.raises(ValueError, match="pass `stretch=15`"):
        fit_conditional_flow(record()[:31], dt=DT, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`prices` must move"):
        fit_conditional_flow(np.ones(100), dt=DT, key=jax.random.key(0))
