"""Lütkebohmert, Schmidt and Sester (2022): a hedge trained for parameters that nobody knows.

A network is trained to replicate a claim on paths whose parameters are drawn from intervals, and
set beside one trained at the estimated parameters. The paper's processes are generalised affine,
dX = (b0 + b1 X) dt + (a0 + a1 X)^gamma dW; here b0 = a0 = 0 and gamma = 1, Black-Scholes with
volatility a1 in [0.1, 0.3] and drift b1 in [-0.1, 0.1], estimated as 0.2 and 0, since the least
squared error that any hedge can have is then known at every point of the box (`quadratic_hedge`).
Call at the money on 100, 30 days in 30 steps, no costs, squared error. The two networks (16 x 2,
from the delta of volatility 0.2) see price and time alone, have the same draws, steps and seeds.

Held to the paper's words, signs only: over the box, and at its corners, the robust hedge leaves
less; at the estimated parameters it leaves more, but by less than it gains at the worst corner.
P&L's deviations, per cent of the least one; their differences from that of the optimal hedge are
on the same paths. Every claim is one-sided, with no room; errors are between seeds and of paths.

    deephedge reproduce lutkebohmert_2022_robust_hedging --full
"""

import dataclasses
import pathlib
import statistics
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Path, simulate
from deephedge.numerics.draws import antithetic, sobol
from deephedge.optimum import quadratic_hedge
from deephedge.policies import AbstractPolicy, DeltaHedge, Feedforward, NoHedge
from deephedge.policies.greeks import model_delta
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import Quadratic
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import Parameter, ProblemFamily, default_optimizer, train_ensemble
from deephedge.typing import Array, Float

PAPER = Paper(
    reference="Lütkebohmert, Schmidt and Sester (2022), Robust deep hedging",
    claim="Trained on parameters drawn from intervals, a hedge is better where the estimated ones "
    "are wrong, and slightly worse where they are right.",
    minutes=5.0,
    deviations=(
        "The set-up is from memory, and the paper's numbers are not at hand: signs are compared. "
        "Black-Scholes among the generalised affine processes, as its optimum is known; parameters "
        "drawn for each path, where the paper draws them for each date."
    ),
)
MATURITY, FORMULA = 30 / 365, BlackScholesFormula(vol=0.2)
PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2, drift=0.0),
    Call(strike=100.0, maturity=MATURITY),
    NoCost(),
    time_grid(MATURITY, 30),
    # The price at the estimated volatility, and the mean price over the box; at the money and
    # without interest it is S (2 N(sigma sqrt(T) / 2) - 1).
    premium=100.0 * (2.0 * statistics.NormalDist().cdf(0.1 * MATURITY**0.5) - 1.0),
    close_out=False,
)
BOX = ProblemFamily(
    PROBLEM,
    (Parameter("vol", 0.1, 0.3, shown=False), Parameter("drift", -0.1, 0.1, shown=False)),
    n_groups=None,
)
CALM = (
    "squared errors grow with the square of the volatility, so that those of the box are mostly of "
    "its wild side, and the training gives way on the calm one"
)
CORNERS = ((0.1, -0.1), (0.1, 0.1), (0.3, -0.1), (0.3, 0.1))
VOLS = (0.1, 0.15, 0.2, 0.25, 0.3)


def hedges(n_seeds: int, n_steps: int, seed: int) -> dict[str, Sequence[AbstractPolicy]]:
    """The same networks, trained at the estimated parameters and over the box."""
    base = DeltaHedge(PROBLEM.claim, FORMULA)
    keys = jax.random.split(jax.random.key(seed), n_seeds + 1)
    start = [
        Feedforward.create(
            PROBLEM.market,
            PROBLEM.claim,
            PROBLEM.times,
            base=base,
            features=("moneyness", "time", "deviations"),
            width=16,
            key=key,
        )
        for key in keys[1:]
    ]
    return {
        name: train_ensemble(
            problem,
            start,
            Quadratic(),
            key=keys[0],
            optimizer=default_optimizer(n_steps, 0.01),
            n_steps=n_steps,
            n_paths=2048,
            draws=sobol,
            averaging=0.97,
            validate_every=n_steps,
        ).policies
        for name, problem in (("fixed", PROBLEM), ("robust", BOX))
    }


