"""What an experiment found, beside what the paper printed."""

import dataclasses
import sys
from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class Finding:
    """One number of ours beside the paper's."""

    claim: str
    ours: float
    theirs: float
    tolerance: float
    """How far apart they may be, in the units of the number."""

    @property
    def holds(self) -> bool:
        """Whether ours is within the tolerance of theirs; never where ours is not a number."""
        return abs(self.ours - self.theirs) <= self.tolerance

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        return (
            f"{verdict}  {self.claim}: ours {self.ours:.6g}, "
            f"theirs {self.theirs:.6g} ± {self.tolerance:.2g}"
        )


def main(experiment: Callable[[], Sequence[Finding]]) -> None:
    """Run an experiment, print its findings, and exit with 1 if one does not hold."""
    findings = experiment()
    for finding in findings:
        print(finding)
    sys.exit(0 if all(finding.holds for finding in findings) else 1)
