"""Architectures side by side: risk between seeds, and paired tests that hold together."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from deephedge.numerics.statistics import Spread, holm, paired_p_value, spread


@dataclasses.dataclass(frozen=True)
class PairedDifference:
    """Risk of one architecture less that of another, seed by seed; negative: the first is better.

    Seed i of both was trained on the same draws and judged on the same paths.
    """

    first: str
    second: str
    difference: Spread
    p_value: float
    """Of Student's paired test, adjusted for all the pairs by Holm's method."""


def between_seeds(risks: Mapping[str, Sequence[float]]) -> dict[str, Spread]:
    """Mean, standard error and spread of the risk of each architecture over its seeds."""
    return {name: spread(values) for name, values in risks.items()}


def paired_by_seed(risks: Mapping[str, Sequence[float]]) -> list[PairedDifference]:
    """Every pair of architectures, with p-values that hold for all pairs together.

    Reference: Holm (1979); Demšar (2006), Statistical comparisons of classifiers, section 3.
    """
    if len({len(values) for values in risks.values()}) > 1:
        counts = {name: len(values) for name, values in risks.items()}
        raise ValueError(f"`risks` must have as many seeds for each architecture, got {counts}.")
    pairs = list(itertools.combinations(risks, 2))
    gaps = [(np.asarray(risks[a]) - np.asarray(risks[b])).tolist() for a, b in pairs]
    adjusted = holm([paired_p_value(gap) for gap in gaps])
    return [
        PairedDifference(a, b, spread(gap), float(p))
        for (a, b), gap, p in zip(pairs, gaps, adjusted, strict=True)
    ]
