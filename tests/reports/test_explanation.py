"""Where saved risk comes from, and what a hedge answers to."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaBand, DeltaHedge, StaticHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import (
    Comparison,
    Outcome,
    compare,
    partial_dependence,
    partial_dependence_curves,
    risk_saved,
)
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, time_grid

RISK = Entropic(aversion=1.0)


def outcome(pnl, cost):
    zero = jnp.zeros_like(pnl)
    return Outcome(pnl=pnl, cost=cost, carry=zero, turnover=zero, trades=zero)


def test_the_parts_of_saved_risk_add_up_and_say_what_changed():
    z = jax.random.normal(jax.random.key(0), (4096,))
    z = (z - jnp.mean(z)) / jnp.std(z)
    cost = jnp.full_like(z, 0.5)
    outcomes = {
        "base": outcome(2.0 * z - 0.5, cost),
        "cheaper": outcome(2.0 * z - 0.3, cost - 0.2),
        "luckier": outcome(2.0 * z - 0.4, cost),
        "narrower": outcome(1.0 * z - 0.5, cost),
        "turned over": outcome(-2.0 * z - 0.5, cost),
    }
    made = Comparison(tuple(outcomes), ("risk",), outcomes, (), 4096, "base", "", {})
    found = risk_saved(made, RISK).parts
    base = float(RISK(outcomes["base"].pnl))
    expected = {"cheaper": ("costs", -0.2), "luckier": ("mean gains", -0.1)}
    expected["narrower"] = ("spread", float(RISK(z) - RISK(2.0 * z)))
    expected["turned over"] = ("shape", float(RISK(-2.0 * z) - RISK(2.0 * z)))
    for name, (changed, value) in expected.items():
        total = float(RISK(outcomes[name].pnl)) - base
        assert found[name]["total"][0] == pytest.approx(total, abs=1e-12)
        for part in ("costs", "mean gains", "spread", "shape"):
            assert found[name][part][0] == pytest.approx(
                value if part == changed else 0.0, abs=1e-12
            )


CLAIM = Call(strike=100.0, maturity=0.1)
PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2), CLAIM, ProportionalCost(0.001), time_grid(0.1, 4),
    close_out=False,
)  # fmt: skip


@pytest.mark.slow
def test_a_hedge_answers_to_what_it_uses_and_to_nothing_else():
    formula = BlackScholesFormula(vol=0.2)
    policies = {
        "delta": DeltaHedge(CLAIM, formula),
        "band": DeltaBand(CLAIM, formula, half_width=0.1),
        "still": StaticHedge(units=[0.3]),
    }
    found = {x.input: x for x in partial_dependence(PROBLEM, policies, key=jax.random.key(1))}
    assert set(found) == {"time, years", "price", "held before"}
    price, held = found["price"].holdings, found["held before"].holdings
    assert np.all(np.diff(price["delta"]) > 0) and np.ptp(price["still"]) == 0
    assert np.ptp(held["delta"]) < 1e-12
    assert np.all(np.diff(held["band"]) >= 0) and np.ptp(held["band"]) > 0.1
    partial_dependence_curves(list(found.values()))
    comparison = compare(PROBLEM, policies, {"risk": RISK}, n_paths=4096, key=jax.random.key(2))
    saved = risk_saved(comparison, RISK)
    for name in ("band", "still"):
        own = comparison.at(name, "risk")
        assert saved.parts[name]["total"][0] == pytest.approx(own.difference, abs=1e-9)
    assert saved.parts["band"]["costs"][0] < 0
