"""How training goes: what `train` is told beside the problem, the policy and the risk."""

import dataclasses
from collections.abc import Callable

import optax

from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import Draws

Schedule = Callable[[int], float]
"""A number for each step of training, from 0."""

PRECISIONS = ("full", "bfloat16")
"""What the network computes in: the precision of everything else, or 8 bits of mantissa."""

THRESHOLDS = ("solved", "trained")
"""Whether a measure's threshold is the best one for each batch, or trained with the weights."""


@dataclasses.dataclass(frozen=True)
class Settings:
    """How a run goes: the arguments of `train`."""

    optimizer: optax.GradientTransformation
    n_steps: int
    n_paths: int
    draws: Draws
    validation_paths: int
    validate_every: int
    patience: int | None
    averaging: float
    threshold: str
    cost_schedule: Schedule | None
    precision: str

    def __post_init__(self):
        at_least_one(n_steps=self.n_steps, n_paths=self.n_paths)
        for name, known in (("threshold", THRESHOLDS), ("precision", PRECISIONS)):
            if vars(self)[name] not in known:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(known)}, got {vars(self)[name]!r}."
                )
        if not 0.0 <= self.averaging < 1.0:
            raise ValueError(f"`averaging` must be in [0, 1), got {self.averaging}.")
