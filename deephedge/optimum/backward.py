"""Backward through the dates: the risk of the rest, and what to hold."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractEuropean
from deephedge.optimum.charges import Charges
from deephedge.optimum.curve import Curve
from deephedge.optimum.expectation import BLOCK, certainty_equivalent, extended
from deephedge.optimum.given import Given
from deephedge.optimum.law import AbstractLaw
from deephedge.optimum.maturity import at_maturity
from deephedge.optimum.trade import Decision, best_trade
from deephedge.typing import Array, Float, Scalar


class Setting(eqx.Module):
    """A problem as dynamic programming sees it."""

    law: AbstractLaw
    claim: AbstractEuropean
    charges: Charges
    times: Float[Array, " time"]
    spot: Scalar
    rate: Scalar
    dividend: Scalar
    aversion: Scalar
    close_out: bool = eqx.field(static=True)


class Grid(eqx.Module):
    """Log-prices over their trend, `BLOCK` at a time, and holdings."""

    dx: Scalar
    held: Float[Array, " node"]
    n_prices: int = eqx.field(static=True)
    reach: int = eqx.field(static=True)
    """How many log-prices a step may cross."""

    def log_prices(self, beyond: int = 0) -> Float[Array, " price"]:
        """The log-prices, and `beyond` more on either side; 0 is one of them."""
        n = jnp.arange(-beyond, self.n_prices + beyond) - self.n_prices // 2
        return self.dx * n.astype(self.dx.dtype)


class After(NamedTuple):
    """What a date looks forward to."""

    exponent: Float[Array, "state wide node"]
    """Aversion times the risk from the next date on, less the worth of the holdings there."""
    slope: Float[Array, "state wide node"]
    """That risk's slope in the holdings, less what a share is worth there."""
    risk: Curve
    """That risk, on the grid."""


class Backward(NamedTuple):
    """The risk at the first date by state and holdings before the trade; what to do at each."""

    risk: Curve
    decisions: Decision
    levels: Float[Array, " step"]
    """The price at log-price 0, by date."""


@eqx.filter_jit
def backward(setting: Setting, grid: Grid, given: Given | None = None) -> Backward:
    r"""Solve $J_k(s, h) = \min_{h'} D_k c(h' - h) + \rho_k(J_{k+1} - h'\,\text{gain}_{k+1})$.

    With $\rho$ the entropic risk of one step, from $J_T$ = payoff (and the cost of closing out).
    Wealth is no state: the entropic measure passes over what is certain. Where a hedge is given,
    h' is what it holds, and nothing is looked for.

    Reference: Hodges and Neuberger (1989); Davis, Panas and Zariphopoulou (1993).
    """
    dt = jnp.diff(setting.times)
    trends = jax.vmap(setting.law.trend)(dt)
    levels = setting.spot * jnp.exp(jnp.append(jnp.zeros_like(dt[:1]), jnp.cumsum(trends)))
    discounts = jnp.exp(-setting.rate * setting.times)
    wide = grid.log_prices(grid.reach)
    n_states = setting.law.variances.shape[0]
    a, held = setting.aversion, grid.held
    row = held[None, None, :]

    def growth(k: Array | int) -> Scalar:
        """Today's money for a share's price at the date after date k, dividends included."""
        return discounts[k + 1] * jnp.exp(setting.dividend * dt[k])

    def step(after: After, k: Array) -> tuple[After, Decision]:
        weights = setting.law.weights(dt[k], grid.dx, grid.reach)
        log_mean, mean = certainty_equivalent(
            after.exponent, after.slope, weights, everywhere=given is not None
        )
        price = levels[k] * jnp.exp(grid.log_prices())
        unit = (discounts[k] * price)[None, :, None]
        curve = Curve(held, log_mean / a + unit * row, mean + unit)
        prices = jnp.broadcast_to(price, (n_states, grid.n_prices))
        if given is None:
            risk, decision = best_trade(curve, prices, discounts[k], setting.charges)
        else:
            state = (prices, setting.law.variances, setting.times[k], discounts[k])
            risk, decision = given.trade(curve, *state, setting.charges)
        # What the date before looks forward to; of no use at the first date, and not used there.
        prices = levels[k] * jnp.exp(wide)
        value, slope = extended(risk.value, risk.slope, prices, grid.reach)
        unit = (growth(jnp.maximum(k - 1, 0)) * prices)[None, :, None]
        return After(a * (value - unit * row), slope - unit, risk), decision

    last = dt.shape[0] - 1
    closing = setting.charges if setting.close_out else None
    exponent, slope = at_maturity(
        setting.claim, closing, wide, levels[-1], held, discounts[-1], growth(last), a
    )
    nothing = jnp.zeros((n_states, grid.n_prices, held.shape[0]), held.dtype)
    exponent, slope = (jnp.broadcast_to(x, (n_states, *x.shape)) for x in (exponent, slope))
    end = After(exponent, slope, Curve(held, nothing, nothing))
    first, decisions = lax.scan(step, end, jnp.arange(last + 1), reverse=True)
    return Backward(first.risk, decisions, levels[:-1])


def whole_blocks(n_prices: int) -> int:
    """The next multiple of the block size."""
    return BLOCK * -(-n_prices // BLOCK)
