"""Prints, as JSON, what a batch of paths comes to; run by tests on one device and on several."""

import json

import jax
import jax.numpy as jnp

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import pseudo
from deephedge.policies import NoTransactionBand, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import compare
from deephedge.risk import Entropic, ExpectedShortfall
from deephedge.rollout import HedgingProblem, batch_law, pnl_only, sample, time_grid
from deephedge.rollout.devices import path_mesh
from deephedge.training import train, train_ensemble

CLAIM = Call(strike=100.0, maturity=30 / 365)
MARKET = BlackScholes(spot=100.0, vol=0.2)
PROBLEM = HedgingProblem(
    MARKET, CLAIM, ProportionalCost(0.001), time_grid(30 / 365, 5), close_out=False
)
BAND = WhalleyWilmott(CLAIM, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
# Neither is a multiple of eight.
SIZES = dict(n_paths=1002, validation_paths=999)


def policy(seed: int) -> NoTransactionBand:
    key = jax.random.key(seed)
    return NoTransactionBand.create(
        MARKET, CLAIM, PROBLEM.times, base=BAND, width=8, depth=1, key=key
    )


def rows(trained) -> list:
    return [number for row in trained.history for number in (row["loss"], row["validation"])]


def operations() -> float:
    """Floating-point operations that one device is given for 8,192 paths."""
    source = pseudo(jax.random.key(0), 8192, 5, 1, jnp.dtype("float32"))
    mesh = path_mesh()
    hedge = jax.jit(lambda source: batch_law(PROBLEM, BAND, source, 8192, mesh)[0])
    return hedge.lower(source).compile().cost_analysis()["flops"]


def numbers() -> dict[str, list]:
    key = jax.random.key(1)
    pnl = sample(PROBLEM, BAND, 1003, key=key, keep=pnl_only, batch_size=300)
    settings = dict(key=key, validate_every=1, **SIZES)
    joint = train(
        PROBLEM, policy(0), ExpectedShortfall(0.1), n_steps=2, threshold="trained", **settings
    )
    pair = [policy(1), policy(2)]
    both = train_ensemble(PROBLEM, pair, ExpectedShortfall(0.1), n_steps=2, **settings)
    table = compare(
        PROBLEM, {"band": BAND}, {"risk": Entropic(1.0)}, n_paths=1001, key=key, batch_size=300
    )
    return {
        "sample": [float(jnp.sum(pnl)), float(jnp.sum(pnl**2))],
        "train": [*rows(joint), joint.threshold],
        "ensemble": [x for member in both.members for x in rows(member)],
        "compare": [x for e in table.estimates for x in (e.value, e.standard_error)],
    }


if __name__ == "__main__":
    print(json.dumps({"devices": jax.device_count(), "flops": operations(), **numbers()}))
