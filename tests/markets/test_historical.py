import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import BasketCall
from deephedge.costs import NoCost
from deephedge.markets import Historical, simulate
from deephedge.numerics.draws import antithetic
from deephedge.policies import StaticHedge
from deephedge.rollout import HedgingProblem, sample

N_PATHS, N_STEPS = 20_000, 12
TIMES = jnp.linspace(0.0, N_STEPS / 252, N_STEPS + 1)


def record(n=60, **options):
    """Uneven returns; the factor is the number of the day."""
    random = np.random.default_rng(3)
    returns = 0.01 * random.standard_normal((n, 1)) + 0.002
    return Historical(returns=returns, factors=np.arange(float(n))[:, None], **options)


def days(market, n_paths=N_PATHS, seed=0, **options):
    paths = simulate(market, TIMES, n_paths, key=jax.random.key(seed), **options)
    return np.asarray(paths.factors[:, :, 0]).astype(int)


def within(values, truth, largest_error):
    """Within four standard errors of the truth, and the standard error small."""
    values = np.asarray(values)
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert error < largest_error
    assert abs(values.mean() - truth) < 4 * error


@pytest.mark.parametrize("mean_block", [1.0, 5.0, 40.0])
@pytest.mark.parametrize("date", [0, 1, 7, N_STEPS])
def test_every_day_is_equally_likely_at_every_date(mean_block, date):
    market = record(mean_block=mean_block)
    counts = np.bincount(days(market)[:, date], minlength=60)
    expected = N_PATHS / 60
    # Chi-squared with 59 degrees of freedom: mean 59, standard deviation 10.9.
    assert np.sum((counts - expected) ** 2 / expected) < 59 + 4 * math.sqrt(2 * 59)


def test_sampled_returns_have_the_law_of_the_record():
    market = record(mean_block=5.0, keep_drift=True)
    paths = simulate(market, TIMES, N_PATHS, key=jax.random.key(1))
    moves = np.diff(np.log(np.asarray(paths.prices[:, :, 0])), axis=1)
    truth = np.asarray(market.returns[:, 0])
    for step in (0, 5, N_STEPS - 1):
        within(moves[:, step], truth.mean(), 1e-4)
        within((moves[:, step] - truth.mean()) ** 2, truth.var(), 2e-6)


@pytest.mark.parametrize("mean_block", [2.0, 8.0])
def test_runs_end_with_probability_one_over_their_mean_length(mean_block):
    visited = days(record(mean_block=mean_block))
    goes_on = (visited[:, 1:] - visited[:, :-1]) % 60 == 1
    assert goes_on[:, 0].all()
    # A restart lands on the next day by chance once in 60.
    ends = 1 - goes_on[:, 1:].mean(axis=1)
    within(ends, (1 / mean_block) * (1 - 1 / 60), 3e-3)


def test_serial_dependence_lasts_as_long_as_the_runs():
    # Returns that alternate, +1 % and -1 %: the record's autocorrelation at lag j is (-1)^j, the
    # bootstrap's (1 - p)^j times that (Politis and Romano 1994, section 2).
    moves = 0.01 * (-1.0) ** np.arange(50)
    market = Historical(
        returns=moves[:, None], factors=np.zeros((50, 0)), mean_block=4.0, keep_drift=True
    )
    paths = simulate(market, TIMES, N_PATHS, key=jax.random.key(2))
    drawn = np.diff(np.log(np.asarray(paths.prices[:, :, 0])), axis=1)
    for lag in (1, 2, 3):
        products = drawn[:, 2] * drawn[:, 2 + lag] / 1e-4
        within(products, (-0.75) ** lag, 0.01)


