"""Buehler, Gonon, Teichmann and Wood (2019), section 5.2: hedging in Heston's model, no costs.

A call at the money, 30 days of 365 in 30 steps, in Heston's model with mean reversion 1, long
variance and variance 0.04, volatility of variance 2, correlation -0.7, under the pricing measure;
traded are the stock and the idealised variance swap. Hedges are trained for the expected shortfall
of the worst 50 % (the paper's alpha = 0.5) and of the worst 1 % (0.99). The indifference price is
the least shortfall without a premium; figure 7 charges q = 1.69, the price by the model.

Tolerances, stated beforehand: half a unit of the last digit for q; for the rest 0.03, a tenth of
what 50 % adds to q, and four standard errors. A shortfall that a better trained hedge might lower
is held to be no more than the paper's: how far below it ours lies is in the number. "Mean loss" is
taken for E[max(-P&L, 0)]: E[-P&L] would be 0 for any hedge. Two seeds. The small size trains
nothing: trained for 50 % a hedge looks like the model's, says the paper, so that the model's should
have the row of the table for 50 %, to 0.1.

    deephedge reproduce buehler_2019_heston_shortfall --full
"""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
from buehler_2019 import (
    FEATURES,
    MATURITY,
    NOTIONAL,
    REFERENCE,
    SMALL,
    at_the_money,
    draws_for,
    heston,
    model_hedge,
    price_by_the_model,
    problem,
    value_and_error,
)

from deephedge.policies import AbstractPolicy, Account, Feedforward
from deephedge.reports import Finding, Paper
from deephedge.risk import ExpectedShortfall
from deephedge.rollout import HedgingProblem, pnl_only, sample
from deephedge.training import default_optimizer, train_ensemble
from deephedge.typing import Array, Float

PAPER = Paper(
    reference=REFERENCE,
    claim="Trained for a tail, a hedge has that tail's least risk; for 50 % it looks like delta.",
    minutes=8.0,
    deviations=(
        "Paths by Andersen's scheme in place of Broadie and Kaya's; one network for all dates that "
        "corrects the model's hedge, and sees the swap's price, in place of one a date. The swap "
        "has a notional of 1,000. Figure 7 on 300,000 paths and two seeds."
    ),
)
PREMIUM = 1.69
# tail: mean loss, shortfall at 50 %, shortfall at 1 %; charging 1.69
FIGURE_7 = {0.5: (0.1514, 0.2531, 2.3631), 0.01: (0.2635, 0.527, 1.8034)}
PRICES = {0.5: 1.94, 0.01: 3.49}
WHOLE = (401, 49, 1024)
"""Log-prices and variances of the model hedge's table, and terms of its Fourier series."""


def stated() -> HedgingProblem:
    return problem(at_the_money(), premium=PREMIUM)


def mean_loss(pnl: Float[Array, " path"], weights: Float[Array, " path"]) -> Array:
    return jnp.sum(weights * jnp.maximum(-pnl, 0.0))


MEASURES = (mean_loss, ExpectedShortfall(0.5), ExpectedShortfall(0.01))


def learned(
    problem: HedgingProblem, base: AbstractPolicy, tail: float, keys: list[int], n_steps: int
) -> tuple[AbstractPolicy, ...]:
    """A hedge a seed."""
    policies = [
        Feedforward.create(
            problem.market,
            problem.claim,
            problem.times,
            base=base,
            features=FEATURES,
            width=16,
            key=jax.random.key(key),
        )
        for key in keys
    ]
    return train_ensemble(
        problem,
        policies,
        ExpectedShortfall(tail),
        key=jax.random.key(keys[0] + 1),
        optimizer=default_optimizer(n_steps, 0.01),
        n_steps=n_steps,
        n_paths=2048,
        draws=draws_for(problem, base, tail, keys[0]),
        averaging=0.98,
        threshold="trained",
        validation_paths=16_384,
        validate_every=n_steps // 2,
    ).policies


