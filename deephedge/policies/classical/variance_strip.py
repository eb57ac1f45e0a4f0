"""A variance swap hedged by a strip of listed options and a forward position in the stock."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.vanilla import Call, Put
from deephedge.claims.variance_swap import VarianceSwap
from deephedge.markets.base import Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.checks import real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.classical.listed_options import SAME, Strikes, listed_options
from deephedge.pricing.listed import AbstractListed, listed_market
from deephedge.typing import Array, Float, Scalar


class VarianceStrip(AbstractTargetPolicy):
    r"""Hedge a variance swap with out-of-the-money options, about $1/K^2$ of each, and the stock.

    With $F_t = S_t e^{(r-q)(T-t)}$, $K_*$ the strike at which the puts end and the calls begin, and

    $$f(S) = \frac{2N}{T}\Bigl(\frac{S - K_*}{K_*} - \log\frac{S}{K_*}\Bigr)
    = \frac{2N}{T}\Bigl(\int_0^{K_*} \frac{(K-S)^+}{K^2}dK
    + \int_{K_*}^\infty \frac{(S-K)^+}{K^2}dK\Bigr),$$

    the options, held to expiry, pay the straight lines between the values of f at the strikes,
    and beyond the last strike the tangent there; and the stock is held every day in
    $\frac{2N}{T} e^{-q(T-t)}(1/F_t - 1/K_*)$ shares. Per step with the log return x the swap's
    $x^2$ is missed by $2(e^x - 1 - x) - x^2 \approx x^3/3$: little without jumps, at any
    volatility. Options beyond the last strike are what a crash asks for.

    Args:
        claim: what was sold.
        market: that lists the options; all calls and puts on the claim's asset are the strip.
            The highest put and the lowest call have one strike.
        rate: continuously compounded; dividend: yield of the stock.

    Reference: Demeterfi, Derman, Kamal and Zou (1999), More than you ever wanted to know about
    volatility swaps, equations 26 and 27, appendix A for the weights.
    """

    claim: VarianceSwap
    market: AbstractListed
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def __check_init__(self):
        puts, calls = self._options()
        if isinstance(self.claim.maturity, Tracer) or isinstance(puts.strikes, Tracer):
            return
        for options in (puts, calls):
            expiries = np.asarray(options.expiries)
            if not np.allclose(expiries, float(self.claim.maturity), rtol=SAME, atol=0.0):
                raise ValueError(
                    "`market` must list options that expire with the swap, at "
                    f"{float(self.claim.maturity):g}, got expiries {expiries.tolist()}."
                )
            strikes = np.sort(np.asarray(options.strikes))
            if np.any(np.diff(strikes) <= SAME * strikes[1:]):
                raise ValueError(
                    f"`market` must list options of different strikes, got {strikes.tolist()}."
                )
        highest, lowest = float(puts.strikes.max()), float(calls.strikes.min())
        if abs(highest - lowest) > SAME * lowest:
            raise ValueError(
                "`market` must list a put and a call of one strike where the puts end and the "
                f"calls begin, got the highest put at {highest:g}, the lowest call at {lowest:g}."
            )

    def _options(self) -> tuple[Strikes, Strikes]:
        asset = self.claim.asset
        return listed_options(self.market, Put, asset), listed_options(self.market, Call, asset)

    def units(self) -> Float[Array, " instrument"]:
        """Units of each instrument, held from the first date to expiry."""
        puts, calls = self._options()
        split = jnp.min(calls.strikes)
        scale = 2.0 * self.claim.notional / self.claim.maturity
        units = jnp.zeros(len(self.market.instruments), calls.strikes.dtype)
        for options, descending in ((puts, True), (calls, False)):
            weights = _tangent_weights(options.strikes, split, descending=descending)
            units = units.at[jnp.asarray(options.places)].set(scale * weights)
        return units

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        tau, asset = self.claim.tau(now), self.claim.asset
        split = jnp.min(self._options()[1].strikes)
        forward = now.prices[asset] * jnp.exp((self.rate - self.dividend) * tau)
        scale = 2.0 * self.claim.notional / self.claim.maturity
        shares = scale * jnp.exp(-self.dividend * tau) * (1.0 / forward - 1.0 / split)
        units = self.units().astype(now.prices.dtype)
        stock = jnp.zeros(now.prices.shape[0] - units.shape[0], now.prices.dtype)
        return jnp.concatenate([stock.at[asset].set(shares), units])

    @classmethod
    def example(cls) -> "VarianceStrip":
        """A typical member, for tests and documentation."""
        claim = VarianceSwap(strike=0.04, maturity=0.25, notional=100.0)
        puts = [Put(strike=k, maturity=0.25) for k in (90.0, 100.0)]
        calls = [Call(strike=k, maturity=0.25) for k in (100.0, 110.0)]
        return cls(claim, listed_market(BlackScholes(spot=100.0, vol=0.2), [*puts, *calls]))


def _tangent_weights(
    strikes: Float[Array, " option"], split: Scalar, *, descending: bool
) -> Float[Array, " option"]:
    r"""Units that pay $S/K_* - 1 - \log(S/K_*)$ at the strikes, on one side of $K_*$."""
    order = jnp.argsort(strikes, descending=descending)
    sorted_strikes = strikes[order]
    values = sorted_strikes / split - 1.0 - jnp.log(sorted_strikes / split)
    chords = jnp.diff(values) / jnp.abs(jnp.diff(sorted_strikes))
    last = jnp.abs(1.0 / split - 1.0 / sorted_strikes[-1:])
    slopes = jnp.concatenate([chords, last])
    bends = jnp.diff(slopes, prepend=jnp.zeros_like(slopes[:1]))
    return jnp.zeros_like(strikes).at[order].set(bends)
