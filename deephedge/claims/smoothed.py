"""Claims whose jumps are replaced by ramps of a stated width."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.autocallable import Autocallable
from deephedge.claims.barrier import BarrierOption
from deephedge.claims.base import AbstractClaim, carried
from deephedge.claims.dates import period_ends
from deephedge.claims.digital import DigitalCall, DigitalPut
from deephedge.claims.portfolio import EuropeanPortfolio
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


def smoothed(claim: AbstractClaim, width: float | Scalar) -> AbstractClaim:
    r"""The claim with every jump spread over prices `width` (a share of the level) apart.

    A digital becomes a call or put spread, an indicator in a barrier or note the ramp
    $s(\log(S/L)/\text{width} + \tfrac12)$, $s(x) = \min(\max(x, 0), 1)$, centred at the level.
    So simulated Greeks are pathwise, and the value is another one, by about the square of the
    width: at 4 % a digital of half a year at 20 % volatility is off by 0.0005; an up-and-out call
    at 120 on a spot of 100, watched six times in that time, loses 5 %, 1.4 % and 0.4 % of its
    value at widths of 8 %, 4 % and 2 %. The wider the ramp, the less the error of the Greeks. The
    cheap choice: one path a Greek, in any model, where `MonteCarlo` without smoothing takes steps
    of its own to follow every level, without bias.

    Reference: Glasserman (2003), section 7.2.2, for why the payoff must be continuous.
    """
    ramp = positive("width")(width)
    if isinstance(claim, DigitalCall | DigitalPut):
        kind, sign = (Call, 1.0) if isinstance(claim, DigitalCall) else (Put, -1.0)
        span = ramp * claim.strike
        first, second = (
            kind(
                strike=claim.strike - sign * 0.5 * side * span,
                maturity=claim.maturity,
                asset=claim.asset,
            )
            for side in (1.0, -1.0)
        )
        weights = jnp.stack([1.0 / span, -1.0 / span])
        return EuropeanPortfolio(claims=(first, second), weights=weights)  # pyright: ignore[reportCallIssue]
    if isinstance(claim, BarrierOption):
        return SmoothedBarrier(claim, ramp)  # pyright: ignore[reportCallIssue]
    if isinstance(claim, Autocallable):
        return SmoothedAutocallable(claim, ramp)  # pyright: ignore[reportCallIssue]
    raise TypeError(
        "`claim` must be a digital, an option with one barrier or an autocallable note, got "
        f"{type(claim).__name__}; use `MonteCarlo(model, ...)`, whose Greeks need no smoothing."
    )


class SmoothedBarrier(AbstractClaim):
    """A barrier option that is lost (or gained) by degrees as the price nears the barrier.

    At each date the share of it that is left shrinks by a ramp of `width`, a share of the barrier.
    `progress` is that share and today's value of the rebates paid so far. See `smoothed`.
    """

    option: BarrierOption
    width: Scalar = eqx.field(converter=positive("width"))

    @property
    def maturity(self) -> Scalar:
        """The date, in years, at which the option pays."""
        return self.option.maturity

    def payoff(self, path: Path) -> Scalar:
        left, paid = self.progress(path)[-1]
        option = self.option
        gain = path.prices[-1, option.asset] - option.strike
        owed = jnp.maximum(gain if option.call else -gain, 0.0)
        if option.knock_in:
            return (1.0 - left) * owed + left * option.rebate
        return left * owed + paid / path.discount[-1]

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        option = self.option
        beyond = _ramp(path.prices[:, option.asset], option.barrier, self.width)
        lost = beyond if option.up else 1.0 - beyond
        first = jnp.stack([1.0 - lost[0], option.rebate * lost[0] * path.discount[0]])

        def step(memory: Array, date: tuple[Scalar, Scalar]) -> tuple[Array, Array]:
            share, discount = date
            left, paid = memory
            memory = jnp.stack(
                [left * (1.0 - share), paid + option.rebate * left * share * discount]
            )
            return memory, memory

        start = carried(path, first)
        _, rest = lax.scan(step, start, (lost[1:], path.discount[1:]))
        return jnp.concatenate([start[None], rest])

    @classmethod
    def example(cls) -> "SmoothedBarrier":
        """A typical member, for tests and documentation."""
        return cls(BarrierOption.example(), 0.02)  # pyright: ignore[reportCallIssue]


class SmoothedAutocallable(AbstractClaim):
    """An autocallable note that is called, and pays its coupons, by degrees.

    Each indicator of the note is a ramp of `width`, a share of its level. `progress` is the
    note's, with shares between 0 and 1. See `smoothed`.
    """

    note: Autocallable
    width: Scalar = eqx.field(converter=positive("width"))

    @property
    def maturity(self) -> Scalar:
        """The date, in years, at which the note ends at the latest."""
        return self.note.maturity

    def payoff(self, path: Path) -> Scalar:
        note, (lives, _, paid) = self.note, self.progress(path)[-1]
        price = path.prices[-1, note.asset]
        safe_share = _ramp(price, note.protection_level, self.width)
        share = safe_share + (1.0 - safe_share) * price / note.initial
        return paid / path.discount[-1] + lives * note.notional * share

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        note = self.note
        observed = period_ends(path, note.maturity / note.n_observations)
        price = path.prices[:, note.asset]
        earns = _ramp(price, note.coupon_level, self.width)
        called = _ramp(price, note.call_level, self.width)

        def step(memory: Array, date: tuple[Array, ...]) -> tuple[Array, Array]:
            earns, called, discount, now = date
            lives, missed, paid = memory
            coupons = earns * note.coupon * (missed + 1.0)
            cash = lives * note.notional * (coupons + called)
            after = jnp.stack(
                [lives * (1.0 - called), (1.0 - earns) * (missed + 1.0), paid + cash * discount]
            )
            memory = jnp.where(now, after, memory)
            return memory, memory

        start = carried(path, jnp.asarray([1.0, 0.0, 0.0], path.prices.dtype))
        return lax.scan(step, start, (earns, called, path.discount, observed))[1]

    @classmethod
    def example(cls) -> "SmoothedAutocallable":
        """A typical member, for tests and documentation."""
        return cls(Autocallable.example(), 0.02)  # pyright: ignore[reportCallIssue]


def _ramp(price: Array, level: Scalar, width: Scalar) -> Array:
    """From 0 to 1 as the price rises through the level."""
    return jnp.clip(jnp.log(price / level) / width + 0.5, 0.0, 1.0)
