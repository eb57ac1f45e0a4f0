"""A mixture's law is the mixture of its models' laws."""

import jax
import numpy as np
import pytest

from deephedge.markets import BlackScholes, Heston, Mixture, simulate
from deephedge.numerics.draws import antithetic


def test_each_path_is_that_of_one_of_the_models():
    """Models of known prices: those without risk show which was drawn, in the right share."""
    still = [BlackScholes(spot=100.0, vol=0.0, rate=rate) for rate in (0.0, 0.1)]
    mixture = Mixture(still, weights=[3.0, 1.0])
    times = jax.numpy.asarray([0.0, 0.5, 1.0])
    last = np.asarray(simulate(mixture, times, 4096, key=jax.random.key(0)).prices)[:, -1, 0]
    grown = np.isclose(last, 100.0 * np.exp(0.1), rtol=1e-12)
    assert np.all(grown | np.isclose(last, 100.0, rtol=1e-12))
    error = np.sqrt(0.25 * 0.75 / 4096)
    assert error < 0.01 and abs(np.mean(grown) - 0.25) < 4 * error


@pytest.mark.slow
def test_the_square_of_a_return_is_the_average_over_the_models():
    models = (BlackScholes(spot=100.0, vol=0.1), BlackScholes(spot=100.0, vol=0.3))
    times = jax.numpy.asarray([0.0, 0.1])
    mixture = Mixture(models, weights=[1.0, 3.0])
    paths = simulate(mixture, times, 65_536, key=jax.random.key(1), draws=antithetic)
    squares = np.diff(np.log(np.asarray(paths.prices)[:, :, 0]), axis=1)[:, 0] ** 2
    expected = sum(
        p * (v**2 * 0.1 + (0.5 * v**2 * 0.1) ** 2) for p, v in ((0.25, 0.1), (0.75, 0.3))
    )
    error = np.std(squares) / np.sqrt(len(squares) / 2)
    assert error < 1e-4 and abs(np.mean(squares) - expected) < 4 * error


def test_models_that_start_elsewhere_are_refused():
    with pytest.raises(ValueError, match="`markets` must start from the same prices"):
        Mixture((BlackScholes(spot=100.0, vol=0.1), BlackScholes(spot=90.0, vol=0.1)), [1.0, 1.0])
    with pytest.raises(ValueError, match="`weights` must have one number for each of the 1"):
        Mixture((Heston.example(),), weights=[1.0, 2.0])
