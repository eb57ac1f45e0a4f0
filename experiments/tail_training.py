"""Tails trained on batches too small to show them, against the exact least expected shortfall.

Black-Scholes, spot = strike = 100, volatility 0.2, 30 days of 365 in 5 steps, no costs, no premium.
The least expected shortfall of all hedges at 50 %, 10 % and 1 % is known by dynamic programming
over price and wealth (`deephedge.optimum.shortfall_hedge`). The same network is trained three ways
on batches of 512 paths, of which 5 are in the tail of 1 %: on the shortfall of each batch
("sorted"); with the threshold of Rockafellar and Uryasev (2000) as one more weight ("trained"); and
so with half of the paths drawn like the worst ("trained, tilted").

    python experiments/tail_training.py [--steps 600] [--paths 1000000] [--seed 0]
"""

import argparse

import jax
import jax.numpy as jnp

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic
from deephedge.numerics.importance import tilted
from deephedge.numerics.statistics import influence, standard_error
from deephedge.optimum import shortfall_hedge
from deephedge.policies import DeltaHedge, Feedforward
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding
from deephedge.reports.experiment import main
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, fit_tilt, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train
from deephedge.typing import Array, Float

MATURITY, BATCH = 30 / 365, 512
TAILS = (0.5, 0.1, 0.01)


def hedging_problem() -> HedgingProblem:
    claim = Call(strike=100.0, maturity=MATURITY)
    market = BlackScholes(spot=100.0, vol=0.2)
    return HedgingProblem(market, claim, NoCost(), time_grid(MATURITY, 5), close_out=False)


def least_shortfall(tail: float) -> tuple[float, float]:
    """The least expected shortfall of all hedges, and how exactly it is known; in float64."""
    with jax.enable_x64(True):
        claim, market = Call(strike=100.0, maturity=MATURITY), BlackScholes(spot=100.0, vol=0.2)
        exact = shortfall_hedge(market, claim, time_grid(MATURITY, 5), tail=tail)
        return float(exact.risk), float(exact.uncertainty)


def network(problem: HedgingProblem, seed: int) -> Feedforward:
    """It sees its wealth: what is best for a tail depends on what was lost before."""
    return Feedforward.create(
        problem.market,
        problem.claim,
        problem.times,
        base=DeltaHedge(problem.claim, BlackScholesFormula(vol=0.2)),
        features=["moneyness", "time", "deviations", "wealth"],
        width=16,
        key=jax.random.key(seed),
    )


def learned(
    problem: HedgingProblem, tail: float, n_steps: int, seed: int
) -> dict[str, tuple[Feedforward, float | None]]:
    """The three hedges, and their thresholds."""
    policy = network(problem, seed)
    tilt = fit_tilt(problem, policy, tail=tail, key=jax.random.key(seed + 7))
    ways = {
        "sorted": dict(threshold="solved", draws=antithetic),
        "trained": dict(threshold="trained", draws=antithetic),
        "trained, tilted": dict(threshold="trained", draws=tilted(antithetic, tilt)),
    }
    found = {}
    for name, way in ways.items():
        trained = train(
            problem,
            policy,
            ExpectedShortfall(tail),
            key=jax.random.key(seed + 1),
            optimizer=default_optimizer(n_steps),
            n_steps=n_steps,
            n_paths=BATCH,
            averaging=0.99,
            validation_paths=65_536,
            validate_every=n_steps // 5,
            **way,
        )
        found[name] = (trained.policy, trained.threshold)
    return found


def in_batches(risk: ExpectedShortfall, pnl: Float[Array, " path"]) -> float:
    """The mean over batches of what the sorted shortfall of a batch is."""
    batches = pnl[: pnl.shape[0] // BATCH * BATCH].reshape(-1, BATCH)
    return float(jnp.mean(jax.jit(jax.vmap(risk))(batches)))


def experiment(n_steps: int = 600, n_paths: int = 1_000_000, seed: int = 0) -> list[Finding]:
    """Train, and say how far each way stays from the exact least shortfall."""
    problem, findings = hedging_problem(), []
    for tail in TAILS:
        risk = ExpectedShortfall(tail)
        best, uncertainty = least_shortfall(tail)
        print(f"tail {tail:g}: exact {best:.4f}, known to {uncertainty:.1g}", flush=True)
        hedges = learned(problem, tail, n_steps, seed)
        hedges = {"untrained": (network(problem, seed), None), **hedges}
        for name, (policy, threshold) in hedges.items():
            pnl = sample(problem, policy, n_paths, key=jax.random.key(seed + 99), keep=pnl_only)
            value, error = float(risk(pnl)), float(standard_error(influence(risk, pnl)))
            text = f"  {name}: {value:.4f} ± {error:.4f}, {100 * (value / best - 1):.2f} % above"
            text += f"; a batch's own: {in_batches(risk, pnl):.4f}"
            if threshold is not None:
                bound = float(risk.at(jnp.asarray(threshold, pnl.dtype), pnl))
                text += f"; at its threshold {threshold:.3f}: {bound:.4f}"
            print(text, flush=True)
            if name.startswith("trained"):
                within = 4 * error + 0.02 * best
                findings.append(Finding(f"shortfall at {tail:g}, {name}", value, best, within))
    return findings


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    main(lambda: experiment(options.steps, options.paths, options.seed))
