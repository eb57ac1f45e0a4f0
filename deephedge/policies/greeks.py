"""The Greeks that hedging rules are made of."""

import dataclasses

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import refuse_other
from deephedge.pricing.base import AbstractBlackScholesPricer, AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.greeks import Valuation, greeks_of
from deephedge.pricing.implied_vol import implied_vol
from deephedge.pricing.instruments import AbstractInstrument
from deephedge.pricing.listed import AbstractListed
from deephedge.typing import Array, Float, Scalar


def model_delta(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> Float[Array, " asset"]:
    r"""Derivative of the price with respect to every traded asset, $\partial V/\partial S_j$."""
    refuse_other("claim", claim, AbstractClaim, "Call(strike=100.0, maturity=30 / 365)")
    refuse_other("pricer", pricer, AbstractPricer, "BlackScholesFormula(vol=0.2)")
    return jax.grad(lambda s: pricer.price(claim, dataclasses.replace(now, prices=s)))(now.prices)


def model_delta_gamma(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
    r"""Deltas and own gammas, $\partial V/\partial S_j$ and $\partial^2 V/\partial S_j^2$."""

    def delta(s: Float[Array, " asset"]) -> Float[Array, " asset"]:
        return model_delta(pricer, claim, dataclasses.replace(now, prices=s))

    return delta(now.prices), jnp.diagonal(jax.jacfwd(delta)(now.prices))


def quoted_formula(
    pricer: AbstractPricer, claim: Call | Put, now: Snapshot, *, rate: Scalar, dividend: Scalar
) -> BlackScholesFormula:
    """The Black-Scholes formula at the volatility at which the claim trades at `now`.

    That is the pricer's own volatility if it has one (a quote in a factor), and the implied
    volatility of its price otherwise; zero where a price has none, so near is it to its bound.
    """
    if isinstance(pricer, AbstractBlackScholesPricer):
        vol = pricer.vol_at(now)
    else:
        vol = vol_of(claim, pricer.price(claim, now), now, rate=rate, dividend=dividend)
    return BlackScholesFormula(vol=vol, rate=rate, dividend=dividend)


def vol_of(
    claim: Call | Put, price: Scalar, now: Snapshot, *, rate: Scalar, dividend: Scalar
) -> Scalar:
    """Implied volatility of a price at `now`; zero where it has none."""
    vol = implied_vol(
        price,
        spot=now.prices[claim.asset],
        strike=claim.strike,
        tau=claim.tau(now),
        rate=rate,
        dividend=dividend,
        sign=1.0 if isinstance(claim, Call) else -1.0,
    )
    return jnp.where(jnp.isfinite(vol), vol, 0.0)


def model_vega(pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot) -> Scalar:
    r"""Derivative of the price with respect to the current volatility."""

    def price(vol: Scalar) -> Scalar:
        moved, there = pricer.shifted(now, vol=vol, rate=jnp.zeros_like(vol))
        return moved.price(claim, there)

    return jax.grad(price)(jnp.zeros_like(now.time))


def instrument_greeks(
    market: AbstractListed, now: Snapshot, names: tuple[str, ...], *, asset: int = 0
) -> Float[Array, "greek instrument"]:
    """The Greeks called `names` of a unit of each instrument that a market lists; 0 at expiry."""
    assets, columns = market.assets_at(now), []
    rows = zip(market.instruments, market.pricers(), market.own_factors(now), strict=True)
    for instrument, pricer, own in rows:
        found = greeks_of(_value(instrument, own), pricer, assets, names, asset=asset)
        column = jnp.stack([found[name] for name in names])
        columns.append(jnp.where(instrument.is_live(assets, own), column, 0.0))
    return jnp.stack(columns, axis=1)


def _value(instrument: AbstractInstrument, own: Float[Array, " factor"]) -> Valuation:
    def value(pricer: AbstractPricer, now: Snapshot) -> Scalar:
        return instrument.value(pricer, now, own)

    return value
