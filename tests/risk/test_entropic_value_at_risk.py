"""The worst law of a ball, against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.risk import EntropicValueAtRisk, ExpectedShortfall


@pytest.mark.parametrize("radius", [pytest.param(0.02, marks=pytest.mark.slow), 0.5])
def test_a_normal_law_moves_its_mean_by_a_multiple_of_its_deviation(radius):
    """Tilted by a relative entropy of eta, a normal law keeps its variance: -mean + sd root 2 eta.

    The weights are those of Gauss and Hermite's quadrature, exact for polynomials.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = jnp.asarray(weights / weights.sum())
    pnl = jnp.asarray(0.3 + 2.0 * nodes)
    measure = EntropicValueAtRisk(radius=radius)
    value = float(measure(pnl, weights))
    assert value == pytest.approx(-0.3 + 2.0 * np.sqrt(2 * radius), rel=1e-9)
    worst = measure.worst_weights(pnl, weights)
    assert float(-jnp.sum(worst * pnl)) == pytest.approx(value, rel=1e-9)
    entropy = jnp.sum(jnp.where(worst > 0, worst * jnp.log(worst / weights), 0.0))
    assert float(entropy) == pytest.approx(radius, rel=1e-9)


@pytest.mark.slow
def test_it_bounds_the_expected_shortfall_and_ends_at_the_worst_outcome():
    pnl = jnp.asarray(np.random.default_rng(0).normal(size=400))
    tail = 0.1
    bound = EntropicValueAtRisk(radius=-np.log(tail))(pnl)
    assert float(bound) > float(ExpectedShortfall(tail=tail)(pnl))
    # No law on 400 outcomes is further from equal weights than one outcome alone, log 400.
    np.testing.assert_allclose(EntropicValueAtRisk(radius=6.5)(pnl), -jnp.min(pnl), rtol=1e-12)
