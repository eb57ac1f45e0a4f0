"""Hold listed options against the Greeks that the underlier cannot hedge."""

import dataclasses
from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import optional, per_asset, positive, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import instrument_greeks, model_delta
from deephedge.policies.least_cost import least_cost
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.greeks import GREEKS, greeks
from deephedge.pricing.instruments import AbstractInstrument
from deephedge.pricing.listed import AbstractListed, ListedModel
from deephedge.typing import Array, Float

MOST_BOUNDED = 6
"""Instruments that can have bounds: 3 to this power systems are solved at each date."""


def _names(value: str | Iterable[str]) -> tuple[str, ...]:
    names = (value,) if isinstance(value, str) else tuple(value)
    known = [name for name in GREEKS if name != "delta"]
    if not names or len(set(names)) < len(names) or any(name not in known for name in names):
        raise ValueError(f"`neutral` must be different ones of {', '.join(known)}, got {names}.")
    return names


class GreekNeutralHedge(AbstractTargetPolicy):
    r"""Make the book of the short claim and the hedge neutral in delta and other Greeks.

    The instruments that the market lists are held so that at each date

    $$\sum_i x_i\,G_j(P_i) = G_j(V) \text{ for each } j, \qquad
    h_a = \frac{\partial V}{\partial S_a} - \sum_i x_i \frac{\partial P_i}{\partial S_a},$$

    for instance gamma, gamma and vega, or vega alone (`neutral`), x of the least
    $\sum_i w_i x_i^2$ within the bounds: see `least_cost`. All Greeks are derivatives of the
    prices of `pricer` (the claim) and of the pricers that mark the instruments. An option at
    its expiry is not held. Options that expire together have gamma and vega in one proportion
    under Black and Scholes: to neutralise both takes two expiries.

    Args:
        claim: what was sold.
        pricer: of the claim.
        market: that lists the instruments, `Listed` or `ListedModel`.
        neutral: Greeks beside delta, in the claim's asset: keys of `GREEKS`.
        weights: $w_i$, what a unit of each instrument costs relative to the others; 1 unless
            given.
        lower: least units of each instrument (0: nothing is sold short).
        upper: most units of each instrument.

    Reference: Hull (2018), Options, Futures, and Other Derivatives, section 19.8; Bakshi, Cao
    and Chen (1997), section 4.2, for delta-vega hedging under stochastic volatility.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    market: AbstractListed
    neutral: tuple[str, ...] = eqx.field(static=True, converter=_names, default=("gamma",))
    weights: Float[Array, " instrument"] | None = eqx.field(
        converter=optional(per_asset(positive("weights"))), default=None
    )
    lower: Float[Array, " instrument"] | None = eqx.field(
        converter=optional(per_asset(real("lower"))), default=None
    )
    upper: Float[Array, " instrument"] | None = eqx.field(
        converter=optional(per_asset(real("upper"))), default=None
    )

    def __check_init__(self):
        n = len(self.market.instruments)
        for name in ("weights", "lower", "upper"):
            value = vars(self)[name]
            if value is not None and value.shape[0] not in (1, n):
                raise ValueError(
                    f"`{name}` must be one number, or one for each of the {n} instruments, got "
                    f"{value.shape[0]}."
                )
        if n > MOST_BOUNDED and not (self.lower is None and self.upper is None):
            raise ValueError(
                f"`lower` and `upper` must be left out with more than {MOST_BOUNDED} "
                f"instruments, got {n}."
            )

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        assets = self.market.assets_at(now)
        asset = vars(self.claim).get("asset", 0)
        target = greeks(self.pricer, self.claim, assets, self.neutral, asset=asset)
        columns = instrument_greeks(self.market, now, self.neutral, asset=asset)
        deltas = self._deltas(now, assets)
        units = least_cost(
            columns,
            jnp.stack([target[name] for name in self.neutral]),
            weights=self._each(self.weights, 1.0, now),
            lower=None if self.lower is None else self._each(self.lower, 0.0, now),
            upper=None if self.upper is None else self._each(self.upper, 0.0, now),
        )
        delta = model_delta(self.pricer, self.claim, assets)
        return jnp.concatenate([delta - deltas @ units, units])

    def _deltas(self, now: Snapshot, assets: Snapshot) -> Float[Array, "asset instrument"]:
        """Slopes of a unit of each instrument by the prices of all assets; none at its expiry."""
        listed = self.market
        rows = zip(listed.instruments, listed.pricers(), listed.own_factors(now), strict=True)
        deltas = [
            jnp.where(x.is_live(assets, own), _delta(x, pricer, assets, own), 0.0)
            for x, pricer, own in rows
        ]
        return jnp.stack(deltas, axis=1)

    def _each(self, value: Array | None, otherwise: float, now: Snapshot) -> Array:
        n, dtype = len(self.market.instruments), now.prices.dtype
        if value is None:
            return jnp.full(n, otherwise, dtype)
        return jnp.broadcast_to(value.astype(dtype), (n,))

    @classmethod
    def example(cls) -> "GreekNeutralHedge":
        """A typical member, for tests and documentation."""
        market = ListedModel.example()
        return cls(Call.example(), BlackScholesFormula.example(), market, neutral=("gamma", "vega"))


def _delta(
    instrument: AbstractInstrument,
    pricer: AbstractPricer,
    now: Snapshot,
    own: Float[Array, " factor"],
) -> Float[Array, " asset"]:
    """Slopes by the prices of all assets."""
    return jax.grad(
        lambda prices: instrument.value(pricer, dataclasses.replace(now, prices=prices), own)
    )(now.prices)
