"""Where the mean P&L of each policy comes from."""

import jax
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import pnl_parts
from deephedge.reports.pnl_parts import PARTS
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

CALL, KEY, N_PATHS = Call(strike=100.0, maturity=0.25), jax.random.key(0), 250
PRICER = BlackScholesFormula(vol=0.2)
PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2), CALL, ProportionalCost(0.002), time_grid(0.25, 20),
    4.2, close_out=True,
)  # fmt: skip


@pytest.fixture(scope="module")
def found():
    """In batches that do not fit: three of 84 paths for 250."""
    policies = {"delta": DeltaHedge(CALL, PRICER), "none": NoHedge()}
    return pnl_parts(PROBLEM, policies, PRICER, n_paths=N_PATHS, key=KEY, batch_size=100)


@pytest.mark.slow
def test_the_parts_add_up_to_the_pnl_of_the_same_paths(found):
    pnl = np.asarray(sample(PROBLEM, NoHedge(), N_PATHS, key=KEY, keep=pnl_only))
    own = found.parts["none"]
    assert own["total"].mean == pytest.approx(pnl.mean(), rel=1e-12)
    assert own["total"].deviation == pytest.approx(pnl.std(ddof=1), rel=1e-12)
    assert own["total"].standard_error == pytest.approx(pnl.std(ddof=1) / np.sqrt(N_PATHS))
    for parts in found.parts.values():
        assert sum(parts[x].mean for x in PARTS) == pytest.approx(parts["total"].mean, abs=1e-12)


@pytest.mark.slow
def test_each_part_is_what_it_should_be(found):
    delta, none = found.parts["delta"], found.parts["none"]
    edge = 4.2 - float(PRICER.price(CALL, PROBLEM.market.start()))
    for own in (delta, none):
        # Without interest, theta earns what gamma loses: sigma^2 S^2 Gamma dt / 2 a step.
        assert own["edge"].mean == pytest.approx(edge, rel=1e-12)
        error = np.hypot(own["gamma"].standard_error, own["theta"].standard_error)
        assert own["theta"].mean > 0.5 and error < 0.2
        assert abs(own["theta"].mean + own["gamma"].mean) < 4.0 * error
    assert delta["delta"].deviation < 1e-12
    assert none["delta"].deviation > 1.0
    assert none["cost"].mean == 0.0 > delta["cost"].mean
    assert found.names == ("edge", "theta", "delta", "gamma", "cost", "residual", "total")
    assert "± " in str(found) and "BlackScholesFormula" in found.caption


def test_a_claim_that_was_sold_needs_a_pricer():
    with pytest.raises(ValueError, match="`pricer` must be given"):
        pnl_parts(PROBLEM, {"none": NoHedge()}, None, n_paths=4, key=KEY)
