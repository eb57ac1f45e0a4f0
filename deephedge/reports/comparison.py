"""The result of a comparison: every number with its error, as a frame, as JSON, as text."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from deephedge.reports.outcome import Outcome
from deephedge.reports.text import decimals, text_tables, with_error

if TYPE_CHECKING:
    import pandas


@dataclasses.dataclass(frozen=True)
class Estimate:
    """One number of one policy, and how it differs from the baseline's on the same paths."""

    policy: str
    measure: str
    value: float
    standard_error: float
    difference: float
    """Policy less baseline; for a risk or a cost, negative is better."""
    difference_error: float
    difference_low: float
    """Lower end of the 95 % confidence interval."""
    difference_high: float
    optimality_share: float | None = None
    """(baseline - policy) / (baseline - optimum): 1 for the best possible hedge."""
    optimality_share_error: float | None = None
    """Its standard error, that of the baseline included, the optimum taken as exact."""
    gap: float | None = None
    """(policy - certificate) / |policy|: the share of the risk that a better hedge might save."""
    gap_error: float | None = None
    """Its standard error, that of the policy's risk: the certificate is a confidence limit."""

    @property
    def better(self) -> bool:
        """Whether the whole interval of the difference lies below zero."""
        return self.difference_high < 0

    @property
    def value_text(self) -> str:
        """The value and its standard error."""
        return with_error(self.value, self.standard_error)

    @property
    def difference_text(self) -> str:
        """The difference and its interval."""
        numbers = (self.difference, self.difference_low, self.difference_high)
        digits = decimals(self.difference_error)
        middle, low, high = (f"{number:+.{digits}f}" for number in numbers)
        return f"{middle} [{low}, {high}]"

    @property
    def share_text(self) -> str:
        """The optimality share and its standard error, where the optimum is known."""
        share, error = self.optimality_share, self.optimality_share_error
        return "–" if share is None or error is None else f"{share:.1%} ± {error:.1%}"

    @property
    def gap_text(self) -> str:
        """The gap to the certificate and its standard error, where there is one."""
        return "–" if self.gap is None else f"{self.gap:.2%} ± {self.gap_error:.2%}"

    def above(self, certificate: float) -> "Estimate":
        """The same with its gap to a certificate; none where the value is zero."""
        if self.value == 0.0:
            return self
        gap = (self.value - certificate) / abs(self.value)
        error = self.standard_error * abs(certificate) / self.value**2
        return dataclasses.replace(self, gap=gap, gap_error=error)


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Policies side by side on the same paths."""

    policies: tuple[str, ...]
    measures: tuple[str, ...]
    """Names of the risk measures; the estimates hold further quantities of the ledger."""
    outcomes: Mapping[str, Outcome]
    estimates: tuple[Estimate, ...]
    n_paths: int
    baseline: str
    errors: str
    """How standard errors and intervals were made, in words."""
    optimum: Mapping[str, float]
    """The least possible risk, for the measures where it is known."""
    certificate: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """A number below the risk of every hedge, for the measures that have one."""

    @property
    def quantities(self) -> tuple[str, ...]:
        """Everything estimated: the measures, then P&L, cost and trading."""
        return tuple(dict.fromkeys(estimate.measure for estimate in self.estimates))

    def at(self, policy: str, quantity: str) -> Estimate:
        """The estimate of one quantity for one policy."""
        found = [e for e in self.estimates if (e.policy, e.measure) == (policy, quantity)]
        if not found:
            raise KeyError(
                f"no `{quantity}` of `{policy}`; policies: {', '.join(self.policies)}; "
                f"quantities: {', '.join(self.quantities)}."
            )
        return found[0]

    def least(self, quantity: str) -> float:
        """The least value of one quantity over all policies."""
        return min(self.at(policy, quantity).value for policy in self.policies)

    def certified(self, certificate: Mapping[str, float]) -> "Comparison":
        """The same with what no hedge can be below, by measure: see `optimum.certificate`."""
        estimates = tuple(
            e.above(certificate[e.measure]) if e.measure in certificate else e
            for e in self.estimates
        )
        return dataclasses.replace(self, estimates=estimates, certificate=dict(certificate))

    def frame(self) -> "pandas.DataFrame":
        """The tidy table: a row for every policy and quantity."""
        import pandas

        return pandas.DataFrame([dataclasses.asdict(estimate) for estimate in self.estimates])

    def summary(self) -> dict[str, Any]:
        """The same as nested dictionaries, ready for JSON: policy, then quantity."""
        rows: dict[str, Any] = {name: {} for name in self.policies}
        for estimate in self.estimates:
            row = dataclasses.asdict(estimate)
            rows[row.pop("policy")][row.pop("measure")] = row
        return {
            "n_paths": self.n_paths,
            "baseline": self.baseline,
            "errors": self.errors,
            "optimum": dict(self.optimum),
            "certificate": dict(self.certificate),
            "policies": rows,
        }

    @property
    def caption(self) -> str:
        """How to read the table."""
        known = "".join(f" Least possible {k}: {v:.6g}." for k, v in self.optimum.items())
        proven = "".join(f" No hedge has {k} below {v:.6g}." for k, v in self.certificate.items())
        return (
            f"{self.n_paths:,} paths, the same for every policy. Risk: less is better. "
            f"Baseline: {self.baseline}. {self.errors}{known}{proven}"
        )

    def __str__(self) -> str:
        return text_tables(self.header(), self.rows(), self.caption)

    def header(self) -> list[str]:
        """Column titles of `rows`."""
        titles = ["policy"]
        for quantity in self.quantities:
            titles.append(quantity)
            if quantity in self.measures:
                titles.append(f"{quantity} less {self.baseline}'s [95 %]")
            if quantity in self.optimum:
                titles.append(f"share of {self.baseline}'s excess {quantity} removed")
            if quantity in self.certificate:
                titles.append(f"most that a better hedge saves of {quantity}")
        return titles

    def rows(self) -> list[list[str]]:
        """The table as text: a row a policy, each value with its standard error."""
        return [[name, *self._cells(name)] for name in self.policies]

    def _cells(self, policy: str) -> list[str]:
        cells = []
        for quantity in self.quantities:
            e = self.at(policy, quantity)
            cells.append(e.value_text)
            if quantity in self.measures:
                cells.append("–" if policy == self.baseline else e.difference_text)
            if quantity in self.optimum:
                cells.append(e.share_text)
            if quantity in self.certificate:
                cells.append(e.gap_text)
        return cells
