"""Murray, Wood, Buehler, Wiese and Pakkanen (2022): one policy for every risk aversion.

A hedge that is told the aversion is trained once, over a range of aversions, and set beside ones
trained for a single aversion each. Here for the problem whose optimum is known: a call at the
money on 100, volatility 0.2, 30 days in 30 steps, proportional cost 0.001, entropic risk, aversion
0.1 to 1.6. All start from a band of 0.1 on either side of the Black-Scholes delta, which knows no
aversion; the networks are 16 x 2. The risks are those of `judge_entropic`: exact for the hedge as
trained, so that all that differs is the seed of its training.

Shares are of the way from the delta to the optimum. Stated beforehand: the one policy goes at least
90 % of the way at every aversion, and its share is at most 5 points below the specialised one's.

    deephedge reproduce murray_2022_across_aversions --full
"""

import functools
import pathlib
from collections.abc import Sequence

import jax
import numpy as np

from deephedge.claims import Call
from deephedge.costs import ProportionalCost
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import sobol
from deephedge.optimum import judge_entropic, solve_entropic
from deephedge.policies import AbstractPolicy, DeltaBand, DeltaHedge, NoTransactionBand
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding, Paper
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import Parameter, ProblemFamily, default_optimizer, train_ensemble

PAPER = Paper(
    reference="Murray, Wood, Buehler, Wiese and Pakkanen (2022), Deep hedging: continuous "
    "reinforcement learning for hedging of general portfolios across multiple risk aversions",
    claim="One policy that is told the risk aversion does what policies trained for each do.",
    minutes=6.0,
    deviations=(
        "Set-up of ours: one claim in place of general portfolios, and direct training over paths "
        "in place of the paper's actor and critic. The paper's numbers are not at hand."
    ),
)
MATURITY, FORMULA = 30 / 365, BlackScholesFormula(vol=0.2)
PROBLEM = HedgingProblem(
    BlackScholes(spot=100.0, vol=0.2),
    Call(strike=100.0, maturity=MATURITY),
    ProportionalCost(0.001),
    time_grid(MATURITY, 30),
    close_out=False,
)
RISK = Entropic(aversion=1.0)
FAMILY = ProblemFamily(PROBLEM, (Parameter("aversion", 0.1, 1.6, log=True),), n_groups=8)
TRAINED_FOR = (0.1, 0.4, 1.6)
BETWEEN = (0.2, 0.8)


def trained(
    problem: HedgingProblem | ProblemFamily,
    risk: Entropic,
    *,
    n_seeds: int,
    n_steps: int,
    seed: int,
) -> Sequence[AbstractPolicy]:
    """Bands that learn the problem, or the family and are told the aversion."""
    n_parameters = problem.n_shown if isinstance(problem, ProblemFamily) else 0
    keys = jax.random.split(jax.random.key(seed), n_seeds + 1)
    start = [
        NoTransactionBand.create(
            PROBLEM.market,
            PROBLEM.claim,
            PROBLEM.times,
            base=DeltaBand(PROBLEM.claim, FORMULA, half_width=0.1),
            features=("moneyness", "time", "deviations"),
            n_parameters=n_parameters,
            width=16,
            key=key,
        )
        for key in keys[1:]
    ]
    return train_ensemble(
        problem,
        start,
        risk,
        key=keys[0],
        optimizer=default_optimizer(n_steps, 0.02),
        n_steps=n_steps,
        n_paths=2048,
        draws=sobol,
        averaging=0.97,
        validate_every=n_steps,
    ).policies


def shares(policies: Sequence[AbstractPolicy], aversion: float) -> np.ndarray:
    """Of the way from the delta to the optimum, one a seed; and the risks themselves."""
    point = FAMILY.point(aversion=aversion)
    risk, (least, delta) = Entropic(aversion=aversion), ends(aversion)
    told = (FAMILY.at(policy, point) if told_of(policy) else policy for policy in policies)
    risks = np.array([judge_entropic(PROBLEM, risk, policy).value for policy in told])
    return (delta - risks) / (delta - least)


def told_of(policy: AbstractPolicy) -> bool:
    """Whether it sees the aversion."""
    assert isinstance(policy, NoTransactionBand)
    return policy.features.parameters.size > 0


@functools.lru_cache
def ends(aversion: float) -> tuple[float, float]:
    """The least risk of any hedge, and that of the delta."""
    risk = Entropic(aversion=aversion)
    delta = judge_entropic(PROBLEM, risk, DeltaHedge(PROBLEM.claim, FORMULA))
    return solve_entropic(PROBLEM, risk).value, delta.value


def mean_and_error(values: np.ndarray) -> tuple[float, float]:
    """Over seeds."""
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5)