def test_windows_are_consecutive_inside_the_record_and_equally_likely():
    visited = days(record(mean_block=math.inf))
    assert (np.diff(visited, axis=1) == 1).all()
    counts = np.bincount(visited[:, 0], minlength=60)
    n_windows = 60 - N_STEPS
    assert (counts[:n_windows] > 0).all()
    assert (counts[n_windows:] == 0).all()
    expected = N_PATHS / n_windows
    chi_squared = np.sum((counts[:n_windows] - expected) ** 2 / expected)
    assert chi_squared < n_windows - 1 + 4 * math.sqrt(2 * (n_windows - 1))


def test_no_look_ahead_the_return_into_a_day_comes_with_its_factors():
    market = record(mean_block=3.0, keep_drift=True)
    paths = simulate(market, TIMES, 200, key=jax.random.key(3))
    moves = np.diff(np.log(np.asarray(paths.prices[:, :, 0])), axis=1)
    visited = np.asarray(paths.factors[:, :, 0]).astype(int)
    np.testing.assert_allclose(moves, np.asarray(market.returns)[visited[:, 1:], 0], atol=1e-14)


@pytest.mark.parametrize("rate", [0.0, 0.05])
@pytest.mark.parametrize("date", [1, 6, N_STEPS])
def test_discounted_prices_are_martingales_when_days_are_independent(rate, date):
    market = record(mean_block=1.0, rate=rate)
    paths = simulate(market, TIMES, N_PATHS, key=jax.random.key(4))
    within(paths.discount[:, date] * paths.prices[:, date, 0], 100.0, 0.05)


@pytest.mark.slow
def test_the_mean_of_the_record_is_gone_exactly():
    # Every window of one step, one start each: the mean gross return is 1 but for rounding.
    market = record(mean_block=1.0)
    shares = jnp.asarray((np.arange(60) + 0.5) / 60)
    normals = jax.scipy.special.ndtri(shares)
    times = jnp.array([0.0, 1 / 252])
    gross = [market.path(times, jnp.array([[0.3, z]])).prices[1, 0] / 100 for z in normals]
    np.testing.assert_allclose(np.mean(gross), 1.0, rtol=1e-12)


def test_antithetic_paths_keep_the_marginal_law():
    counts = np.bincount(days(record(mean_block=5.0), draws=antithetic)[:, 9], minlength=60)
    expected = N_PATHS / 60
    assert np.sum((counts - expected) ** 2 / expected) < 59 + 8 * math.sqrt(2 * 59)


def test_assets_are_drawn_on_the_same_days():
    base = np.random.default_rng(5).standard_normal((80, 1)) * 0.01
    market = Historical(
        returns=np.hstack([base, 2 * base]),
        factors=np.zeros((80, 0)),
        mean_block=6.0,
        spot=[100.0, 50.0],
        keep_drift=True,
    )
    paths = simulate(market, TIMES, 50, key=jax.random.key(6))
    moves = np.log(np.asarray(paths.prices) / np.array([100.0, 50.0]))
    np.testing.assert_allclose(moves[:, :, 1], 2 * moves[:, :, 0], atol=1e-13)


def two_assets(**options):
    """Correlated days of two assets with different means, the second a day late in part."""
    random = np.random.default_rng(11)
    first = random.standard_normal(90)
    second = 0.6 * first + 0.5 * np.roll(first, 1) + 0.4 * random.standard_normal(90)
    returns = np.stack([0.01 * first + 0.003, 0.02 * second - 0.004], axis=1)
    return Historical(returns=returns, factors=np.zeros((90, 0)), spot=[100.0, 50.0], **options)


def drawn(market, seed):
    paths = simulate(market, TIMES, N_PATHS, key=jax.random.key(seed))
    return paths, np.diff(np.log(np.asarray(paths.prices)), axis=1)


