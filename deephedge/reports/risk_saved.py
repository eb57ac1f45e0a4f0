"""Where the risk that a policy saves comes from: costs, gains, a narrower P&L, its shape."""

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from deephedge.reports.comparison import Comparison
from deephedge.reports.outcome import Outcome
from deephedge.reports.text import text_tables, with_error
from deephedge.risk import AbstractCashInvariantMeasure
from deephedge.typing import Array, Float

PARTS = ("costs", "mean gains", "spread", "shape", "total")
N_BATCHES = 16
"""Of paths, whose differences give the errors."""


@dataclasses.dataclass(frozen=True)
class RiskSaved:
    """The parts of each policy's risk less the baseline's; less is better, and they add up.

    "costs": mean trading costs; "mean gains": the rest of the mean P&L, with the other sign;
    "spread": what comes of a P&L with another deviation about its mean, and "shape" of one with
    another law at the same deviation (its tails, its skew).
    """

    parts: dict[str, dict[str, tuple[float, float]]]
    """By policy, then by part: the value and its standard error."""
    measure: str
    baseline: str
    n_paths: int

    def header(self) -> list[str]:
        """Column titles of `rows`."""
        return ["policy", *PARTS]

    def rows(self) -> list[list[str]]:
        """A row a policy, as text."""
        return [
            [name, *(with_error(*own[part]) for part in PARTS)] for name, own in self.parts.items()
        ]

    @property
    def caption(self) -> str:
        """How to read the table."""
        return (
            f"Risk ({self.measure}) less that of {self.baseline}, by what it comes from, ± "
            f"standard error, on {self.n_paths:,} paths; less is better. Costs: less trading. "
            "Mean gains: what the hedge earned or lost on average. Spread: a P&L closer to its "
            "mean, from better timing. Shape: other tails, or skew, at the same deviation."
        )

    def summary(self) -> dict[str, Any]:
        """Ready for JSON."""
        policies = {
            policy: {part: {"value": v, "standard_error": e} for part, (v, e) in own.items()}
            for policy, own in self.parts.items()
        }
        return {"measure": self.measure, "baseline": self.baseline, "policies": policies}

    def __str__(self) -> str:
        return text_tables(self.header(), self.rows(), self.caption)


def risk_saved(comparison: Comparison, measure: AbstractCashInvariantMeasure) -> RiskSaved:
    r"""Split the risk of every policy, less the baseline's, in four.

    With P&L $X = \mu + \sigma Z$ of the policy and $X_0 = \mu_0 + \sigma_0 Z_0$ of the baseline,

    $$\rho(X) - \rho(X_0) = [\bar c - \bar c_0] - [(\mu + \bar c) - (\mu_0 + \bar c_0)]
    + [\rho(\sigma Z_0) - \rho(\sigma_0 Z_0)] + [\rho(\sigma Z) - \rho(\sigma Z_0)]$$

    with mean costs $\bar c$: exact for every measure in units of cash. Standard errors are those
    of the mean over batches of paths, which all policies share.
    """
    base = comparison.outcomes[comparison.baseline]
    n_paths = base.pnl.shape[0]
    size = n_paths // N_BATCHES
    if size < 2:
        raise ValueError(f"`comparison` must have at least {2 * N_BATCHES} paths, got {n_paths}.")
    found = {}
    for name, own in comparison.outcomes.items():
        if name == comparison.baseline:
            continue
        whole = _parts(own, base, measure, slice(None))
        batches = np.asarray(
            [_parts(own, base, measure, slice(i * size, (i + 1) * size)) for i in range(N_BATCHES)]
        )
        errors = np.std(batches, axis=0, ddof=1) / np.sqrt(N_BATCHES)
        found[name] = {
            part: (float(value), float(error))
            for part, value, error in zip(PARTS, whole, errors, strict=True)
        }
    return RiskSaved(found, type(measure).__name__, comparison.baseline, n_paths)


def _parts(
    own: Outcome, base: Outcome, measure: AbstractCashInvariantMeasure, rows: slice
) -> Float[np.ndarray, " part"]:
    """The parts on some of the paths, in the order of `PARTS`."""
    mean, deviation, shape = _standardised(own.pnl[rows])
    base_mean, base_deviation, base_shape = _standardised(base.pnl[rows])
    costs = jnp.mean(own.cost[rows]) - jnp.mean(base.cost[rows])
    earned = mean - base_mean + costs
    narrower = measure(deviation * base_shape) - measure(base_deviation * base_shape)
    other = measure(deviation * shape) - measure(deviation * base_shape)
    return np.asarray([costs, -earned, narrower, other, costs - earned + narrower + other])


def _standardised(pnl: Float[Array, " path"]) -> tuple[Array, Array, Float[Array, " path"]]:
    mean, deviation = jnp.mean(pnl), jnp.std(pnl)
    return mean, deviation, (pnl - mean) / jnp.where(deviation > 0, deviation, 1.0)