def small(seed: int) -> list[Finding]:
    """Bands of one width in place of networks, all on the same 8,000 paths: nothing is trained.

    The one policy's width is a power of the aversion, through the best widths at both ends of the
    range. Between them, at 0.4, it may miss 5 % of what a band that is best there gains over the
    delta, and must have less risk than the widths of the ends, which are told a wrong aversion.
    """

    def outcomes(width: float) -> np.ndarray:
        band, key = DeltaBand(PROBLEM.claim, FORMULA, half_width=width), jax.random.key(seed)
        return np.asarray(sample(PROBLEM, band, 8_000, key=key, keep=pnl_only))

    def risk(pnl: np.ndarray, aversion: float) -> float:
        return float(np.log(np.mean(np.exp(-aversion * pnl)))) / aversion

    widths = np.geomspace(0.02, 0.32, 5)
    tried = [outcomes(width) for width in widths]

    def best(aversion: float) -> float:
        """The least of a parabola through the best width and its neighbours."""
        risks = np.array([risk(pnl, aversion) for pnl in tried])
        near = np.clip(risks.argmin(), 1, 3) + np.arange(-1, 2)
        square, slope, _ = np.polyfit(np.log(widths[near]), risks[near], 2)
        return float(np.exp(-0.5 * slope / square))

    low, own, high = (best(aversion) for aversion in (0.1, 0.4, 1.6))
    print(f"best half-widths at 0.1, 0.4 and 1.6: {low:.4f}, {own:.4f}, {high:.4f}")
    asked = (0.0, own, low, high, (low * high) ** 0.5)
    delta, special, calm, wary, one = (risk(outcomes(width), 0.4) for width in asked)
    missed = (one - special) / (delta - special)
    what = "aversion 0.4: share of a band's own gain that the one policy misses"
    return [
        Finding(what, missed, 0.0, 0.05, at_most=True),
        Finding("risk, told 0.4, less told 0.1", one - calm, 0.0, 0.0, at_most=True),
        Finding("risk, told 0.4, less told 1.6", one - wary, 0.0, 0.0, at_most=True),
    ]


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The one policy across the range, and a specialised one at some of it."""
    if smoke:
        return small(seed)
    size = dict(n_seeds=2, n_steps=150, seed=seed)
    one = trained(FAMILY, RISK, **size)
    special = {x: trained(PROBLEM, Entropic(aversion=x), **size) for x in TRAINED_FOR}
    found = {x: shares(one, x) for x in sorted((*TRAINED_FOR, *BETWEEN))}
    floor, findings = 0.9, []
    for aversion, each in found.items():
        share, error = mean_and_error(each)
        what = f"aversion {aversion:g}: share of the way that the one policy misses"
        findings.append(Finding(what, 1.0 - share, 0.0, 1.0 - floor, error, at_most=True))
        print(f"aversion {aversion:g}: the one policy {share:.2%} ± {error:.2%}")
    rows = {x: shares(policies, x) for x, policies in special.items()}
    for aversion, each in rows.items():
        own, _ = mean_and_error(each)
        gap, error = mean_and_error(each - found[aversion])
        what = f"aversion {aversion:g}: share of a policy trained for it ({own:.2%}), less that of "
        what += "the one policy"
        findings.append(Finding(what, gap, 0.0, 0.05, error, at_most=True))
    if out is not None:
        draw(found, rows, special, out)
    return findings


def draw(
    one: dict[float, np.ndarray],
    special: dict[float, np.ndarray],
    policies: dict[float, Sequence[AbstractPolicy]],
    out: pathlib.Path,
) -> None:
    """Risk above the optimum against aversion: all hedges, each special one along the range too."""
    import matplotlib.pyplot as plt

    def above(x: float, share: np.ndarray) -> float:
        least, delta = ends(x)
        return float((1.0 - share.mean()) * (delta - least))

    figure, axes = plt.subplots(1, 2, figsize=(8.0, 3.4), layout="constrained")
    xs = list(one)
    left, right = axes
    left.semilogx(xs, [ends(x)[1] for x in xs], "k:", label="delta")
    left.semilogx(xs, [ends(x)[0] for x in xs], "k-", label="optimum")
    left.semilogx(xs, [ends(x)[0] + above(x, one[x]) for x in xs], "C3o", label="one policy")
    right.loglog(xs, [ends(x)[1] - ends(x)[0] for x in xs], "k:", label="delta")
    right.loglog(xs, [above(x, one[x]) for x in xs], "C3o-", label="one policy, told the aversion")
    right.loglog(
        list(special), [above(x, y) for x, y in special.items()], "C0s", label="trained for each"
    )
    middle = sorted(policies)[len(policies) // 2]
    along = [above(x, shares(policies[middle], x)) for x in xs]
    right.loglog(xs, along, "C0--", lw=1, label=f"trained for {middle:g}")
    left.set_ylabel("risk")
    right.set_ylabel("risk above the optimum")
    for axis in axes:
        axis.set_xlabel("aversion")
    left.legend(frameon=False, fontsize=8)
    right.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    figure.savefig(out)