@dataclasses.dataclass(frozen=True)
class Judged:
    """The hedges at one point of the box; deviations of the P&L, in cash."""

    least: float
    """Of all hedges, exactly."""
    nothing: float
    """Without a hedge."""
    found: dict[str, np.ndarray]
    """One a seed."""
    noise: float
    """The largest standard error, over seeds, of robust less fixed on the same paths."""

    def over(self, name: str) -> float:
        """Mean excess of the seeds over the least, in per cent of it."""
        return 100.0 * float(np.mean(self.found[name]) / self.least - 1.0)

    def share(self, name: str) -> float:
        """Of the way from no hedge to the optimum."""
        return float((self.nothing - np.mean(self.found[name])) / (self.nothing - self.least))

    def robust_less_fixed(self) -> tuple[float, float]:
        """In per cent of the least, with its standard error."""
        gap = 100.0 * (self.found["robust"] - self.found["fixed"]) / self.least
        between = gap.std(ddof=1) / len(gap) ** 0.5
        return float(gap.mean()), float(np.hypot(between, 100.0 * self.noise / self.least))


def judged(
    trained: dict[str, Sequence[AbstractPolicy]], vol: float, drift: float, n_paths: int, seed: int
) -> Judged:
    """All hedges and the optimal one on the same paths of one law."""
    problem = BOX.at(PROBLEM, BOX.point(vol=vol, drift=drift))
    best = quadratic_hedge(problem.market, problem.claim, problem.times)
    # The optimal hedge starts from its own capital; that of the others moves no deviation.
    problem = eqx.tree_at(lambda x: x.premium, problem, best.capital)
    key = jax.random.key(seed + 1_000_003)

    def squares(policy: AbstractPolicy) -> np.ndarray:
        pnl = np.asarray(sample(problem, policy, n_paths, key=key, keep=pnl_only))
        return (pnl - pnl.mean()) ** 2

    optimal, least = squares(best.policy), float(best.squared_error)
    excess = {
        name: np.stack([squares(policy) - optimal for policy in policies])
        for name, policies in {"none": [NoHedge()], **trained}.items()
    }
    found = {name: np.sqrt(least + x.mean(axis=1)) for name, x in excess.items()}
    nothing = float(found.pop("none")[0])
    paired = (excess["robust"] - excess["fixed"]).std(axis=1) / n_paths**0.5
    return Judged(least**0.5, nothing, found, float(np.max(paired / (2.0 * found["robust"]))))


def over_the_box(
    trained: dict[str, Sequence[AbstractPolicy]], n_paths: int, seed: int
) -> tuple[float, float]:
    """Mean squared error, robust less fixed, at parameters drawn anew; the error between seeds."""
    source = BOX.source(antithetic, jax.random.key(seed + 2_000_003), n_paths)
    risk = eqx.filter_jit(lambda policy: BOX.risk(policy, Quadratic(), source, n_paths))
    fixed, robust = (np.array([float(risk(x)) for x in trained[k]]) for k in ("fixed", "robust"))
    gap = robust - fixed
    print(f"over the box, mean squared error: fixed {fixed.mean():.4f}, robust {robust.mean():.4f}")
    return float(gap.mean()), float(gap.std(ddof=1) / len(gap) ** 0.5)


@eqx.filter_jit
def deltas(paths: Path) -> Float[Array, "path time vol"]:
    """Along the paths, of every volatility in `VOLS`."""

    def one(vol, now):
        return model_delta(BlackScholesFormula(vol=vol), PROBLEM.claim, now)[0]

    each = jax.vmap(one, (0, None))
    return jax.vmap(jax.vmap(lambda now: each(jnp.asarray(VOLS), now)))(paths.snapshots())


