"""How far a measure is from the real-world one, in the eyes of a risk measure."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.risk.base import AbstractRiskMeasure
from deephedge.risk.entropic import Entropic
from deephedge.risk.expected_shortfall import ExpectedShortfall
from deephedge.risk.optimised_certainty_equivalent import (
    ExponentialUtility,
    OptimisedCertaintyEquivalent,
    QuadraticUtility,
    ShortfallUtility,
)
from deephedge.typing import Scalar


class AbstractPenalty(eqx.Module):
    r"""For $\rho(X) = \sup_Q E_Q[-X] - E_P[\phi(L)]$ with L = dQ/dP: $\phi(L)/L$ from $\log L$."""

    @abstractmethod
    def __call__(self, log_density: Scalar) -> Scalar:
        """A number whose mean under Q is the penalty."""


class RelativeEntropy(AbstractPenalty):
    r"""$\log(L)/a$: that of the entropic risk (Donsker and Varadhan, 1983)."""

    aversion: Scalar

    def __call__(self, log_density: Scalar) -> Scalar:
        return log_density / self.aversion


class ChiSquare(AbstractPenalty):
    r"""$(L - 1)/(2a)$: that of quadratic utility, $E_P[(L - 1)^2]/(2a)$.

    Reference: Ben-Tal and Teboulle (2007).
    """

    aversion: Scalar

    def __call__(self, log_density: Scalar) -> Scalar:
        return 0.5 * jnp.expm1(log_density) / self.aversion


class Cap(eqx.Module):
    r"""None where $L \le 1/\tau$, and infinite beyond: that of expected shortfall."""

    tail: Scalar


def penalty_of(risk: AbstractRiskMeasure) -> AbstractPenalty | Cap:
    """The penalty of a risk measure, or a `ValueError` if it is not known."""
    match risk:
        case Entropic():
            return RelativeEntropy(risk.aversion)
        case OptimisedCertaintyEquivalent(utility=ExponentialUtility() as utility):
            return RelativeEntropy(utility.aversion)
        case OptimisedCertaintyEquivalent(utility=QuadraticUtility() as utility):
            return ChiSquare(utility.aversion)
        case ExpectedShortfall():
            return Cap(risk.tail)
        case OptimisedCertaintyEquivalent(utility=ShortfallUtility() as utility):
            return Cap(utility.tail)
    raise ValueError(
        "`risk` must be Entropic, ExpectedShortfall or an optimised certainty equivalent of one of "
        f"the library's utilities, got {type(risk).__name__}: its dual is not known here."
    )
