r"""Bayer, Friz and Gatheral (2016); Horvath, Teichmann and Žurič (2021): rough Bergomi.

H = 0.07, volatility of variance 1.9, correlation -0.9, forward variance 0.235^2, no rates.

* The smile (Bayer, Friz and Gatheral). Given the variance the price is lognormal: prices are means
  of Black and Scholes's over paths of the variance alone, so that the slope of the implied
  volatility at the money is an exact derivative of the simulated smile. That skew falls with
  maturity like a power H - 1/2 = -0.43 (fitted from a week to a year: to 0.05); to lowest order in
  the volatility of variance it is rho eta sqrt(2H) / (2 (H + 1/2)(H + 3/2)) T^(H - 1/2), Bergomi
  and Guyon's expansion (at a week: to 20 %, since the volatility of variance is not small). The
  mean of the variance stays where it is (four standard errors).
* What memory is worth (Horvath, Teichmann and Žurič: a hedge of this market needs the past). A call
  at the money over 30 days of 365 in 30 steps, without costs, hedged with the stock alone,
  expected shortfall of the worst half; perceptrons and recurrent networks that see price and time,
  with and without today's variance. Claimed: the recurrent one has less risk, with two
  standard errors of the paired difference over the seeds.

    deephedge reproduce horvath_2021_rough_bergomi --full
"""

import dataclasses
import math
import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call
from deephedge.costs import NoCost
from deephedge.markets import AbstractMarket, Path, RoughBergomi, Snapshot, simulate
from deephedge.numerics import normal, safe
from deephedge.numerics.draws import antithetic
from deephedge.numerics.statistics import influence, spread, standard_error
from deephedge.policies import DeltaHedge, Feedforward, Recurrent
from deephedge.pricing import BlackScholesFormula, implied_vol
from deephedge.reports import Finding, Paper, paired_by_seed
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid
from deephedge.training import default_optimizer, train_ensemble
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

PAPER = Paper(
    reference="Horvath, Teichmann and Žurič (2021), Deep hedging under rough volatility; Bayer, "
    "Friz and Gatheral (2016), Pricing under rough volatility",
    claim="Under rough volatility the skew explodes like a power of maturity, and a hedge gains "
    "from seeing the past.",
    minutes=8.0,
    deviations=(
        "Hedged with the stock alone, where Horvath and others trade forward variance too; that "
        "the past is needed is their claim, from memory, without a number to compare with."
    ),
)
WHY_MEMORY = (
    "the recurrent network could do all that the other does, so that its higher risk is that of "
    "its training: 200 steps do not find what the past adds, which tells more of the variance to "
    "come than v does alone (printed on the way)"
)
HURST, VOL_OF_VOL, CORRELATION, VARIANCE = 0.07, 1.9, -0.9, 0.235**2
MARKET = RoughBergomi(
    spot=100.0,
    forward_variance=VARIANCE,
    vol_of_vol=VOL_OF_VOL,
    hurst=HURST,
    correlation=CORRELATION,
)
MATURITIES = {"a week": 7 / 365, "two weeks": 14 / 365, "a month": 1 / 12, "3 months": 0.25}
MATURITIES |= {"6 months": 0.5, "a year": 1.0}
RISK = ExpectedShortfall(tail=0.5)
CLAIM = Call(strike=100.0, maturity=30 / 365)
N_STEPS, BATCH = 128, 2048
POWER = HURST - 0.5
LOWEST_ORDER = CORRELATION * VOL_OF_VOL * math.sqrt(2 * HURST) / (2 * (HURST + 0.5) * (HURST + 1.5))
BLIND, SEES = ("moneyness", "time", "deviations"), ("moneyness", "time", "deviations", "factors")
ARCHITECTURES = {
    "price, no memory": (Feedforward.create, {"features": BLIND, "width": 16}),
    "price, memory": (Recurrent.create, {"features": BLIND}),
    "price and variance, no memory": (Feedforward.create, {"features": SEES, "width": 16}),
    "price and variance, memory": (Recurrent.create, {"features": SEES}),
}


class LogVariance(AbstractMarket):
    """Rough Bergomi whose factor is the logarithm of the variance: a network sees it better."""

    model: RoughBergomi

    @property
    def normals_per_step(self) -> int:
        return self.model.normals_per_step

    def start(self) -> Snapshot:
        now = self.model.start()
        return dataclasses.replace(now, factors=safe.log(now.factors))

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        path = self.model.path(times, normals)
        return dataclasses.replace(path, factors=safe.log(path.factors))