def earned(points: Sequence[tuple[float, float]], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What each of `deltas` earns on 512 paths of every point, and what the claim leaves owed."""
    gains, owed = [], []
    for i, (vol, drift) in enumerate(points):
        market = BlackScholes(spot=100.0, vol=vol, drift=drift)
        paths = simulate(market, PROBLEM.times, 512, key=jax.random.key(seed + i))
        prices = np.asarray(paths.prices)[..., 0]
        gains.append(np.sum(np.asarray(deltas(paths))[:, :-1] * np.diff(prices)[..., None], axis=1))
        owed.append(np.maximum(prices[:, -1] - 100.0, 0.0) - float(PROBLEM.premium))
    return np.concatenate(gains), np.concatenate(owed)


def small(seed: int) -> list[Finding]:
    """Hedges that mix the deltas of five volatilities: least squares in place of training.

    As the networks do they see price and time alone. The box is a grid of fifteen points. The calm
    corners disagree, and are left to the full size, as the optimal hedge is.
    """
    middle, box = [(0.2, 0.0)] * 15, [(vol, drift) for vol in VOLS for drift in (-0.1, 0.0, 0.1)]
    fixed, robust = (
        np.linalg.lstsq(*earned(points, seed), rcond=None)[0] for points in (middle, box)
    )
    findings, places = [], {"over the box": box, "the estimated parameters": middle}
    places |= {f"vol {vol:g}, drift {drift:g}": [(vol, drift)] * 4 for vol, drift in CORNERS[2:]}
    for place, points in places.items():
        gains, owed = earned(points, seed + 100)
        less, more = (fixed, robust) if points is middle else (robust, fixed)
        gap = (owed - gains @ less) ** 2 - (owed - gains @ more) ** 2
        what = "fixed less robust" if points is middle else "robust less fixed"
        error = float(gap.std() / len(gap) ** 0.5)
        what = f"{place}: squared error, {what}"
        findings.append(Finding(what, float(gap.mean()), 0.0, 0.0, error, at_most=True))
    return findings


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The two hedges over the box, at its corners and at the estimated parameters."""
    if smoke:
        return small(seed)
    n_paths, trained = 32_768, hedges(3, 200, seed)
    at = {point: judged(trained, *point, n_paths, seed) for point in (*CORNERS, (0.2, 0.0))}
    gap, error = over_the_box(trained, 65_536, seed)
    what = "over the box: squared error, robust less fixed"
    findings = [Finding(what, gap, 0.0, 0.0, error, at_most=True)]
    gains = {}
    for (vol, drift), x in at.items():
        gap, error = gains[vol, drift] = x.robust_less_fixed()
        shares = ", ".join(f"{name} {x.share(name):.2%}" for name in trained)
        text = f"vol {vol:g}, drift {drift:g} (least {x.least:.4f}; share of the way: {shares})"
        print(f"{text}: robust less fixed {gap:+.2f} % ± {error:.2f}")
        if (vol, drift) in CORNERS:
            what = f"deviation in per cent of the least, robust less fixed, {text}"
            why = CALM if vol < 0.2 and gap > 0.0 else ""
            findings.append(Finding(what, gap, 0.0, 0.0, error, why=why, at_most=True))
    (worse, error), best = gains.pop((0.2, 0.0)), min(gains.values())
    what = "at the estimated parameters: deviation in per cent of the least, fixed less robust"
    findings.append(Finding(what, -worse, 0.0, 0.0, error, at_most=True))
    what = "slightly: what robust loses there, less what it gains at its best corner"
    error = float(np.hypot(error, best[1]))
    findings.append(Finding(what, worse + best[0], 0.0, 0.0, error, at_most=True))
    if out is not None:
        draw({vol: judged(trained, vol, 0.0, n_paths, seed) for vol in VOLS}, out)
    return findings


def draw(rows: dict[float, Judged], out: pathlib.Path) -> None:
    """How far each hedge is above the least deviation, against the true volatility."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(5.6, 3.6), layout="constrained")
    for name, colour in (("fixed", "C0"), ("robust", "C3")):
        label = "trained at volatility 0.2" if name == "fixed" else "trained on 0.1 to 0.3"
        axes.plot(list(rows), [x.over(name) for x in rows.values()], f"{colour}o-", label=label)
        for vol, x in rows.items():
            each = 100.0 * (x.found[name] / x.least - 1.0)
            axes.plot([vol] * len(each), each, f"{colour}_", alpha=0.6)
    axes.axhline(0.0, color="grey", lw=0.8)
    axes.set_xlabel("true volatility")
    axes.set_ylabel("deviation above the least, %")
    axes.legend(frameon=False)
    figure.savefig(out)
