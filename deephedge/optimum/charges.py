"""What a trade in one asset costs, as the numbers that dynamic programming needs."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.costs.cash_spread import CashSpread
from deephedge.costs.fixed import FixedCost
from deephedge.costs.half_spread import HalfSpread
from deephedge.costs.none import NoCost
from deephedge.costs.proportional import ProportionalCost
from deephedge.costs.quadratic_impact import QuadraticImpact
from deephedge.costs.sum import CostSum
from deephedge.typing import Array, Float, Scalar


class Charges(eqx.Module):
    r"""A trade of n units at price S costs $(\varepsilon S + u)|n| + k S n^2 + f\,1\{n \ne 0\}$.

    With $\varepsilon$ `rate`, $u$ `per_unit`, $k$ `quadratic` and $f$ `fee`, in cash of the date.
    """

    rate: Scalar
    per_unit: Scalar
    quadratic: Scalar
    fee: Scalar
    has_quadratic: bool = eqx.field(static=True)
    has_fee: bool = eqx.field(static=True)

    def linear(self, price: Float[Array, "*state"]) -> Float[Array, "*state"]:
        """The cost of a unit bought or sold, impact and fee apart."""
        return self.rate * price + self.per_unit


def charges(cost: AbstractCost) -> Charges:
    """The numbers of a cost, or a `ValueError` if it has another shape."""
    parts = _parts(cost)

    def total(kind: type, field: str) -> Scalar:
        found = [vars(part)[field][0] for part in parts if isinstance(part, kind)]
        return sum((x.astype(float) for x in found), start=jnp.zeros((), float))

    quadratic, fee = total(QuadraticImpact, "coefficient"), total(FixedCost, "fee")
    found = Charges(
        rate=total(ProportionalCost, "rate") + 1e-4 * total(HalfSpread, "basis_points"),
        per_unit=total(CashSpread, "half_spread"),
        quadratic=quadratic,
        fee=fee,
        has_quadratic=any(isinstance(part, QuadraticImpact) for part in parts),
        has_fee=any(isinstance(part, FixedCost) for part in parts),
    )
    return found


def _parts(cost: AbstractCost) -> list[AbstractCost]:
    match cost:
        case CostSum():
            return [part for one in cost.costs for part in _parts(one)]
        case (
            NoCost()
            | ProportionalCost()
            | HalfSpread()
            | CashSpread()
            | FixedCost()
            | QuadraticImpact()
        ):
            return [cost]
    raise ValueError(
        "`cost` must be none, proportional, fixed or quadratic, or a sum of these, for the optimum "
        f"to be solved, got {type(cost).__name__}."
    )
