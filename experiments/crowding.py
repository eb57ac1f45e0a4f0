"""How far hedgers move the volatility that they hedge, against the share of the market they hold.

Holders of a share rho of all shares outstanding M have sold a one-year call on each of them (short
gamma) or bought one (long gamma), and all hedge by its Black-Scholes delta at 20 %. Bought shares
raise the price for good: all M of them would raise its logarithm by 1. A move dlog S then brings
trades of rho Gamma S dlog S of M, which move the price again and again:

    sigma_eff = sigma / (1 - a),  a = +- rho Gamma S,  to first order sigma (1 + a)

(Frey and Stremme 1997; Platen and Schweizer 1998), + for short gamma.
Hedgers here trade a step after the move: returns follow r' = e + a r, whose variance over many
steps is that of the formula; over one step it is only sigma^2 / (1 - a^2). So volatility is
measured over blocks of many steps, the first left out, in which the hedge is set up. Beside it
stands the formula with the mean of 1 / (1 - a)^2 along the same paths.

    python experiments/crowding.py [--smoke] [--seed 0] [--out docs/strategies/crowding.svg]
"""

import pathlib

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import Call, EuropeanPortfolio, NoClaim
from deephedge.costs import NoCost, PermanentImpact
from deephedge.markets import BlackScholes, simulate
from deephedge.policies import DeltaHedge
from deephedge.pricing import BlackScholesFormula
from deephedge.reports import Finding
from deephedge.reports.experiment import script
from deephedge.rollout import HedgingProblem, replay, time_grid

VOL, HORIZON = 0.2, 0.25
SHARES = (-0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.15, 0.2)
"""Of the market; below 0 the hedgers have bought their calls."""
CALL = Call(strike=100.0, maturity=1.0)
PRICER = BlackScholesFormula(vol=VOL)
BLOCK = 50


@eqx.filter_jit
def measured(key, share, times, n_paths):
    """Per path: realised variance over blocks; the formula's, both a year; and the mean of a."""
    market = BlackScholes(spot=100.0, vol=VOL)
    # pyright takes the abstract `maturity`, here a property, for an argument.
    book = EuropeanPortfolio((CALL,), share[None])  # pyright: ignore[reportCallIssue]
    problem = HedgingProblem(
        *(market, NoClaim(maturity=HORIZON), NoCost(), times),
        close_out=False,
        impact=PermanentImpact(1.0),
    )
    paths = simulate(market, times, n_paths, key=key)
    trades = replay(problem, DeltaHedge(book, PRICER), paths).trades[:, :-1, 0]
    shift = jnp.cumsum(trades, axis=1)
    logs = jnp.log(paths.prices[:, 1:, 0]) + shift
    block = jnp.diff(logs[:, BLOCK - 1 :: BLOCK], axis=1)
    years = HORIZON - times[BLOCK]
    realised = jnp.sum(block**2, axis=1) / years

    def feedback(log_price, time):
        def delta(x):
            now = market.start()
            now = eqx.tree_at(lambda n: (n.prices, n.time), now, (jnp.exp(x)[None], time))
            return jax.grad(lambda s: PRICER.price(book, eqx.tree_at(lambda n: n.prices, now, s)))(
                now.prices
            )[0]

        return jax.grad(delta)(log_price)

    a = jax.vmap(jax.vmap(feedback), (0, None))(logs[:, BLOCK - 1 :: 10], times[BLOCK::10])
    return realised, jnp.mean(VOL**2 / (1.0 - a) ** 2, axis=1), jnp.mean(a, axis=1)


def measure(seed: int, smoke: bool) -> np.ndarray:
    """Rows: share, volatility, its standard error, the formula's, that to first order."""
    n_steps, n_paths = (200, 128) if smoke else (1000, 1000)
    times, rows = time_grid(HORIZON, n_steps), []
    for share in SHARES[::4] if smoke else SHARES:
        found = measured(jax.random.key(seed), jnp.asarray(share), times, n_paths)
        realised, formula, a = (np.asarray(x) for x in found)
        vol = np.sqrt(realised.mean())
        error = realised.std() / np.sqrt(n_paths) / (2.0 * vol)
        rows.append((share, vol, error, np.sqrt(formula.mean()), VOL * (1.0 + a.mean())))
        print(
            f"share {share:+.2f}: volatility {vol:.4f} ± {error:.4f}, formula {rows[-1][3]:.4f}, "
            f"first order {rows[-1][4]:.4f}"
        )
    return np.asarray(rows)


def experiment(
    seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None
) -> list[Finding]:
    """Measure the volatility at each share, and draw it."""
    rows = measure(seed, smoke)
    if out is not None:
        draw(rows, out)
    # Blocks of m steps miss 2 a / ((1 - a^2) m) of the variance: half of it is added.
    findings = []
    for share, vol, error, formula, _ in rows.tolist():
        a = 1.0 - VOL / formula
        lag = abs(a) / (1.0 - a**2) / BLOCK
        findings.append(
            Finding(f"volatility at share {share:+.2f}", vol, formula, 4.0 * error + lag * vol)
        )
    return findings


def draw(rows: np.ndarray, out: pathlib.Path) -> None:
    """Measured volatility against the share of the market, with the two formulas."""
    import matplotlib.pyplot as plt

    share, vol, error, formula, first = 100.0 * rows.T
    figure, axes = plt.subplots(figsize=(6.4, 3.8), layout="constrained")
    axes.plot(share, formula, color="C0", label="σ / (1 − a)")
    axes.plot(share, first, color="C1", linestyle="--", label="σ (1 + a), first order")
    axes.errorbar(share, vol, 2.0 * error, fmt="k.", capsize=3, label="measured, ± 2 errors")
    axes.axhline(100.0 * VOL, color="0.7", linewidth=0.8)
    axes.set_xlabel("share of the market that hedges, %  (left: long gamma, right: short gamma)")
    axes.set_ylabel("realised volatility, %")
    axes.legend(frameon=False)
    figure.savefig(out)


if __name__ == "__main__":
    script(__doc__, experiment)
