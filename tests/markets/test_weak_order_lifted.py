"""What the lifted Heston model's steps leave of error, from a day to five years."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_simulators import _cumulants

from deephedge.claims import Call
from deephedge.markets import LiftedHeston, simulate
from deephedge.numerics.draws import sobol
from deephedge.pricing import Fourier

MODEL = LiftedHeston.example()
REPEATS = 16


def _against_the_law(years, n_steps):
    """Relative errors of E[X], Var[X] and the call at 100, and their standard errors."""
    mean, variance = _cumulants(MODEL, years)
    call = Call(strike=jnp.asarray(100.0), maturity=jnp.asarray(years))
    price = float(eqx.filter_jit(Fourier(MODEL).price)(call, MODEL.start()))
    times = jnp.linspace(0.0, years, n_steps + 1)

    def repeat(key):
        final = np.asarray(simulate(MODEL, times, 2**14, key=key, draws=sobol).prices[:, -1, 0])
        log_return = np.log(final / 100.0) - 0.01 * years
        gain = np.expm1(log_return)  # of mean 0: the control

        def controlled(values):
            return np.mean(values - np.cov(values, gain)[0, 1] / np.var(gain) * gain)

        payoff = np.exp(-0.02 * years) * np.maximum(final - 100.0, 0.0)
        return [
            controlled(log_return) / mean - 1.0,
            controlled((log_return - mean) ** 2) / variance - 1.0,
            controlled(payoff) / price - 1.0,
        ]

    found = np.array([repeat(key) for key in jax.random.split(jax.random.key(3), REPEATS)])
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(REPEATS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("years", "bounds"),
    [
        (1 / 365, {1: 0.003, 4: 0.001}),
        (1 / 12, {1: 0.010, 4: 0.006}),
        (1.0, {1: 0.019, 4: 0.009, 16: 0.002}),
        (5.0, {1: 0.058, 4: 0.012, 16: 0.003}),
    ],
)
def test_lifted_steps_leave_little_from_a_day_to_five_years(years, bounds):
    for n_steps, bound in bounds.items():
        errors, noise = _against_the_law(years, n_steps)
        assert np.all(noise < 0.004), noise
        assert np.all(np.abs(errors) < bound + 4.0 * noise), (n_steps, errors, noise)


@pytest.mark.slow
def test_four_times_the_steps_of_five_years_leave_a_quarter_of_the_error():
    (_, coarse, _), (_, coarse_noise, _) = _against_the_law(5.0, 1)
    (_, fine, _), (_, fine_noise, _) = _against_the_law(5.0, 4)
    order = 0.5 * np.log2(coarse / fine)
    error = 0.5 / np.log(2.0) * np.hypot(coarse_noise / coarse, fine_noise / fine)
    assert error < 0.1
    assert abs(order - 1.2) < 4.0 * error
