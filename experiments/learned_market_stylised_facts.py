"""A market learned from the S&P 500, 1999 to 2018: does it have the facts of its record?

Two markets are fitted, one by likelihood alone and one by likelihood and signatures. For each,
200 records as long as the real one are simulated, from the record's mean volatility on, and every
stylised fact of the real record is set beside the central 98 % of the simulated ones: it should
be within. One fact cannot be: the record's returns have a small negative autocorrelation, and the
market's have none, being a martingale's. Then the record is cut at the end of 2013: what is fitted
on the first part is judged by its log-likelihood on the second, beside GARCH(1,1).

    python experiments/learned_market_stylised_facts.py [--records 200] [--seed 0]
"""

import argparse
import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.calibration import LearnedFlow, fit_conditional_flow, fit_garch, stylised_facts
from deephedge.calibration.conditional_flow import days_of, log_densities
from deephedge.calibration.garch import garch_log_density
from deephedge.data import sp500
from deephedge.markets import simulate
from deephedge.reports import Finding
from deephedge.reports.experiment import main

DT = 1 / 252
CUT = "2014-01-01"


def facts_beside(name: str, learned: LearnedFlow, returns: np.ndarray, n_records: int, key):
    """Every fact of the record with the range of the simulated ones."""
    model = learned.model
    model = dataclasses.replace(
        model, vols=jnp.full_like(model.vols, model.level), trends=jnp.zeros_like(model.trends)
    )
    dtype = model.level.dtype
    times = DT * jnp.arange(len(returns) + 1, dtype=dtype)
    paths = simulate(model, times, n_records, key=key)
    made = jnp.diff(jnp.log(paths.prices[:, :, 0]), axis=1)
    facts = jax.vmap(stylised_facts)(made) | {"vol": jnp.std(made, axis=1) / DT**0.5}
    real = jnp.asarray(returns, dtype)
    recorded = stylised_facts(real) | {"vol": jnp.std(real) / DT**0.5}
    findings = []
    for fact, value in recorded.items():
        low, middle, high = np.quantile(np.asarray(facts[fact]), [0.01, 0.5, 0.99])
        print(
            f"{name}: {fact} {float(value):.3f} recorded, {middle:.3f} simulated, "
            f"98 % in {low:.3f} to {high:.3f}"
        )
        if fact == "autocorrelation":
            findings.append(Finding(f"{name}: median {fact}", float(middle), 0.0, 0.01))
        else:
            half = 0.5 * float(high - low)
            findings.append(Finding(f"{name}: {fact}", float(value), float(low) + half, half))
    return findings


def out_of_sample(prices: np.ndarray, n_before: int, options: dict, key) -> list[Finding]:
    """Log-likelihood a day after the cut, beside that of GARCH."""
    before = prices[:n_before]
    learned = fit_conditional_flow(before, dt=DT, key=key, **options)
    returns = np.diff(np.log(prices))
    model = learned.model
    assert model.drift is not None
    days, _, _ = days_of(model, returns - float(model.drift) * DT, DT)
    ours = np.asarray(log_densities(model, days, jnp.asarray(DT, model.level.dtype)))
    garch = fit_garch(before, dt=DT)
    parameters = jnp.asarray([garch.parameters[k] for k in ("drift", "base", "news", "memory")])
    with jax.numpy_dtype_promotion("standard"):
        theirs = np.asarray(garch_log_density(parameters, jnp.asarray(returns), jnp.asarray(DT)))
    after = slice(n_before - 1, None)
    gain = ours[after] - theirs[after]
    error = float(np.std(gain)) / np.sqrt(len(gain))
    print(
        f"after the cut, {len(gain)} days: log-likelihood a day {np.mean(ours[after]):.4f}, "
        f"GARCH(1,1) {np.mean(theirs[after]):.4f}, gain {np.mean(gain):.4f} ({error:.4f})"
    )
    return [Finding("gain over GARCH a day, out of sample", float(np.mean(gain)), 0.1, 0.08)]


def experiment(n_records: int = 200, seed: int = 0, **options) -> list[Finding]:
    """Both fits, their facts, and the likelihood out of sample."""
    closes = sp500().column("close")
    prices = closes.to_numpy()
    returns = np.diff(np.log(prices))
    fit_key, record_key = jax.random.split(jax.random.key(seed))
    findings: list[Finding] = []
    for name, extra in (("likelihood", {"signature_updates": 0}), ("with signatures", {})):
        learned = fit_conditional_flow(prices, dt=DT, key=fit_key, **(options | extra))
        print(
            f"{name}: log-likelihood a day {learned.log_likelihood / len(returns):.4f}, "
            f"signature score {learned.signature_score:.4f}"
        )
        facts = facts_beside(name, learned, returns, n_records, record_key)
        if name == "with signatures":
            # Without bias, so of either sign where the laws are alike.
            findings = [*facts, Finding("signature score", learned.signature_score, 0.0, 0.03)]
    n_before = int(np.sum(np.asarray(closes.index) < np.datetime64(CUT)))
    return findings + out_of_sample(prices, n_before, options, fit_key)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    settings = parser.parse_args()
    main(lambda: experiment(settings.records, settings.seed))
