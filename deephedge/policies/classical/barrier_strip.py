"""A barrier option hedged by a portfolio of listed options that is held until the barrier."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier import BarrierOption
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.classical.listed_options import SAME, Strikes, listed_options
from deephedge.pricing.listed import AbstractListed, listed_market
from deephedge.typing import Array, Float


class AbstractBarrierStrip(AbstractTargetPolicy):
    r"""Holds vanilla options until the barrier is reached, and then what is left to hedge.

    A knock-out is hedged by the vanilla option V of its strike and expiry, and by options M that
    cost as much as V pays at the barrier, $V + M = 0$ there, and that pay nothing on the near side
    of it. At the hit all is sold. A knock-in is V less the knock-out: $-M$, exchanged for V at the
    hit. Between the two trades nothing is done. The hit is read from what the claim remembers.
    """

    claim: eqx.AbstractVar[BarrierOption]
    market: eqx.AbstractVar[AbstractListed]

    @abstractmethod
    def offset(self) -> Float[Array, " instrument"]:
        """Units M of each instrument that offset a unit of the vanilla option at the barrier."""

    def vanilla(self) -> Float[Array, " instrument"]:
        """One unit of the option of the claim's strike and expiry."""
        options = self.own_kind()
        chosen = options.like(self.claim.strike, self.claim.maturity)
        return self.spread(options, chosen.astype(options.strikes.dtype))

    def own_kind(self) -> Strikes:
        """The listed options that are calls if the claim is one, else puts."""
        return listed_options(self.market, Call if self.claim.call else Put, self.claim.asset)

    def spread(self, options: Strikes, units: Float[Array, " option"]) -> Array:
        """Units of some options as units of every instrument."""
        none = jnp.zeros(len(self.market.instruments), units.dtype)
        return none.at[jnp.asarray(options.places)].set(units)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        if now.progress.shape != (1,):
            raise ValueError(
                "`claim` must be what is sold: a BarrierOption remembers one number, the snapshot "
                f"has {now.progress.shape[0]}."
            )
        vanilla, offset = self.vanilla(), self.offset()
        nothing = jnp.zeros_like(vanilla)
        before, after = (-offset, vanilla) if self.claim.knock_in else (vanilla + offset, nothing)
        units = jnp.where(now.progress[0] > 0, after, before)
        others = jnp.zeros(now.prices.shape[0] - units.shape[0], now.prices.dtype)
        return jnp.concatenate([others, units.astype(now.prices.dtype)])


def check_strip(claim: BarrierOption, market: AbstractListed) -> None:
    """Refuse a claim with a rebate, and a market that does not list the claim's vanilla option."""
    if isinstance(claim.rebate, Tracer):
        return
    if float(claim.rebate) != 0.0:
        raise ValueError(f"`claim` must have no rebate, got {float(claim.rebate):g}.")
    kind = Call if claim.call else Put
    require(market, kind, claim, float(claim.strike))


def require(
    market: AbstractListed, kind: type[Call] | type[Put], claim: BarrierOption, strike: float
) -> None:
    """Refuse a market that does not list exactly one such option with the claim's expiry."""
    options = listed_options(market, kind, claim.asset)
    expiry = float(claim.maturity)
    same = np.isclose(np.asarray(options.strikes), strike, rtol=SAME, atol=0.0)
    same &= np.isclose(np.asarray(options.expiries), expiry, rtol=SAME, atol=0.0)
    if np.sum(same) != 1:
        raise ValueError(
            f"`market` must list once a {kind.__name__} of strike {strike:.10g} that expires at "
            f"{expiry:.10g}, got {int(np.sum(same))}; pass "
            f"`listed_market(model, [{kind.__name__}(strike={strike:.10g}, "
            f"maturity={expiry:.10g}), ...])`."
        )


class PutCallSymmetry(AbstractBarrierStrip):
    r"""Hedge a barrier option with its vanilla option and one option struck at the mirror image.

    $$\text{down-and-out call}(K, B) = C(K) - \frac{K}{B}\,P\Bigl(\frac{B^2}{K}\Bigr), \quad
    B \le K, \qquad \text{up-and-out put}(K, B) = P(K) - \frac{K}{B}\,C\Bigl(\frac{B^2}{K}\Bigr),
    \quad B \ge K,$$

    until the barrier is touched; then both are sold, for nothing. It holds where the asset's
    forward is its price (rate and dividend yield equal) and the smile at the barrier is symmetric:
    $C(K)\sqrt{B/K} = P(B^2/K)\sqrt{K/B}$ at $S = B$, as under Black and Scholes at any volatility,
    or under Heston without correlation. A price that passes the barrier between two dates, a jump,
    or a skew leaves a gap. See `AbstractBarrierStrip` for knock-ins.

    Args:
        claim: what was sold: a call with a barrier below, or a put with one above; no rebate.
        market: that lists the option of the claim's strike and the one of strike $B^2/K$.

    Reference: Carr, Ellis and Gupta (1998), Static hedging of exotic options, section 2; Bates
    (1997), The skewness premium, for the symmetry.
    """

    claim: BarrierOption
    market: AbstractListed

    def __check_init__(self):
        claim = self.claim
        if claim.call == claim.up:
            raise ValueError(
                "`claim` must be a call with a barrier below or a put with one above, got a "
                f"{'call' if claim.call else 'put'} with one {'above' if claim.up else 'below'}; "
                "use `CalendarStrip(claim, market)`."
            )
        check_strip(claim, self.market)
        if isinstance(claim.strike, Tracer):
            return
        strike, barrier = float(claim.strike), float(claim.barrier)
        if (barrier > strike) if claim.call else (barrier < strike):
            side = "at most" if claim.call else "at least"
            raise ValueError(f"`barrier` must be {side} the strike {strike:g}, got {barrier:g}.")
        require(self.market, Put if claim.call else Call, claim, barrier**2 / strike)

    def offset(self) -> Float[Array, " instrument"]:
        claim = self.claim
        options = listed_options(self.market, Put if claim.call else Call, claim.asset)
        chosen = options.like(claim.barrier**2 / claim.strike, claim.maturity)
        return self.spread(options, jnp.where(chosen, -claim.strike / claim.barrier, 0.0))

    @classmethod
    def example(cls) -> "PutCallSymmetry":
        """A typical member, for tests and documentation."""
        claim = BarrierOption(100.0, 90.0, 0.25, call=True, up=False, knock_in=False)
        options = (Call(strike=100.0, maturity=0.25), Put(strike=81.0, maturity=0.25))
        return cls(claim, listed_market(BlackScholes(spot=100.0, vol=0.2), options))
