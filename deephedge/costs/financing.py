"""What it costs to carry a position: borrowed cash, borrowed stock, margin."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.typing import Array, Float, Scalar


class Financing(eqx.Module):
    r"""What a position pays over a step of $\Delta$ years, beyond interest at the market's rate.

    With holdings h, prices S and the cash $C$ that is left of the wealth, all just after trading,

    $$C^-(e^{b\Delta} - 1) + C^+(1 - e^{-l\Delta}) + \sum_j (e^{f_j\Delta} - 1)(h_j S_j)^-
    + (e^{m\Delta} - 1) \sum_j q_j |h_j| S_j,$$

    so that borrowed cash costs the money-market rate and the spread b more, and lent cash earns
    the spread l less, both continuously compounded. All zero unless given.

    Args:
        borrow_spread: b, a year, over the money-market rate.
        lend_spread: l, a year, below the money-market rate.
        short_fee: f, a year, of the value of a short position; a single number or one per asset.
        margin: q, the share of a position's gross value that is required as margin; a single
            number or one per asset.
        margin_rate: m, a year, that the required margin costs.

    Reference: Bergman (1995), Option pricing with differential interest rates; Duffie, Gârleanu
    and Pedersen (2002), Securities lending, shorting, and pricing, for the fee.
    """

    borrow_spread: Scalar = eqx.field(converter=non_negative("borrow_spread"), default=0.0)
    lend_spread: Scalar = eqx.field(converter=non_negative("lend_spread"), default=0.0)
    short_fee: Float[Array, " asset"] = eqx.field(
        converter=per_asset(non_negative("short_fee")), default=0.0
    )
    margin: Float[Array, " share"] = eqx.field(
        converter=per_asset(non_negative("margin")), default=0.0
    )
    margin_rate: Scalar = eqx.field(converter=non_negative("margin_rate"), default=0.0)

    def charge(
        self, holdings: Float[Array, " asset"], cash: Scalar, now: Snapshot, years: Scalar
    ) -> Scalar:
        """Cash of `now` that carrying `holdings` and `cash` for so many years costs: never < 0."""
        value = holdings * now.prices
        borrowed = jnp.maximum(-cash, 0.0) * jnp.expm1(self.borrow_spread * years)
        lent = -jnp.maximum(cash, 0.0) * jnp.expm1(-self.lend_spread * years)
        shorted = jnp.sum(jnp.maximum(-value, 0.0) * jnp.expm1(self.short_fee * years))
        required = jnp.sum(self.margin * jnp.abs(value)) * jnp.expm1(self.margin_rate * years)
        return borrowed + lent + shorted + required

    @classmethod
    def example(cls) -> "Financing":
        """A typical member, for tests and documentation."""
        return cls(
            borrow_spread=0.01, lend_spread=0.0025, short_fee=0.005, margin=0.15, margin_rate=0.02
        )
