"""CEV paths have the law of the closed form, the mass at zero included."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, DigitalCall
from deephedge.markets import CEV, simulate
from deephedge.numerics.draws import antithetic
from deephedge.pricing import CEVFormula


def _final(model, horizon, n_steps, n_paths=32_768, seed=0):
    times = jnp.asarray(np.linspace(0.0, horizon, n_steps + 1))
    paths = simulate(model, times, n_paths, key=jax.random.key(seed), draws=antithetic)
    return np.asarray(paths.prices)[:, -1, 0]


def _estimate(payoff):
    pairs = np.asarray(payoff).reshape(-1, 2).mean(axis=1)
    return pairs.mean(), pairs.std(ddof=1) / np.sqrt(pairs.size)


@pytest.mark.slow
@pytest.mark.parametrize("exponent", [0.0, 0.5, 0.9])
@pytest.mark.parametrize(("horizon", "n_steps"), [(1 / 252, 1), (1 / 12, 10), (1.0, 64)])
def test_calls_cost_what_the_formula_says(exponent, horizon, n_steps):
    scale = 0.25 * 100.0 ** (1.0 - exponent)
    model = CEV(spot=100.0, scale=scale, exponent=exponent, rate=0.02, dividend=0.01)
    final = _final(model, horizon, n_steps)
    for moneyness in (-1.0, 0.0, 1.0):
        strike = 100.0 * np.exp(0.25 * moneyness * horizon**0.5)
        claim = Call(strike=strike, maturity=horizon)
        mean, error = _estimate(np.exp(-0.02 * horizon) * np.maximum(final - strike, 0.0))
        assert error < 0.08
        assert abs(mean - float(CEVFormula(model).price(claim, model.start()))) < 4.0 * error


@pytest.mark.slow
def test_mass_at_zero_is_that_of_the_law_and_stays():
    """A third of the paths is absorbed within four years."""
    model = CEV(spot=1.0, scale=0.5, exponent=0.0)
    claim = DigitalCall(strike=1e-9, maturity=4.0)
    alive = float(CEVFormula(model).price(claim, model.start()))
    assert 0.6 < alive < 0.7
    times = jnp.asarray(np.linspace(0.0, 4.0, 1025))
    paths = simulate(model, times, 4096, key=jax.random.key(3))
    prices = np.asarray(paths.prices)[:, :, 0]
    share = (prices[:, -1] > 1e-9).mean()
    assert abs(share - alive) < 4.0 * np.sqrt(alive * (1.0 - alive) / 4096)
    dead = prices[:, 512] < 1e-12
    assert dead.mean() > 0.1
    assert np.all(prices[dead, -1] < 1e-9)


def test_a_model_without_volatility_grows_at_its_drift():
    model = CEV(spot=100.0, scale=0.0, exponent=0.5, rate=0.05, drift=0.1)
    np.testing.assert_allclose(_final(model, 1.0, 4, 8), 100.0 * np.exp(0.1), rtol=1e-12)


@pytest.mark.slow
def test_scheme_has_weak_order_one():
    """Twice the steps, half the bias: of the second moment of a price that starts at 1."""
    model = CEV(spot=1.0, scale=0.5, exponent=0.5)
    exact = 1.0 + 0.25
    bias, errors = [], []
    for n_steps in (1, 2, 4):
        mean, error = _estimate(_final(model, 1.0, n_steps, 2**20) ** 2)
        bias.append(mean - exact)
        errors.append(error)
    assert max(errors) < 1.5e-3
    for once, twice, error in zip(bias[:-1], bias[1:], errors[1:], strict=True):
        assert abs(once - 2.0 * twice) < 4.0 * 2.5 * error


@pytest.mark.parametrize("exponent", [1.0, -1.0, 2.0])
def test_exponents_outside_the_range_are_refused(exponent):
    with pytest.raises(ValueError, match="`exponent` must be between -1 and 1"):
        CEV(spot=100.0, scale=0.2, exponent=exponent)
