"""Everything in the market above the floor, everything in cash below it."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.insurance.base import AbstractPortfolioPolicy, Past, mix
from deephedge.typing import Array, Float, Scalar


class StopLoss(AbstractPortfolioPolicy):
    r"""Sell all when the basket falls below the floor, buy back when it rises above.

    $$E_t = W_t\,1\{W_0 I_t > F_t\}, \qquad F_t = \varphi\,W_0/D_t$$

    with $I_t$ the index of the basket, 1 at the start, and $\varphi$ `floor` as in `CPPI`: the
    trigger is what the initial wealth *would* be worth in the basket. The wealth itself would be
    no trigger for buying back: in cash it grows with the floor. It looks like a free put and is
    none: each return to the market is dearer than the last sale, by the size of a step, and the
    floor is missed by the sum.

    Reference: Carr and Jarrow (1990), The stop-loss start-gain paradox and option valuation.
    """

    floor: Scalar = eqx.field(converter=non_negative("floor"))
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    leverage: Scalar = eqx.field(converter=positive("leverage"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)

    def begin(self) -> None:
        return None

    def exposure(self, now: Snapshot, wealth: Scalar, past: Past, own: None) -> tuple[Scalar, None]:
        above = past.level > self.floor / now.discount
        return jnp.where(above, wealth, 0.0), None

    @classmethod
    def example(cls) -> "StopLoss":
        """A typical member, for tests and documentation."""
        return cls(floor=0.95)
