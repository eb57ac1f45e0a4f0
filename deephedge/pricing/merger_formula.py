"""What is worth what while a merger is pending."""

import dataclasses

import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim, AbstractEuropean, Pieces
from deephedge.claims.merger_deal import MergerDeal
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.merger import MergerMarket
from deephedge.numerics import safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european, value_of_pieces
from deephedge.typing import Array, Scalar


class MergerFormula(AbstractPricer):
    r"""European options and positions in the two stocks of a `MergerMarket`.

    An option on the target that expires at or after the closing pays on the deal's value with
    probability $p = e^{-\lambda\tau}$, else on what the target is worth alone; neither depends on
    when the deal breaks. With c, m, A, X as in `MergerMarket` and $V_\sigma$ the formula of Black
    and Scholes,

    $$V = p\,V_{\sigma_A}\bigl[g(c + mA_T)\bigr] + (1 - p)\,V_{\sigma_X}\bigl[g(X_T)\bigr],$$

    c with interest and m with dividends from the closing to the expiry. Options on the acquirer
    are Black and Scholes'. A `MergerDeal` is worth what closing the position at once would bring,
    since discounted prices, dividends included, are martingales. The factors are those of the
    market: whether the deal is broken, and X.

    Reference: Subramanian (2004), Option pricing on stocks in mergers and acquisitions.
    """

    market: MergerMarket

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if isinstance(claim, MergerDeal):
            return _position(claim, now)
        claim = european(claim, "MergerFormula")
        market = self.market
        common = {"tau": claim.tau(now), "rate": market.rate}
        acquirer = {"spot": now.prices[1], "vol": market.acquirer_vol, "dividend": market.dividend}
        if claim.asset == 1:
            return value_of_pieces(claim.pieces(), **common, **acquirer)
        self._check_expiry(claim)
        pending = jnp.maximum(market.closing - now.time, 0.0)
        survives = jnp.exp(-market.break_intensity * pending)
        survives = jnp.where(now.factors[0] > 0.5, 0.0, survives)
        deal = value_of_pieces(self._on_the_deal(claim), **common, **acquirer)
        alone = value_of_pieces(
            claim.pieces(),
            spot=now.factors[1],
            vol=market.standalone_vol,
            dividend=jnp.zeros_like(market.dividend),
            **common,
        )
        return survives * deal + (1.0 - survives) * alone

    def _check_expiry(self, claim: AbstractEuropean) -> None:
        expiry, closing = claim.maturity, self.market.closing
        if isinstance(expiry, Tracer) or isinstance(closing, Tracer):
            return
        if float(expiry) < float(closing) * (1.0 - 1e-6):
            raise ValueError(
                "`maturity` of an option on the target must be at least the deal's closing "
                f"{float(closing):g}, got {float(expiry):g}."
            )

    def _on_the_deal(self, claim: AbstractEuropean) -> Pieces:
        """The payoff on cash and shares of the acquirer, cut into half-lines of its price."""
        market, pieces = self.market, claim.pieces()
        waits = claim.maturity - market.closing
        cash = market.cash * jnp.exp(market.rate * waits)
        shares = market.ratio * jnp.exp(market.dividend * waits)
        rest = jnp.maximum(pieces.strike - cash, 0.0)
        # Without shares the cash alone decides: as a price that is far above or below.
        decided = jnp.where(rest > 0, 1e6 * market.acquirer, 0.0)
        strike = jnp.where(shares > 0, safe.divide(rest, shares), decided)
        return Pieces(
            pieces.cash + pieces.shares * cash, pieces.shares * shares, strike, pieces.sign
        )

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["MergerFormula", Snapshot]:
        market = dataclasses.replace(
            self.market,
            acquirer_vol=self.market.acquirer_vol + vol,
            standalone_vol=self.market.standalone_vol + vol,
            rate=self.market.rate + rate,
        )
        return MergerFormula(market), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "MergerFormula | None":
        return cls(model) if isinstance(model, MergerMarket) and asset in (0, 1) else None

    @classmethod
    def example(cls) -> "MergerFormula":
        """A typical member, for tests and documentation."""
        return cls(MergerMarket.example())


def implied_break_probability(price: Array, *, deal: Array, standalone: Array) -> Array:
    r"""The chance that the deal breaks, which the target's price contains.

    $$\pi = \frac{D - P}{D - X}$$

    with P the price, D what the deal is worth today, X what the target is worth without it. A
    martingale price $P = (1 - \pi)D + \pi X$; a number outside 0 to 1 says that the market expects
    another bid, or another X.

    Reference: Brown and Raymond (1986), Risk arbitrage and the prediction of successful corporate
    takeovers.
    """
    return safe.divide(deal - price, deal - standalone)


def _position(claim: MergerDeal, now: Snapshot) -> Scalar:
    """What the position has earned if it is closed now, in cash of now."""
    held = now.prices * now.accrual
    worth = now.discount * (held[claim.target] - claim.ratio * held[claim.acquirer])
    if now.progress.shape[0]:
        closed, brought = now.progress
        worth = jnp.where(closed > 0, brought, worth)
    paid = claim.target_price - claim.ratio * claim.acquirer_price
    return (worth - paid) / now.discount
