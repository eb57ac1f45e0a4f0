"""What an experiment found, beside what the paper printed."""

import argparse
import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence

import jax


@dataclasses.dataclass(frozen=True)
class Finding:
    """One number of ours beside the paper's."""

    claim: str
    ours: float
    theirs: float
    tolerance: float
    """How far apart they may be, in the units of the number; stated before it was measured."""
    error: float = 0.0
    """The standard error of ours, where it is simulated or differs between seeds."""
    place: str = ""
    """Where theirs stands in the paper."""
    why: str = ""
    """Where the two disagree: the reason, as far as it was found."""
    at_most: bool = False
    """Whether ours may be less than theirs by any amount: a risk that another hedge might lower."""

    @property
    def holds(self) -> bool:
        """Whether ours is within the tolerance of theirs; never where ours is not a number."""
        excess = self.ours - self.theirs
        return (excess if self.at_most else abs(excess)) <= self.tolerance

    def __str__(self) -> str:
        verdict = "holds" if self.holds else "FAILS"
        return (
            f"{verdict}  {self.claim}: ours {self.ours:.6g}, "
            f"theirs {self.theirs:.6g} ± {self.tolerance:.2g}"
        )


@dataclasses.dataclass(frozen=True)
class Paper:
    """What a file `experiments/author_year_subject.py` reproduces; its `PAPER`."""

    reference: str
    """Authors, year and title."""
    claim: str
    """What the paper says, in one sentence."""
    minutes: float
    """That the full size takes, about, on two cores."""
    deviations: str = ""
    """What is done differently, and which of the paper's numbers are from memory."""


def main(experiment: Callable[[], Sequence[Finding]]) -> None:
    """Run an experiment, print its findings, and exit with 1 if one does not hold."""
    findings = experiment()
    for finding in findings:
        print(finding)
    sys.exit(0 if all(finding.holds for finding in findings) else 1)


def script(description: str | None, experiment: Callable[..., Sequence[Finding]]) -> None:
    """Run `experiment(seed, smoke, out)` from the command line, in float64.

    `--seed` is 0 unless given, `--smoke` asks for a small size, `--out` for a picture.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path)
    options = parser.parse_args()
    with jax.enable_x64(True):
        main(lambda: experiment(options.seed, options.smoke, options.out))