@pytest.mark.parametrize("mean_block", [1.0, 6.0])
def test_the_correlation_between_assets_is_that_of_the_record_at_every_date(mean_block):
    market = two_assets(mean_block=mean_block)
    _, moves = drawn(market, 10)
    record = np.asarray(market.returns)
    record, moves = record - record.mean(axis=0), moves - moves.mean(axis=(0, 1))
    for step in (0, 5, N_STEPS - 1):
        within(moves[:, step, 0] * moves[:, step, 1], (record[:, 0] * record[:, 1]).mean(), 4e-6)
    # Across a day the run must go on: with probability 1 - 1/mean_block.
    late = (record[:, 0] * np.roll(record[:, 1], -1)).mean()
    within(moves[:, 4, 0] * moves[:, 5, 1], (1.0 - 1.0 / mean_block) * late, 4e-6)


def test_every_asset_loses_its_own_drift():
    market = two_assets(mean_block=1.0, rate=0.03)
    gross = np.exp(np.asarray(market.returns))
    paths, moves = drawn(market, 11)
    # Each day's return is that of the record less the asset's own constant.
    moved = np.log(gross.mean(axis=0)) - 0.03 / 252
    paired = np.asarray(market.returns) - moved
    nearest = np.abs(moves[:50, :, None, :] - paired[None, None]).max(axis=-1).min(axis=-1)
    assert nearest.max() < 1e-12
    np.testing.assert_allclose(np.exp(paired).mean(axis=0), np.exp(0.03 / 252), rtol=1e-12)
    for asset, bound in ((0, 0.05), (1, 0.1)):
        final = paths.discount[:, -1] * paths.prices[:, -1, asset]
        within(final, float(market.spot[asset]), bound)


@pytest.mark.slow
def test_a_basket_is_hedged_in_the_joint_record():
    claim = BasketCall(strike=100.0, weights=[0.5, 1.0], maturity=float(TIMES[-1]))
    problem = HedgingProblem(
        two_assets(mean_block=1.0), claim, NoCost(), TIMES, premium=3.0, close_out=False
    )
    ledger = sample(problem, StaticHedge(units=[0.25, 0.5]), N_PATHS, key=jax.random.key(12))
    # The assets earn nothing on average, whatever is held.
    within(np.sum(np.asarray(ledger.gains), axis=1), 0.0, 0.05)
    unhedged = np.asarray(ledger.premium - ledger.payoff)
    assert np.std(np.asarray(ledger.pnl)) < 0.7 * np.std(unhedged)


def test_the_dtype_is_that_of_the_inputs():
    market = jax.tree.map(lambda x: x.astype(jnp.float32), record(mean_block=5.0))
    path = simulate(market, TIMES.astype(jnp.float32), 3, key=jax.random.key(7))
    assert {x.dtype for x in jax.tree.leaves(path)} == {jnp.dtype("float32")}


def test_another_block_length_does_not_recompile():
    compiled = jax.jit(lambda market, normals: market.days(normals))
    normals = jax.random.normal(jax.random.key(8), (N_STEPS, 2))
    for mean_block in (1.0, 7.0, math.inf):
        compiled(record(mean_block=mean_block), normals)
    assert compiled._cache_size() == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean_block": 0.5}, "`mean_block` must be at least 1 day"),
        ({"mean_block": math.nan}, "`mean_block` must be at least 1 day"),
        ({"mean_block": 5.0, "spot": -1.0}, "`spot` must be positive"),
        ({"mean_block": 5.0, "spot": [1.0, 2.0]}, "`spot` must have one price per column"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        record(**options)


def test_rows_must_match_and_be_finite():
    with pytest.raises(ValueError, match="`factors` must have a row per row"):
        Historical(returns=np.zeros((5, 1)), factors=np.zeros((4, 1)), mean_block=2.0)
    with pytest.raises(ValueError, match="`returns` must be finite"):
        Historical(returns=np.full((5, 1), np.nan), factors=np.zeros((5, 1)), mean_block=2.0)


def test_a_path_must_fit_into_the_record():
    with pytest.raises(ValueError, match="more rows than a path has steps, 12, got 12"):
        simulate(record(n=12, mean_block=2.0), TIMES, 2, key=jax.random.key(9))
