"""The weak order of the lifted Heston model's steps, where v is cut off at 0: with noise, stated.

The mean of the log-return is minus half that of the integrated variance, which is simulated with
what the driver does of itself taken away. A coarse path has the fine one's normals, in pairs.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_simulators import _cumulants

from deephedge.markets import LiftedHeston

MODEL = LiftedHeston.example()
YEAR = 1.0


def _mean_and_controls(normals):
    """The log-return's drift on a path of the driver, and two of mean 0 that move with it."""
    n = normals.shape[0]
    dt = YEAR / n
    still = jnp.concatenate([jnp.zeros((n, 1)), normals], axis=1)
    path = MODEL.path(jnp.asarray(np.linspace(0.0, YEAR, n + 1)), still)
    v, rho2 = path.factors[:, 0], MODEL.correlation**2
    left, trapezoid = jnp.sum(v[:-1]) * dt, 0.5 * jnp.sum(v[:-1] + v[1:]) * dt
    mean = -0.5 * ((1.0 - rho2) * trapezoid + rho2 * left)
    log_return = jnp.log(path.prices[-1, 0] / MODEL.spot) - (MODEL.rate - MODEL.dividend) * YEAR
    moved = log_return - mean
    return jnp.stack([mean, moved, moved**2 - rho2 * left])


def _coarse_rest(dt):
    """Of the four normals of two steps, the sum that moves the new v beyond the coarse driver."""
    columns = [MODEL._noise(dt, jnp.asarray(z)) for z in ([1.0, 0.0], [0.0, 1.0])]
    late = jnp.stack(columns, axis=1)
    on_v = MODEL.weights @ jnp.append(jnp.exp(-MODEL.speeds * dt)[:, None] * late, late, axis=1)
    driver = jnp.asarray([1.0, 0.0, 1.0, 0.0]) / jnp.sqrt(2.0)
    rest = on_v - (on_v @ driver) * driver
    return rest / jnp.sqrt(rest @ rest)


@eqx.filter_jit
def _pairs(n_steps, keys):
    rest = _coarse_rest(jnp.asarray(YEAR / n_steps))

    def both(normals):
        two = normals.reshape(n_steps // 2, 4)
        driver = (two[:, 0] + two[:, 2]) / jnp.sqrt(2.0)
        coarse = jnp.stack([driver, two @ rest], axis=1)
        return jnp.stack([_mean_and_controls(normals), _mean_and_controls(coarse)])

    def one(key):
        z = jax.random.normal(key, (n_steps, 2))
        return 0.5 * (both(z) + both(-z))

    return jax.vmap(one)(keys)


def _estimate(values, controls):
    design = np.column_stack([np.ones(len(values)), controls])
    fitted = np.linalg.lstsq(design, values, rcond=None)[0]
    return fitted[0], np.std(values - design @ fitted) / np.sqrt(len(values))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_steps", "order", "relative"), [(16, 0.39, 0.098), (32, 0.45, 0.071), (64, 0.49, 0.051)]
)
def test_lifted_steps_of_a_year_settle_slowly(n_steps, order, relative):
    """The order between half of these steps and these, and the error that they leave."""
    exact, _ = _cumulants(MODEL, YEAR)
    found = np.asarray(_pairs(n_steps, jax.random.split(jax.random.key(3), 32_768)))
    fine, coarse = found[:, 0], found[:, 1]
    controls = np.append(fine[:, 1:], coarse[:, 1:], axis=1)
    gain, gain_error = _estimate(fine[:, 0] - coarse[:, 0], controls)
    mean, mean_error = _estimate(fine[:, 0], controls)
    left = exact - mean
    error = np.hypot(gain_error, mean_error * gain / left) / (left + gain) / np.log(2.0)
    assert error < 0.05 and mean_error < 2e-3 * abs(exact)
    assert abs(np.log2(1.0 + gain / left) - order) < 4.0 * abs(error)
    assert abs(abs(left / exact) - relative) < 4.0 * mean_error / abs(exact)
