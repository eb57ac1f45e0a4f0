"""Options, futures and variance swaps as columns of a market."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, Forward, Put, VarianceSwap
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston, Historical, Merton, simulate
from deephedge.numerics.draws import antithetic
from deephedge.policies import StaticHedge
from deephedge.pricing import (
    BlackScholesFormula,
    Held,
    Listed,
    ListedModel,
    QuotedBlackScholes,
    Rolled,
    RolledFuture,
    RolledVariance,
    listed_market,
)
from deephedge.rollout import HedgingProblem, rollout

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.03, dividend=0.01)
FLAT = BlackScholes(spot=100.0, vol=0.2)
CALL = Held(Call(strike=105.0, maturity=0.25))
SHORT = Held(Put(strike=95.0, maturity=0.125))
ROLLED = Rolled(moneyness=1.02, tenor=0.125, every=0.0625)
AT_EXPIRY = Rolled(moneyness=0.95, tenor=0.125, every=0.125, put=True)
FUTURE = RolledFuture(tenor=0.1)
FORWARD = Held(Forward(strike=100.0, maturity=0.25))
EVERY = (CALL, SHORT, ROLLED, AT_EXPIRY, FUTURE, FORWARD)
TIMES = jnp.asarray(np.linspace(0.0, 0.5, 9))
ALL = ListedModel(MARKET, EVERY)
"""Columns 1 to 6 in the order of `EVERY`."""


@eqx.filter_jit
def drawn(market, n_paths):
    return simulate(market, TIMES, n_paths, key=jax.random.key(3), draws=antithetic)


def deviations_from_a_martingale(paths, column):
    """The mean gain of one unit over each step, in standard errors, and the largest error."""
    value = np.asarray(paths.discount * paths.prices[..., column])
    shares = np.asarray(paths.accrual[..., column])
    gains = value[:, 1:] * shares[:, 1:] / shares[:, :-1] - value[:, :-1]
    pairs = gains.reshape(-1, 2, gains.shape[1]).mean(1)
    error = pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))
    return np.abs(pairs.mean(0)) / (error + 1e-12), error.max()


def one_path(market, seed=0):
    normals = jax.random.normal(jax.random.key(seed), (8, market.normals_per_step))
    return market.path(TIMES, normals)


@pytest.fixture(scope="module")
def paths():
    return drawn(ALL, 4096)


def test_discounted_values_with_accrual_are_martingales(paths):
    for column in range(1, 7):
        deviations, error = deviations_from_a_martingale(paths, column)
        assert error < 0.1, column
        assert np.all(deviations < 4.0), (column, deviations)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "n_paths"), [(Heston.example(), 2048), (Merton.example(), 65_536)]
)
def test_they_are_in_other_models_too(model, n_paths):
    """Jumps are rare: of few paths the mean is not normal."""
    found = drawn(ListedModel(model, (CALL, ROLLED, AT_EXPIRY, FUTURE)), n_paths)
    for column in range(1, 5):
        deviations, error = deviations_from_a_martingale(found, column)
        assert error < 0.2, column
        assert np.all(deviations < 4.0), (column, deviations)


def test_at_expiry_a_held_claim_is_worth_its_payoff_and_then_is_cash(paths):
    spot, discount = np.asarray(paths.prices[..., 0]), np.asarray(paths.discount)
    for column, at, payoff in (
        (1, 4, np.maximum(spot[:, 4] - 105.0, 0.0)),
        (2, 2, np.maximum(95.0 - spot[:, 2], 0.0)),
        (6, 4, spot[:, 4] - 100.0),
    ):
        price = np.asarray(paths.prices[..., column])
        np.testing.assert_allclose(price[:, at], payoff, rtol=1e-12, atol=1e-12)
        after = price[:, at:] * discount[:, at:] / discount[:, at : at + 1]
        np.testing.assert_allclose(after, price[:, at : at + 1] + 0.0 * after, rtol=1e-12)


def test_a_roll_sells_the_old_option_and_buys_the_new(paths):
    formula, spot = BlackScholesFormula(vol=0.2, rate=0.03, dividend=0.01), paths.prices[0, :, 0]
    strike, expiry = paths.factors[0, :, 0], paths.factors[0, :, 1]
    np.testing.assert_allclose(strike, 1.02 * spot, rtol=1e-12)
    np.testing.assert_allclose(expiry, TIMES + 0.125, rtol=1e-12)
    now = jax.tree.map(lambda x: x[0], paths).at(3)
    old = formula.price(Call(strike=strike[2], maturity=expiry[2]), now)
    ratio = paths.accrual[0, 3, 3] / paths.accrual[0, 2, 3]
    np.testing.assert_allclose(ratio * paths.prices[0, 3, 3], old, rtol=1e-12)


@pytest.mark.slow
def test_a_future_gains_the_change_of_its_price():
    path = one_path(ALL)
    problem = HedgingProblem(
        ALL, Call(strike=100.0, maturity=0.5), NoCost(), TIMES, close_out=False
    )
    gains = rollout(problem, StaticHedge(jnp.zeros(7).at[5].set(1.0)), path).gains
    spot, expiry = path.prices[:, 0], path.factors[:, 4]
    forward = spot[1:] * jnp.exp(0.02 * (expiry[:-1] - TIMES[1:]))
    # Dates are 0.0625 apart: each future of 0.1 years is closed at the date before its expiry.
    open_still = TIMES[1:] <= expiry[:-1] + 1e-9
    change = jnp.where(open_still, forward - path.prices[:-1, 5], 0.0)
    np.testing.assert_allclose(gains, path.discount[1:] * change, rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_worthless_options_are_rolled_without_breaking_the_path():
    market = ListedModel(FLAT, (Rolled(0.5, tenor=0.0625, every=0.0625, put=True),))
    for dtype in (jnp.float32, jnp.float64):
        small = jax.tree.map(lambda x: x.astype(dtype), market)  # noqa: B023
        path = eqx.filter_jit(small.path)(TIMES.astype(dtype), jnp.ones((8, 1), dtype))
        ratio = np.asarray(path.accrual[1:, 1] / path.accrual[:-1, 1])
        assert path.prices.dtype == path.accrual.dtype == dtype
        assert np.all(np.isfinite(ratio))
        assert np.all(ratio >= 0.0)


@pytest.mark.slow
def test_a_variance_swap_is_marked_at_what_is_realised_and_expected():
    model = dataclasses.replace(Heston.example(), rate=jnp.asarray(0.0), dividend=jnp.asarray(0.0))
    swap = VarianceSwap(strike=0.04, maturity=0.25, notional=100.0)
    market = ListedModel(model, (swap,))
    path = one_path(market)
    returns = np.diff(np.log(np.asarray(path.prices[:, 0])))
    realised = np.concatenate([[0.0], np.cumsum(returns**2) / 0.25])
    tau = 0.25 - np.asarray(TIMES[:4])
    decay = -np.expm1(-1.5 * tau) / (1.5 * tau)
    to_come = 0.05 + (np.asarray(path.factors[:4, 0]) - 0.05) * decay
    expected = 100.0 * (realised[:4] + tau / 0.25 * to_come - 0.04)
    np.testing.assert_allclose(path.prices[:4, 1], expected, rtol=1e-12)
    np.testing.assert_allclose(path.prices[4:, 1], 100.0 * (realised[4] - 0.04), rtol=1e-12)
    np.testing.assert_allclose(path.factors[:, 1], realised, rtol=1e-12)


@pytest.mark.slow
def test_a_rolled_variance_pays_what_is_realised():
    """Held over its life with F put down, it ends as the sum of squared returns of that life."""
    model = dataclasses.replace(Heston.example(), rate=jnp.asarray(0.03))
    market = ListedModel(model, (RolledVariance(tenor=0.25),))
    task = HedgingProblem(market, Call(50.0, 0.5), NoCost(), TIMES, close_out=False)

    @eqx.filter_jit
    def run(normals):
        path = market.path(TIMES, normals)
        return path, rollout(task, StaticHedge(jnp.asarray([0.0, 1.0])), path).gains

    path, gains = run(jax.random.normal(jax.random.key(4), (8, 2)))
    price, discount = np.asarray(path.prices[:, 1]), np.asarray(path.discount)
    squares = np.diff(np.log(np.asarray(path.prices[:, 0]))) ** 2 / 0.25
    change = np.asarray(gains) / discount[1:]
    for start in (0, 4):
        variance = float(path.factors[start, 0])
        mean = 0.05 + (variance - 0.05) * -np.expm1(-1.5 * 0.25) / (1.5 * 0.25)
        np.testing.assert_allclose(price[start], mean, rtol=1e-12)
        ends = price[start] + np.sum(change[start : start + 4])
        np.testing.assert_allclose(ends, np.sum(squares[start : start + 4]), rtol=1e-10)
    np.testing.assert_allclose(path.factors[4, 1:], [0.5, 0.0], atol=1e-15)


@pytest.mark.slow
def test_recorded_markets_are_marked_at_the_quoted_volatility():
    market = Listed(Historical.example(), (ROLLED, CALL), QuotedBlackScholes())
    path = one_path(market)
    assert path.factors.shape == (9, 3)
    formula = BlackScholesFormula(vol=path.factors[2, 0])
    inner = market.assets_at(path.at(2))
    price = formula.price(Call(strike=path.factors[2, 1], maturity=path.factors[2, 2]), inner)
    np.testing.assert_allclose(path.prices[2, 1], price, rtol=1e-12)
    assert isinstance(listed_market(Historical.example(), (CALL,), QuotedBlackScholes()), Listed)
    assert isinstance(listed_market(MARKET, (CALL,)), ListedModel)


@pytest.mark.slow
def test_a_path_goes_on_from_any_date():
    swaps = (VarianceSwap(strike=0.04, maturity=0.25), RolledVariance(tenor=0.25))
    market = ListedModel(MARKET, (*EVERY, *swaps))
    normals = jax.random.normal(jax.random.key(1), (8, 1))

    @jax.jit
    def both(normals):
        whole = market.path(TIMES, normals)
        return whole, [market.at(whole.at(k)).path(TIMES[k:], normals[k:]) for k in (3, 5)]

    whole, later = both(normals)
    for k, rest in zip((3, 5), later, strict=True):
        np.testing.assert_allclose(rest.prices, whole.prices[k:], rtol=1e-12)
        np.testing.assert_allclose(rest.factors, whole.factors[k:], rtol=1e-12)
        np.testing.assert_allclose(
            rest.accrual[:, 1:] / rest.accrual[:1, 1:],
            whole.accrual[k:, 1:] / whole.accrual[k : k + 1, 1:],
            rtol=1e-12,
            atol=1e-60,  # what worthless options are sold for depends on how many rolls are left
        )


@pytest.mark.slow
def test_prices_have_the_slopes_of_the_formula_in_the_parameters():
    @jax.grad
    def slope(vol):
        model = dataclasses.replace(FLAT, vol=vol[None])
        return ListedModel(model, (CALL,)).start().prices[1]

    vega = jax.grad(lambda v: BlackScholesFormula(vol=v).price(CALL.claim, FLAT.start()))
    vol = jnp.asarray(0.2)
    np.testing.assert_allclose(slope(vol), vega(vol), rtol=1e-12)


def test_bad_instruments_are_refused():
    with pytest.raises(ValueError, match="claims or instruments"):
        Listed(MARKET, ())
    with pytest.raises(ValueError, match="`tenor` must be at least `every`"):
        Rolled(1.0, tenor=0.1, every=0.2)
    with pytest.raises(ValueError, match="QuotedBlackScholes"):
        Listed(Historical.example(), (CALL,))