@eqx.filter_jit
def given_variance(
    times: Float[Array, " time"], key: PRNGKeyArray, n_paths: int
) -> tuple[Float[Array, " path"], Float[Array, " path"], Float[Array, " path"]]:
    """Of each path of v: forward and deviation of the log-price given it, and v at the end."""
    source = antithetic(key, n_paths, N_STEPS, MARKET.normals_per_step, times.dtype)

    def one(index: Array) -> tuple[Scalar, Scalar, Scalar]:
        path = MARKET.path(times, source(index).at[:, 0].set(0.0))
        own = (1.0 - CORRELATION**2) * jnp.sum(path.factors[:-1, 0] * jnp.diff(times))
        # Without its own normals the price lacks the mean of their exponential.
        return path.prices[-1, 0] * jnp.exp(0.5 * own), jnp.sqrt(own), path.factors[-1, 0]

    return jax.lax.map(one, jnp.arange(n_paths), batch_size=BATCH)


def smile(
    log_strike: Scalar, maturity: Scalar, forward: Float[Array, " path"], own: Float[Array, " path"]
) -> Scalar:
    """The implied volatility of the mean price, with forwards scaled to the mean that they have."""
    strike, forward = 100.0 * jnp.exp(log_strike), forward * (100.0 / jnp.mean(forward))
    d1 = jnp.log(forward / strike) / own + 0.5 * own
    price = jnp.mean(forward * normal.cdf(d1) - strike * normal.cdf(d1 - own))
    return implied_vol(price, spot=100.0, strike=strike, tau=maturity)


@eqx.filter_jit
def curve(
    maturity: Scalar, key: PRNGKeyArray, n_paths: int, log_strikes: Float[Array, " strike"]
) -> tuple[Float[Array, " strike"], Scalar, Scalar]:
    """The smile, its slope at the money, and the mean of v over the forward variance."""
    times = maturity * jnp.linspace(0.0, 1.0, N_STEPS + 1)
    forward, own, variance = given_variance(times, key, n_paths)
    vols = jax.vmap(lambda k: smile(k, maturity, forward, own))(log_strikes)
    slope = jax.grad(smile)(jnp.zeros_like(maturity), maturity, forward, own)
    return vols, slope, jnp.mean(variance) / VARIANCE


def smile_findings(seed: int, n_paths: int, n_repeats: int) -> tuple[list[Finding], dict]:
    """The mean variance, the skew at a week, and its power of maturity; smiles for the picture."""
    keys = jax.random.split(jax.random.key(seed), n_repeats)
    reach = jnp.linspace(-2.0, 1.5, 15)
    smiles, skews, means = {}, {}, {}
    for name, maturity in MATURITIES.items():
        years, strikes = jnp.asarray(maturity, float), reach * math.sqrt(VARIANCE * maturity)
        found = [curve(years, key, n_paths, strikes) for key in keys]
        smiles[name] = np.asarray(strikes), np.mean([np.asarray(x[0]) for x in found], axis=0)
        skews[name] = np.array([float(x[1]) for x in found])
        means[name] = spread([float(x[2]) for x in found])
        print(f"{name}: skew {np.mean(skews[name]):.4f}, mean variance {means[name]}", flush=True)
    logs = np.log(list(MATURITIES.values()))
    powers = [
        np.polyfit(logs, np.log(-np.array(x)), 1)[0] for x in zip(*skews.values(), strict=True)
    ]
    power, week = spread(powers), spread(list(skews["a week"]))
    expected = LOWEST_ORDER * MATURITIES["a week"] ** POWER
    findings = [
        Finding(
            f"mean variance after {name}, of the forward variance",
            x.mean, 1.0, 4.0 * x.standard_error, x.standard_error, "E v = xi",
        )
        for name, x in means.items()
    ] + [
        Finding(
            "skew at the money at a week", week.mean, expected, 0.2 * abs(expected),
            week.standard_error, "lowest order in the volatility of variance",
        ),
        Finding(
            "power of maturity of the skew", power.mean, POWER, 0.05, power.standard_error,
            "the power law of the skew",
        ),
    ]  # fmt: skip
    return findings, {"smiles": smiles, "skews": {x: np.mean(y) for x, y in skews.items()}}


