import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.backtest import (
    Periods,
    best_of_many,
    block_draws,
    block_weights,
    deflated_sharpe,
    expected_best_sharpe,
    hedge_effectiveness,
    implementation_shortfall,
    performance,
    performance_intervals,
    probabilistic_sharpe,
    sharpe_moments,
)

N, HORIZON = 600, 21


def record(seed=0, n=N, half=0.5):
    """A strategy that holds half of a benchmark and half in cash, at a small cost."""
    moves = 0.01 * np.random.default_rng(seed).standard_normal(n) + 0.0005
    cash = np.full(n, 1.0001)
    growth = half * (1 + moves) + (1 - half) * cash - 0.0001
    return Periods(
        growth=jnp.asarray(growth),
        benchmark=jnp.asarray(1 + moves),
        cash=jnp.asarray(cash),
        turnover=jnp.full(n, 0.02),
        cost=jnp.full(n, 0.0001),
    )


@pytest.fixture(scope="module")
def judged():
    return record(), performance(record(), floor=0.98, horizon=HORIZON)


def test_the_numbers_are_those_of_a_plain_loop(judged):
    sample, found = judged
    growth, bench = np.asarray(sample.growth), np.asarray(sample.benchmark)
    wealth, bought = np.cumprod(np.append(1.0, growth)), np.cumprod(np.append(1.0, bench))
    deepest = max(1 - wealth[j] / max(wealth[: j + 1]) for j in range(N + 1))
    ends = np.array([wealth[i + HORIZON] / wealth[i] for i in range(N + 1 - HORIZON)])
    excess = growth - np.asarray(sample.cash)
    up = bench > 1
    years = N / 252
    expected = {
        "annual_return": wealth[-1] ** (1 / years) - 1,
        "volatility": np.std(growth, ddof=1) * np.sqrt(252),
        "sharpe": np.mean(excess) / np.std(excess, ddof=1) * np.sqrt(252),
        "sortino": np.mean(excess) * np.sqrt(252 / np.mean(np.minimum(excess, 0) ** 2)),
        "max_drawdown": deepest,
        "shortfall_frequency": np.mean(ends < 0.98),
        "shortfall": np.mean(0.98 - ends[ends < 0.98]),
        "worst": ends.min(),
        "low": np.quantile(ends, 0.2),
        "upside": np.log(growth[up]).sum() / np.log(bench[up]).sum(),
        "downside": np.log(growth[~up]).sum() / np.log(bench[~up]).sum(),
        "turnover": 0.02 * 252,
        "cost": 0.0001 * 252,
        "excess": wealth[-1] ** (1 / years) - bought[-1] ** (1 / years),
    }
    for name, value in expected.items():
        np.testing.assert_allclose(vars(found)[name], value, rtol=1e-10, err_msg=name)
    assert 0 < expected["shortfall_frequency"] < 1


def test_half_of_the_risk_taken_away_is_three_quarters_of_the_variance(judged):
    # var(b/2 + constant) = var(b)/4.
    np.testing.assert_allclose(judged[1].hedge_effectiveness, 0.75, rtol=1e-12)
    one = jnp.arange(5.0)
    np.testing.assert_allclose(hedge_effectiveness(0.0 * one, one), 1.0, rtol=1e-12)


def test_draws_and_weights_are_the_same_resamples():
    draws = block_draws(50, mean_block=5.0, n_resamples=20, seed=3)
    weights = block_weights(50, mean_block=5.0, n_resamples=20, seed=3)
    counts = np.stack([np.bincount(row, minlength=50) for row in draws])
    np.testing.assert_allclose(weights, counts / 50, rtol=1e-12)


@pytest.mark.slow
def test_the_interval_of_a_mean_is_the_textbook_one():
    sample = record(seed=5)
    draws = block_draws(N, mean_block=1.0, n_resamples=400, seed=1)
    found = performance_intervals(sample, draws, floor=0.98, horizon=HORIZON)
    # Independent periods: the log of 1 + annual return is 252 times a mean.
    error = 252 * np.std(np.log(np.asarray(sample.growth))) / np.sqrt(N)
    scaled = float(found["annual_return"].standard_error / (1 + found["annual_return"].value))
    assert scaled == pytest.approx(error, rel=4 / np.sqrt(2 * 400) + error**2)
    for name, interval in found.items():
        assert float(interval.low) <= float(interval.high), name
    assert float(found["turnover"].standard_error) < 1e-12


def test_slippage_is_what_execution_took(judged):
    paper = judged[0]
    real = Periods(**{**vars(paper), "growth": paper.growth * np.exp(-0.0002)})
    np.testing.assert_allclose(implementation_shortfall(paper, real), 252 * 0.0002, rtol=1e-10)


def test_some_periods_can_be_picked():
    sample = record()
    mask = np.arange(N) % 2 == 0
    np.testing.assert_array_equal(sample[mask].growth, np.asarray(sample.growth)[mask])


def test_deflated_sharpe_ratio_of_the_paper():
    # Bailey and López de Prado (2014), numerical example: annual Sharpe ratio 2.5 over 1250 days,
    # 100 independent trials whose annual ratios have variance 1/2, skewness -3, kurtosis 10.
    day = {"sharpe": 2.5 / np.sqrt(250), "n_periods": 1250, "variance": 0.5 / 250}
    fat = {"skewness": -3.0, "kurtosis": 10.0}
    assert float(expected_best_sharpe(100, 0.5 / 250)) == pytest.approx(0.1132, abs=5e-5)
    assert float(deflated_sharpe(n_trials=100, **day, **fat)) == pytest.approx(0.9004, abs=5e-5)
    assert float(deflated_sharpe(n_trials=46, **day, **fat)) == pytest.approx(0.9505, abs=5e-5)
    assert float(deflated_sharpe(n_trials=88, **day)) == pytest.approx(0.9505, abs=5e-5)


def test_probabilistic_sharpe_ratio_of_the_paper():
    # Bailey and López de Prado (2012): 24 months, monthly ratio 0.458.
    assert float(probabilistic_sharpe(0.458, 24)) == pytest.approx(0.982, abs=5e-4)
    fat = probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164)
    assert float(fat) == pytest.approx(0.913, abs=5e-4)


def test_the_best_of_many_worthless_strategies_is_as_good_as_the_formula_says():
    noise = np.random.default_rng(11).standard_normal((400, 20, 250))
    ratios = noise.mean(axis=2) / noise.std(axis=2)
    best = ratios.max(axis=1)
    error = best.std(ddof=1) / np.sqrt(400)
    assert error < 0.003
    # The formula is the limit for many trials; at 20 it is 0.2 % off a normal's expected maximum.
    assert abs(best.mean() - float(expected_best_sharpe(20, 1 / 250))) < 4 * error


def test_the_best_of_many_is_found_and_deflated():
    returns = 0.01 * np.random.default_rng(2).standard_normal((5, 500))
    returns[3] += 0.001
    best, ratios, confidence = best_of_many(jnp.asarray(returns))
    assert best == 3
    alone = probabilistic_sharpe(
        ratios[3], 500, skewness=sharpe_moments(jnp.asarray(returns[3]))[1]
    )
    assert 0 < float(confidence) < float(alone)


def test_too_few_are_refused():
    with pytest.raises(ValueError, match="`n_trials` must be at least 2"):
        expected_best_sharpe(1, 0.1)
    with pytest.raises(ValueError, match="`n_periods` must be at least 2"):
        probabilistic_sharpe(0.1, 1)
