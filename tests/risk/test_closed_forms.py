"""Risk measures against their closed forms under normal, exponential and Student t laws.

The laws are discretised: P&L at Gauss or quantile nodes, probabilities as weights.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize, special, stats

from deephedge.numerics.statistics import influence, standard_error
from deephedge.risk import (
    Entropic,
    ExpectedShortfall,
    Expectile,
    MeanStandardDeviation,
    MeanVariance,
    OptimisedCertaintyEquivalent,
    Quadratic,
    QuadraticUtility,
)

MEAN, STD = 0.7, 2.0
OCE = OptimisedCertaintyEquivalent(QuadraticUtility(aversion=0.5))
N_NODES = 200_001


def fine_law(law) -> tuple[jnp.ndarray, jnp.ndarray]:
    """P&L on a fine grid, each node with the exact probability of the cell around it."""
    # Nodes are quantiles that thin out geometrically towards both tails.
    logit = np.linspace(-34.0, 34.0, N_NODES)
    nodes = law.ppf(special.expit(logit)) if law.dist.name != "expon" else None
    if nodes is None:
        nodes = np.where(logit < 0, -np.log1p(-special.expit(logit)), -special.log_expit(-logit))
        nodes = nodes * law.std()
    middle = 0.5 * (nodes[1:] + nodes[:-1])
    below = np.concatenate([[0.0], law.cdf(middle), [1.0]])
    above = np.concatenate([[1.0], law.sf(middle), [0.0]])
    weights = np.where(logit < 0, np.diff(below), -np.diff(above))
    return jnp.asarray(nodes), jnp.asarray(weights)


NORMAL = stats.norm(MEAN, STD)
LOSS_EXPONENTIAL = stats.expon(scale=STD)
STUDENT = stats.t(5)


def expected(law, function) -> float:
    pnl, weights = (np.asarray(x) for x in fine_law(law))
    return float(np.sum(weights * function(pnl)))


@pytest.mark.parametrize("aversion", [0.1, 0.5, 1.0])
def test_entropic(aversion):
    pnl, weights = fine_law(NORMAL)
    closed = -MEAN + 0.5 * aversion * STD**2
    np.testing.assert_allclose(Entropic(aversion)(pnl, weights), closed, rtol=1e-6)
    gains, weights = fine_law(LOSS_EXPONENTIAL)
    closed = -np.log1p(aversion * STD) / aversion
    np.testing.assert_allclose(Entropic(aversion)(gains, weights), closed, rtol=1e-6)
    if aversion * STD < 0.9:
        closed = -np.log1p(-aversion * STD) / aversion
        np.testing.assert_allclose(Entropic(aversion)(-gains, weights), closed, rtol=1e-5)


@pytest.mark.parametrize("tail", [0.01, 0.05, 0.5, 0.95])
def test_expected_shortfall(tail):
    measure = ExpectedShortfall(tail)
    z = stats.norm.ppf(tail)
    closed = -MEAN + STD * stats.norm.pdf(z) / tail
    np.testing.assert_allclose(measure(*fine_law(NORMAL)), closed, rtol=1e-6)

    gains, weights = fine_law(LOSS_EXPONENTIAL)
    # The worst are the largest losses: an exponential has no memory.
    np.testing.assert_allclose(measure(-gains, weights), STD * (1 - np.log(tail)), rtol=1e-6)
    lower = STD * (1.0 + (1.0 - tail) / tail * np.log1p(-tail))
    np.testing.assert_allclose(measure(gains, weights), -lower, rtol=1e-6)

    q = stats.t.ppf(tail, 5)
    closed = stats.t.pdf(q, 5) / tail * (5 + q**2) / 4
    np.testing.assert_allclose(measure(*fine_law(STUDENT)), closed, rtol=1e-6)


def test_mean_variance_and_mean_square():
    for law in (NORMAL, LOSS_EXPONENTIAL, STUDENT):
        pnl, weights = fine_law(law)
        closed = -law.mean() + 0.5 * 0.3 * law.var()
        np.testing.assert_allclose(MeanVariance(0.3)(pnl, weights), closed, rtol=1e-5)
        closed = -law.mean() + 1.5 * law.std()
        np.testing.assert_allclose(MeanStandardDeviation(1.5)(pnl, weights), closed, rtol=1e-5)
        np.testing.assert_allclose(
            Quadratic()(pnl, weights), law.var() + law.mean() ** 2, rtol=1e-5
        )


@pytest.mark.parametrize("level", [0.6, 0.9, 0.99])
def test_expectile(level):
    def root(excess, mean):
        """Of q E(L - m)^+ = (1 - q) E(m - L)^+, where E(m - L)^+ = E(L - m)^+ + m - E L."""
        return optimize.brentq(
            lambda m: level * excess(m) - (1 - level) * (excess(m) + m - mean),
            -50.0,
            50.0,
            xtol=1e-14,
        )

    def normal(m):
        d = (m + MEAN) / STD
        return STD * (stats.norm.pdf(d) - d * stats.norm.sf(d))

    def student(m):
        return (5 + m**2) / 4 * stats.t.pdf(m, 5) - m * stats.t.sf(m, 5)

    def exponential(m):
        return STD * np.exp(-m / STD) if m > 0 else STD - m

    measure = Expectile(level)
    np.testing.assert_allclose(measure(*fine_law(NORMAL)), root(normal, -MEAN), rtol=1e-6)
    np.testing.assert_allclose(measure(*fine_law(STUDENT)), root(student, 0.0), rtol=1e-6)
    gains, weights = fine_law(LOSS_EXPONENTIAL)
    np.testing.assert_allclose(measure(-gains, weights), root(exponential, STD), rtol=1e-6)


def test_certainty_equivalent_of_a_saturating_quadratic_utility_under_the_normal_law():
    aversion = 0.4
    pnl, weights = fine_law(NORMAL)

    def cost(w):
        # E u(Y), Y normal with mean m: u is quadratic up to 1/a and constant above.
        m, top = MEAN + w, 1 / aversion
        d = (top - m) / STD
        # E (top - Y)^+^2 = STD^2 ((1 + d^2) cdf(d) + d pdf(d)); u = (1/a - a (top - Y)^+^2) / 2.
        square = STD**2 * ((1 + d**2) * stats.norm.cdf(d) + d * stats.norm.pdf(d))
        return w - 0.5 * (1 / aversion - aversion * square)

    best = optimize.minimize_scalar(
        cost, bounds=(-20, 20), method="bounded", options={"xatol": 1e-10}
    )
    measure = OptimisedCertaintyEquivalent(QuadraticUtility(aversion))
    np.testing.assert_allclose(measure(pnl, weights), best.fun, rtol=1e-6)


MEASURES = {
    "entropic": Entropic(0.5),
    "shortfall": ExpectedShortfall(0.1),
    "mean-variance": MeanVariance(0.5),
    "mean-deviation": MeanStandardDeviation(1.5),
    "quadratic": Quadratic(),
    "expectile": Expectile(0.9),
    "certainty equivalent": OptimisedCertaintyEquivalent(QuadraticUtility(0.1)),
}


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_standard_errors_are_the_spread_over_repeated_samples(measure):
    repeats, n_paths = 400, 2000
    samples = MEAN + STD * jax.random.normal(jax.random.key(11), (repeats, n_paths))
    values, errors = jax.jit(
        jax.vmap(lambda x: (measure(x), standard_error(influence(measure, x))))
    )(samples)
    spread = float(jnp.std(values, ddof=1))
    # A standard deviation from 400 values is itself known to 3.5 %.
    assert abs(float(jnp.mean(errors)) / spread - 1.0) < 4 * 0.036
    pnl, weights = fine_law(NORMAL)
    bound = 0.02 * STD**2
    assert spread / np.sqrt(repeats) < bound
    bias_allowed = 4 * spread / np.sqrt(repeats) + 4 * spread**2
    assert abs(float(jnp.mean(values) - measure(pnl, weights))) < bias_allowed


@pytest.mark.parametrize("measure", [ExpectedShortfall(0.05), OCE], ids=["shortfall", "oce"])
def test_the_threshold_makes_a_mean_equal_to_the_risk_and_no_other_is_below_it(measure):
    # Of a normal law, at the quantile (Rockafellar and Uryasev, 2000, theorem 1).
    pnl, weights = fine_law(NORMAL)

    @jax.jit
    def found(pnl, weights):
        best = measure.threshold(pnl, weights)
        around = best + jnp.linspace(-1.0, 1.0, 21)
        return best, measure(pnl, weights), jax.vmap(lambda w: measure.at(w, pnl, weights))(around)

    best, risk, bounds = found(pnl, weights)
    if isinstance(measure, ExpectedShortfall):
        assert float(best) == pytest.approx(-NORMAL.ppf(0.05), abs=1e-3)
    assert float(bounds[10]) == pytest.approx(float(risk), rel=1e-12)
    assert np.all(np.asarray(bounds) >= float(risk) - 1e-12)
    assert float(jnp.min(bounds[jnp.asarray([0, -1])])) > float(risk) + 1e-2