def told(seed: int, n_paths: int) -> tuple[float, float]:
    """Share of the log variance of the second half that today's v, and all of them, tell."""
    times = time_grid(float(CLAIM.maturity), 30)
    paths = simulate(LogVariance(MARKET), times, n_paths, key=jax.random.key(seed + 3))
    logs = np.asarray(paths.factors[..., 0])
    to_come = np.log(np.mean(np.exp(logs[:, 15:-1]), axis=1))
    shares = []
    for seen in (logs[:, 15:16], logs[:, 1:16]):
        design = np.column_stack([np.ones(n_paths), seen])
        fitted = design @ np.linalg.lstsq(design, to_come, rcond=None)[0]
        shares.append(float(np.var(fitted) / np.var(to_come)))
    return shares[0], shares[1]


def risks(seed: int, n_seeds: int, n_steps: int, n_judged: int) -> dict[str, list[float]]:
    """The risk of every architecture and seed, on the same fresh paths."""
    market = LogVariance(MARKET)
    problem = HedgingProblem(
        market, CLAIM, NoCost(), time_grid(float(CLAIM.maturity), 30), close_out=False
    )
    delta, found = DeltaHedge(CLAIM, BlackScholesFormula(vol=math.sqrt(VARIANCE))), {}
    judged = jax.random.key(seed + 1_000_003)
    pnl = sample(problem, delta, n_judged, key=judged, keep=pnl_only)
    print(f"delta: {float(RISK(pnl)):.4f} ± {float(standard_error(influence(RISK, pnl))):.4f}")
    for name, (create, options) in ARCHITECTURES.items():
        start = [
            create(
                market, CLAIM, problem.times, base=delta, key=jax.random.key(seed + i), **options
            )
            for i in range(n_seeds)
        ]
        trained = train_ensemble(
            problem,
            start,
            RISK,
            key=jax.random.key(seed + 7),
            optimizer=default_optimizer(n_steps, 0.01),
            n_steps=n_steps,
            n_paths=1024,
            averaging=0.97,
            validate_every=n_steps,
        )
        each = trained.risks(problem, RISK, n_paths=n_judged, key=judged)
        found[name] = [float(x) for x in each]
        print(f"{name}: {spread(found[name])}, {trained.seconds:.0f} s", flush=True)
    return found


def memory_findings(found: dict[str, list[float]]) -> list[Finding]:
    """What lacks for memory to lower the risk by two standard errors: 0 if it does."""
    findings = []
    for sees in ("price", "price and variance"):
        pair = {name: found[f"{sees}, {name}"] for name in ("memory", "no memory")}
        gap = paired_by_seed(pair)[0].difference
        change = f"risk with memory less without {gap.mean:+.4f}"
        what = f"hedge that sees {sees}: {change}; lacks for a gain"
        lacks = max(gap.mean + 2.0 * gap.standard_error, 0.0)
        findings.append(
            Finding(
                what, lacks, 0.0, 0.0, gap.standard_error, "their claim, from memory", WHY_MEMORY
            )
        )
    return findings


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The smile, its skew, and what memory is worth; the small size has the smile alone."""
    findings, drawn = smile_findings(seed, 4096 if smoke else 32_768, 4 if smoke else 10)
    if not smoke:
        now, past = told(seed, 16_384)
        print(f"of the variance to come v tells {now:.1%}, its past with it {past:.1%}")
        findings += memory_findings(risks(seed, n_seeds=4, n_steps=200, n_judged=65_536))
    if out is not None:
        draw(drawn, out)
    return findings


def draw(drawn: dict, out: pathlib.Path) -> None:
    """Smiles, and the skew at the money against maturity."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
    for name, (log_strikes, vols) in drawn["smiles"].items():
        left.plot(log_strikes, vols, label=name)
    left.set(xlabel="log(strike / spot)", ylabel="implied volatility")
    left.legend(frameon=False, fontsize=8)
    years = np.array(list(MATURITIES.values()))
    right.loglog(years, [-skew for skew in drawn["skews"].values()], "o-", label="simulated")
    lowest = -LOWEST_ORDER * years**POWER
    right.loglog(years, lowest, "k--", label="lowest order: power H − 1/2")
    right.set(xlabel="maturity, years", ylabel="skew at the money, −dσ/dk")
    right.legend(frameon=False)
    figure.savefig(out)