def judged(
    problem: HedgingProblem, policies: tuple[AbstractPolicy, ...], n_paths: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean loss and shortfall at 50 % and 1 %: means over the hedges, and standard errors."""
    values, errors = [], []
    for policy in policies:
        pnl = sample(problem, policy, n_paths, key=jax.random.key(seed), keep=pnl_only)
        each = [value_and_error(measure, pnl) for measure in MEASURES]
        values.append([float(value) for value, _ in each])
        errors.append([float(error) for _, error in each])
    between = np.var(values, axis=0, ddof=min(len(values) - 1, 1)) / len(values)
    return np.mean(values, axis=0), np.sqrt(between + np.mean(errors, axis=0) ** 2)


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """The prices, and figure 7's table; the small size has the model's hedge alone."""
    task, n_paths, judge_seed = stated(), 20_000 if smoke else 300_000, seed + 1_000_003
    base, free = model_hedge(task, SMALL if smoke else WHOLE), float(price_by_the_model())
    findings = [Finding("price by the model", free, PREMIUM, 0.005, place="section 5.2")]
    ours, errors = judged(task, (base,), n_paths, judge_seed)
    print("model hedge, charging 1.69:", ours, errors)
    hedges: dict[str, AbstractPolicy] = {"model": base}
    if smoke:
        findings += compared(0.5, ours, errors, 0.1, "model's hedge")
    for tail in () if smoke else FIGURE_7:
        name = f"trained for {tail:.0%}"
        policies = learned(task, base, tail, [seed, seed + 100], 500)
        hedges[name] = policies[0]
        ours, errors = judged(task, policies, n_paths, judge_seed)
        print(f"{name}:", ours, errors, flush=True)
        findings += compared(tail, ours, errors, 0.03, name)
    if out is not None:
        draw(task, hedges, out)
    return findings


def compared(
    tail: float, ours: np.ndarray, errors: np.ndarray, room: float, hedge: str
) -> list[Finding]:
    """The price, and a row of figure 7; what the hedge was not trained for is no more than it."""
    which = 1 if tail == 0.5 else 2
    price, error = PREMIUM + float(ours[which]), float(errors[which])
    findings = [
        Finding(
            f"price at {tail:.0%}",
            price,
            PRICES[tail],
            room + 4 * error,
            error,
            "section 5.2",
            at_most=tail < 0.5,
        )
    ]
    names = ("mean loss", "shortfall at 50 %", "shortfall at 1 %")
    for i, name in enumerate(names):
        what, theirs, error = f"{name}, {hedge}", FIGURE_7[tail][i], float(errors[i])
        one_sided = tail < 0.5 or i == 2
        findings.append(
            Finding(
                what,
                float(ours[i]),
                theirs,
                room + 4 * error,
                error,
                "figure 7",
                at_most=one_sided,
            )
        )
    return findings


def surface(
    task: HedgingProblem, hedge: AbstractPolicy, base: AbstractPolicy
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log-prices, variances, and what is held there after 15 days, holding the model's hedge."""
    time = task.times[15]
    log_prices, variances = jnp.linspace(-0.12, 0.12, 61), jnp.linspace(0.001, 0.15, 41)
    start, model = task.market.start(), heston()

    def at(x: jax.Array, v: jax.Array) -> jax.Array:
        left, past = MATURITY - time, model.long_variance * time
        ahead = model.long_variance * left + (v - model.long_variance) * -jnp.expm1(-left)
        prices = jnp.stack([100.0 * jnp.exp(x), NOTIONAL * (past + ahead)])
        factors = jnp.stack([v, past])
        now = dataclasses.replace(start, time=time, prices=prices, factors=factors)
        account = Account(base.observe(now), jnp.zeros_like(time))
        return hedge.step(now, account, hedge.init())[0]

    held = jax.jit(jax.vmap(jax.vmap(at, (0, None)), (None, 0)))(log_prices, variances)
    return np.asarray(log_prices), np.asarray(variances), np.asarray(held)


def draw(task: HedgingProblem, hedges: dict[str, AbstractPolicy], out: pathlib.Path) -> None:
    """The holdings of stock and swap over price and variance, like figures 2 and 3."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        2, len(hedges), figsize=(3.2 * len(hedges), 5.4), layout="constrained", squeeze=False
    )
    found = {name: surface(task, hedge, hedges["model"]) for name, hedge in hedges.items()}
    for row, what in enumerate(("shares", "swaps")):
        top = max(float(held[..., row].max()) for *_, held in found.values())
        low = min(float(held[..., row].min()) for *_, held in found.values())
        levels = np.linspace(low, top, 17)
        for column, (name, (x, v, held)) in enumerate(found.items()):
            panel = axes[row][column]
            drawn = panel.contourf(100.0 * np.exp(x), v, held[..., row], levels)
            panel.set_title(f"{what}: {name}", fontsize=9)
            panel.set_xlabel("price")
        axes[row][0].set_ylabel("variance")
        figure.colorbar(drawn, ax=axes[row], format="%.2f")
    figure.savefig(out)
