"""How orders become trades: in whole lots, late, and not at the price they were decided at."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, optional, per_asset
from deephedge.typing import Array, Float, Scalar


class Execution(eqx.Module):
    r"""What stands between deciding and holding.

    Args:
        lot: units that a trade must be a multiple of, 0 for any amount; a single number or one per
            asset. The order is rounded to the nearest multiple. Its slope is that of the order
            before rounding ("straight through"): rounding has none, and nothing could be trained.
        delay: whether what is decided at one date is traded at the next, at its price. Nothing is
            traded at the first date, and the order that waits at maturity is dropped. A policy
            decides on the account as it is once the order before has been filled.
        slippage: standard deviation $\sigma_j$ of the price of a trade from the price of its
            date, as a share of it; a single number or one per asset. A trade of $n_j$ units costs
            $n_j S_j \sigma_j Z_j$, with an independent standard normal Z for every date and asset:
            zero on average, and as often a gain.
        mean_slippage: what a trade pays on average, $|n_j| S_j \mu_j$.

    Reference: Perold (1988), The implementation shortfall, for the price decided at; Bengio,
    Léonard and Courville (2013), Estimating or propagating gradients through stochastic neurons,
    for straight-through slopes.
    """

    lot: Float[Array, " lot"] | None = eqx.field(
        converter=optional(per_asset(non_negative("lot"))), default=None
    )
    delay: bool = eqx.field(static=True, default=False)
    slippage: Float[Array, " slip"] | None = eqx.field(
        converter=optional(per_asset(non_negative("slippage"))), default=None
    )
    mean_slippage: Float[Array, " mean"] = eqx.field(
        converter=per_asset(non_negative("mean_slippage")), default=0.0
    )

    def rounded(self, trade: Float[Array, " asset"]) -> Float[Array, " asset"]:
        """The trade in whole lots."""
        if self.lot is None:
            return trade
        size = jnp.where(self.lot > 0, self.lot, 1.0)
        whole = jnp.where(self.lot > 0, size * jnp.round(trade / size), trade)
        # The difference is exactly 0, and its slope 1.
        return lax.stop_gradient(whole) + (trade - lax.stop_gradient(trade))

    def shortfall(
        self,
        trade: Float[Array, " asset"],
        now: Snapshot,
        normals: Float[Array, " asset"] | None,
    ) -> Scalar:
        """Cash that a trade pays over the prices of `now`; negative where it had luck."""
        value = trade * now.prices
        paid = self.mean_slippage * jnp.abs(value)
        if self.slippage is not None and normals is not None:
            paid = paid + self.slippage * normals * value
        return jnp.sum(paid)

    def normals_per_step(self, n_steps: int, n_assets: int) -> int:
        """Normals that slippage takes beside the market's: enough for one a date and asset."""
        return 0 if self.slippage is None else -(-(n_steps + 1) * n_assets // n_steps)

    def by_date(
        self, normals: Float[Array, "step normal"], n_assets: int
    ) -> Float[Array, "time asset"] | None:
        """The same normals, a row for each date a trade can be made at: one more than steps."""
        if self.slippage is None:
            return None
        n_dates = normals.shape[0] + 1
        return normals.reshape(-1)[: n_dates * n_assets].reshape(n_dates, n_assets)

    @classmethod
    def example(cls) -> "Execution":
        """A typical member, for tests and documentation."""
        return cls(lot=0.1, delay=True, slippage=0.0005, mean_slippage=0.0001)
