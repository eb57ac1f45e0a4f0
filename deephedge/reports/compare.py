"""Policies on the same paths: every measure with its error, and paired differences."""

from collections.abc import Callable, Mapping

import jax.numpy as jnp

from deephedge.markets import Path
from deephedge.numerics.checks import refuse_other
from deephedge.numerics.draws import Draws, antithetic, pseudo
from deephedge.policies import AbstractPolicy
from deephedge.reports.comparison import Comparison, Estimate
from deephedge.reports.errors import Errors, Measured, bootstrap_errors, influence_errors
from deephedge.reports.outcome import Outcome, outcome
from deephedge.risk import AbstractRiskMeasure
from deephedge.rollout import HedgingProblem, replay, sample_each
from deephedge.typing import Array, Float, PRNGKeyArray

Optimum = float | Mapping[str, float] | None


def compare(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    measures: Mapping[str, AbstractRiskMeasure],
    *,
    n_paths: int,
    key: PRNGKeyArray,
    baseline: str | None = None,
    draws: Draws = pseudo,
    batch_size: int | None = None,
    optimum: Optimum = None,
    certificate: Mapping[str, float] | None = None,
    progress: bool = False,
) -> Comparison:
    """Every policy on the same fresh paths, with standard errors from influence functions.

    Args:
        baseline: the policy that differences are taken from; the first if left out.
        optimum: the least possible risk, of the only measure or by the measure's name; adds the
            share of the way from the baseline to it.
        certificate: what no hedge can be below, by the measure's name; adds the share of each risk
            that a better hedge might save.
        progress: whether to print a line a policy.
    """
    pairs = 2 if draws is antithetic else 1
    if n_paths < 2 or n_paths % pairs:
        raise ValueError(
            f"`n_paths` must be an even number with antithetic draws and at least 2, got "
            f"{n_paths}; pass `n_paths={max(2, n_paths + n_paths % 2)}`."
        )
    baseline = _checked(policies, measures, baseline)

    outcomes = sample_each(
        problem,
        policies,
        n_paths,
        key=key,
        draws=draws,
        keep=outcome,
        batch_size=batch_size,
        report=_lines(policies) if progress else None,
    )
    errors = influence_errors(groups=pairs)
    found = _compared(problem, outcomes, measures, baseline, errors, optimum)
    return found if certificate is None else found.certified(certificate)


def compare_recorded(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    measures: Mapping[str, AbstractRiskMeasure],
    paths: Path,
    *,
    weights: Float[Array, "resample path"],
    key: PRNGKeyArray | None = None,
    baseline: str | None = None,
    batch_size: int | None = None,
    optimum: Optimum = None,
    progress: bool = False,
) -> Comparison:
    """Every policy on the same given paths, with standard errors from resampling them.

    Args:
        weights: the share of each path in each resample, from `backtest.block_weights`.
        key: draws the slippage of a problem that has it, the same for every policy.
    """
    baseline = _checked(policies, measures, baseline)
    if weights.shape[1] != paths.time.shape[0]:
        raise ValueError(
            f"`weights` must have a column for each of the {paths.time.shape[0]} paths, "
            f"got {weights.shape[1]}; pass `weights=block_weights({paths.time.shape[0]}, ...)`."
        )

    report = _lines(policies) if progress else None
    outcomes = {}
    for name, policy in policies.items():
        outcomes[name] = replay(
            problem, policy, paths, key=key, keep=outcome, batch_size=batch_size
        )
        if report is not None:
            report(name)
    errors = bootstrap_errors(weights)
    return _compared(problem, outcomes, measures, baseline, errors, optimum)


def _checked(policies: Mapping, measures: Mapping, baseline: str | None) -> str:
    refuse_other("policies", policies, Mapping, '{"delta": DeltaHedge(claim, pricer)}')
    refuse_other("measures", measures, Mapping, '{"entropic": Entropic(aversion=1.0)}')
    for name, policy in policies.items():
        refuse_other(f"policies[{name!r}]", policy, AbstractPolicy, "DeltaHedge(claim, pricer)")
    for name, risk in measures.items():
        refuse_other(f"measures[{name!r}]", risk, AbstractRiskMeasure, "Entropic(aversion=1.0)")
    if not policies or not measures:
        raise ValueError("`policies` and `measures` must each have at least one entry.")
    baseline = next(iter(policies)) if baseline is None else baseline
    if baseline not in policies:
        raise ValueError(f"`baseline` must be one of {', '.join(policies)}, got {baseline!r}.")
    return baseline


def _lines(policies: Mapping[str, AbstractPolicy]) -> Callable[[str], None]:
    """Prints a line for each policy that is done."""
    numbers = {name: number for number, name in enumerate(policies, start=1)}
    return lambda name: print(f"{numbers[name]}/{len(numbers)} {name}", flush=True)


def _mean(values: Array, weights: Array) -> Array:
    return jnp.sum(weights * values)


def _deviation(values: Array, weights: Array) -> Array:
    centred = values - jnp.sum(weights * values)
    return jnp.sqrt(jnp.sum(weights * centred**2))


def _compared(
    problem: HedgingProblem,
    outcomes: Mapping[str, Outcome],
    measures: Mapping[str, AbstractRiskMeasure],
    baseline: str,
    errors: Errors,
    optimum: Optimum,
) -> Comparison:
    best = _optimum(optimum, measures)
    base = outcomes[baseline]
    quantities = [
        *((name, measure, lambda o: o.pnl) for name, measure in measures.items()),
        ("mean P&L", _mean, lambda o: o.pnl),
        ("std P&L", _deviation, lambda o: o.pnl),
        ("cost", _mean, lambda o: o.cost),
        *([("carry", _mean, lambda o: o.carry)] if problem.financing is not None else []),
        ("turnover", _mean, lambda o: o.turnover),
        ("trades", _mean, lambda o: o.trades),
    ]
    estimates = []
    for quantity, functional, of in quantities:
        reference = errors.measured(functional, of(base))
        for policy, result in outcomes.items():
            measured = errors.measured(functional, of(result))
            numbers = errors.paired(measured, reference)
            share = _share(measured, reference, best.get(quantity), errors)
            estimates.append(Estimate(policy, quantity, *numbers, *share))
    return Comparison(
        policies=tuple(outcomes),
        measures=tuple(measures),
        outcomes=outcomes,
        estimates=tuple(estimates),
        n_paths=base.pnl.shape[0],
        baseline=baseline,
        errors=errors.words,
        optimum=best,
    )


def _optimum(optimum: Optimum, measures: Mapping) -> dict[str, float]:
    if optimum is None:
        return {}
    if isinstance(optimum, Mapping):
        unknown = set(optimum) - set(measures)
        if unknown:
            raise ValueError(f"`optimum` must name measures, got {', '.join(sorted(unknown))}.")
        return {name: float(value) for name, value in optimum.items()}
    if len(measures) > 1:
        raise ValueError(
            "`optimum` must say which measure it belongs to; pass "
            f"`optimum={{{next(iter(measures))!r}: {optimum!r}}}`."
        )
    return {next(iter(measures)): float(optimum)}


def _share(
    policy: Measured, baseline: Measured, optimum: float | None, errors: Errors
) -> tuple[float, float] | tuple[None, None]:
    """The optimality share and its error, to first order in the errors of both risks."""
    if optimum is None or baseline.value == optimum:
        return None, None
    excess = baseline.value - optimum
    left = (policy.value - optimum) / excess
    spread = (policy.spread - left * baseline.spread) / excess
    return 1 - left, errors.standard_error(spread)
