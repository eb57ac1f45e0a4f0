"""A broker's commission: so much a contract, and a minimum a trade."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class Commission(AbstractCost):
    r"""Each asset traded costs $\max(c_j |n_j|, m_j)$, and nothing where $n_j = 0$.

    `per_contract` $c$ is in currency per unit traded, `minimum` $m$ in currency per trade; each a
    single number or one per asset. Below $m/c$ units the slope in the trade is zero: training does
    not see there that a smaller number of trades would be cheaper.

    As brokers of listed options and futures charge; with no minimum it is `CashSpread`.
    """

    per_contract: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("per_contract"))
    )
    minimum: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("minimum")), default=0.0
    )

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        due = jnp.maximum(self.per_contract * jnp.abs(trade), self.minimum)
        return jnp.sum(jnp.where(trade != 0, due, 0.0))

    @classmethod
    def example(cls) -> "Commission":
        """A typical member, for tests and documentation."""
        return cls(per_contract=0.65, minimum=1.0)
