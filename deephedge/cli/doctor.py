"""`deephedge doctor`: what is installed, and whether it works."""

import importlib.util
import math
import time

import jax
import jax.numpy as jnp

from deephedge.claims import Call
from deephedge.cli.environment import environment
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

_OPTIONAL = {
    "arch": "recorded history (extra: data)",
    "QuantLib": "checks (extra: verify)",
    "optuna": "proposed sweeps (extra: sweep)",
}
_N_STEPS, _N_PATHS, _TOLERANCE = 84, 20_000, 0.05


def examine() -> int:
    """Print the environment and a self-test; 0 when all is well, else 1."""
    found = environment()
    _line("python", f"{found['python']} on {found['platform']}")
    for name, version in found["packages"].items():
        _line(name, version)
    _line("device", f"{', '.join(found['device'])} ({found['backend']})")
    _line("precision", f"{found['precision']} by default, float64 for `price` and `greeks`")
    for name, purpose in _OPTIONAL.items():
        present = importlib.util.find_spec(name) is not None
        _line(name, f"{'installed' if present else 'not installed'}: {purpose}")
    began = time.perf_counter()
    measured, expected = hedging_error()
    passed = abs(measured / expected - 1.0) < _TOLERANCE
    _line(
        "self-test",
        f"{'passed' if passed else 'FAILED'} in {time.perf_counter() - began:.1f} s: "
        f"the delta hedge's error is {measured:.4f}, theory says {expected:.4f}",
    )
    return 0 if passed else 1


def hedging_error() -> tuple[float, float]:
    r"""Standard deviation of a discrete delta hedge's P&L, measured and by the approximation.

    $$\sqrt{\pi/4}\;\text{vega}\;\sigma/\sqrt n$$

    Reference: Derman and Kamal (1999), When You Cannot Hedge Continuously.
    """
    market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=1 / 12)
    pricer = BlackScholesFormula(vol=0.2)
    problem = HedgingProblem(
        market=market,
        claim=claim,
        cost=ProportionalCost(rate=0.0),
        times=time_grid(float(claim.maturity), _N_STEPS),
        close_out=False,
    )
    key = jax.random.key(0)
    pnl = sample(problem, DeltaHedge(claim, pricer), _N_PATHS, key=key, keep=pnl_only)
    vega = jax.grad(lambda vol: BlackScholesFormula(vol=vol).price(claim, market.start()))(
        jnp.asarray(0.2)
    )
    expected = math.sqrt(math.pi / 4.0) * float(vega) * 0.2 / math.sqrt(_N_STEPS)
    return float(jnp.std(pnl)), expected


def _line(name: str, text: str) -> None:
    print(f"{name:<12}{text}")
