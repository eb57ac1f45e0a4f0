"""Risk arbitrage: the target of a merger bought, the acquirer sold short, until the deal ends."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset, positive, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.typing import Array, Float, Scalar


class MergerArbitrage(AbstractTargetPolicy):
    r"""Hold the target against the acquirer, and perhaps puts, until the deal closes or breaks.

    While it is pending, for each of `units` target shares,

    $$-m\,e^{-(\lambda + q)(T - t)} \text{ acquirer shares, and the overlay's options;}$$

    then nothing. With $\lambda = 0$ the spread is locked in: a deal that closes pays it whatever
    the acquirer does (q lets the short position grow to m by the dividends it owes). With the
    $\lambda$ that the price contains the position is neutral to the acquirer today, as the target
    follows it less where it may stay alone. What is left is the break: the target falls to what it
    is worth alone while the acquirer is still sold short.

    The problem's claim is `NoClaim`: the P&L is that of the position.

    Args:
        closing: T, the date at which the deal closes, in years.
        ratio: m, acquirer shares for each target share; 0 in a cash deal.
        units: target shares.
        break_intensity: $\lambda$ a year, of the hedge.
        dividend: q, the acquirer's yield.
        overlay: units of each listed instrument for each target share, as puts on the target;
            a single number or one per instrument.
        broken_factor: the market's factor that is 1 once the deal is broken, as in `MergerMarket`.

    Reference: Mitchell and Pulvino (2001), Characteristics of risk and return in risk arbitrage,
    section 2.
    """

    closing: Scalar = eqx.field(converter=positive("closing"))
    ratio: Scalar = eqx.field(converter=non_negative("ratio"), default=0.0)
    units: Scalar = eqx.field(converter=real("units"), default=1.0)
    break_intensity: Scalar = eqx.field(converter=non_negative("break_intensity"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    overlay: Float[Array, " instrument"] = eqx.field(
        converter=per_asset(real("overlay")), default=0.0
    )
    broken_factor: int = eqx.field(static=True, default=0)
    target: int = eqx.field(static=True, default=0)
    acquirer: int = eqx.field(static=True, default=1)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        first = max(self.target, self.acquirer) + 1
        n_instruments = now.prices.shape[0] - first
        if n_instruments < 0 or now.factors.shape[0] <= self.broken_factor:
            raise ValueError(
                "`market` must have two stocks and a factor that tells of a break, got "
                f"{now.prices.shape[0]} assets and {now.factors.shape[0]} factors; use "
                "`MergerMarket(...)`."
            )
        if self.overlay.shape[0] not in (1, n_instruments):
            raise ValueError(
                f"`overlay` must be one number, or one for each of the {n_instruments} "
                f"instruments, got {self.overlay.shape[0]}."
            )
        left = jnp.maximum(self.closing - now.time, 0.0)
        short = self.ratio * jnp.exp(-(self.break_intensity + self.dividend) * left)
        each = jnp.zeros(first, now.prices.dtype).at[self.target].set(1.0)
        each = each.at[self.acquirer].set(-short)
        each = jnp.concatenate([each, jnp.broadcast_to(self.overlay, (n_instruments,))])
        pending = (now.factors[self.broken_factor] < 0.5) & (left > 1e-6 * self.closing)
        return jnp.where(pending, self.units * each, 0.0)

    @classmethod
    def example(cls) -> "MergerArbitrage":
        """A typical member, for tests and documentation."""
        return cls(closing=0.25, ratio=1.2, break_intensity=0.4, dividend=0.01)
