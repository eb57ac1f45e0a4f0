"""A convertible bond bought, its shares sold short, and its credit sold too."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.convertible_bond import ConvertibleBond
from deephedge.markets.base import Snapshot
from deephedge.markets.defaultable import Defaultable
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.pricing.convertible_difference import ConvertibleDifference
from deephedge.pricing.instruments import Held
from deephedge.pricing.listed import AbstractListed, listed_market
from deephedge.typing import Array, Float, Scalar


class ConvertibleArbitrage(AbstractTargetPolicy):
    r"""Hold a convertible V against its delta of stock, and against a bond B of the same issuer.

    With $\eta$ the share that the stock loses at default, and $V^d$, $B^d$ what the two bonds are
    worth then, `units` convertibles are held against

    $$-V_S \text{ shares}, \qquad
    x = -\frac{(V^d - V) + \eta\,S\,V_S}{B^d - B} \text{ bonds}$$

    each: the shares take out small moves of the stock, and the bonds what default still costs
    once the short shares have gained $\eta S V_S$. What is left is long gamma, paid for by theta:
    a convertible that trades at a volatility below the one to come earns
    $\tfrac12(\sigma^2 - \hat\sigma^2)S^2V_{SS}$ a year. The fee for borrowed stock
    (`Financing(short_fee=...)`) is paid on the short shares. Once the bond has ended nothing is
    held but its cash.

    The problem's claim is `NoClaim`: the P&L is that of the position.

    Args:
        market: that lists the convertible, and the bond if there is one, marked by a
            `ConvertibleDifference` with a `centre`.
        units: convertibles held.
        credit_share: how much of the credit hedge is made; 0 for none.
        bond: the convertible's place among the instruments.
        credit: the place of the other bond, as a `ConvertibleBond` of ratio 0; without one there
            is no credit hedge.

    Reference: Calamos (2003), Convertible Arbitrage, chapters 3 and 4; Ayache, Forsyth and Vetzal
    (2003), section 3, for the two hedges.
    """

    market: AbstractListed
    units: Scalar = eqx.field(converter=real("units"), default=1.0)
    credit_share: Scalar = eqx.field(converter=non_negative("credit_share"), default=1.0)
    bond: int = eqx.field(static=True, default=0)
    credit: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        names = {"bond": self.bond} | ({} if self.credit is None else {"credit": self.credit})
        listed = self.market.instruments
        for name, place in names.items():
            found = listed[place] if place in range(len(listed)) else None
            if not isinstance(found, Held) or not isinstance(found.claim, ConvertibleBond):
                raise ValueError(
                    f"`{name}` must be the place of a ConvertibleBond among the {len(listed)} "
                    f"instruments, got {place}."
                )
            if not isinstance(self.market.pricers()[place], ConvertibleDifference):
                raise ValueError(
                    "`market` must mark its bonds by finite differences; pass "
                    "`listed_market(..., pricer=ConvertibleDifference(..., centre=spot))`."
                )

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        assets = self.market.assets_at(now)
        jump, shares = self._default(self.bond, now)
        units = jnp.zeros(len(self.market.instruments), now.prices.dtype)
        units = units.at[self.bond].set(1.0)
        if self.credit is not None:
            lost, slope = self._default(self.credit, now)
            bonds = -self.credit_share * safe.divide(jump, lost)
            units = units.at[self.credit].set(bonds)
            shares = shares + bonds * slope
        return self.units * jnp.concatenate([-shares.astype(assets.prices.dtype), units])

    def _default(self, place: int, now: Snapshot) -> tuple[Scalar, Float[Array, " asset"]]:
        """What a bond and its short shares would gain if the issuer defaulted now; the shares."""
        instrument, own = self.market.instruments[place], self.market.own_factors(now)[place]
        assets, pricer = self.market.assets_at(now), self.market.pricers()[place]
        assert isinstance(instrument, Held)
        assert isinstance(instrument.claim, ConvertibleBond)
        assert isinstance(pricer, ConvertibleDifference)
        bond = instrument.claim

        def worth(prices: Float[Array, " asset"]) -> Scalar:
            return instrument.value(pricer, dataclasses.replace(assets, prices=prices), own)

        value, slope = jax.value_and_grad(worth)(assets.prices)
        spot = assets.prices[bond.asset]
        lives, paid = own
        fallen = jnp.maximum(bond.ratio * spot * (1.0 - pricer.loss), bond.recovery * bond.notional)
        after = lives * fallen + paid / now.discount
        jump = after - value + slope[bond.asset] * spot * pricer.loss
        live = instrument.is_live(assets, own) & (lives > 0)
        return jnp.where(live, jump, 0.0), jnp.where(live, slope, 0.0)

    @classmethod
    def example(cls) -> "ConvertibleArbitrage":
        """A typical member, for tests and documentation."""
        market = Defaultable.example()
        terms = {"maturity": 0.25, "recovery": 0.4, "boundary": [1e6], "default_factor": 0}
        bonds = [ConvertibleBond(ratio=ratio, **terms) for ratio in (1.0, 0.0)]
        pricer = ConvertibleDifference(
            *(0.2, 0.02, 0.01), intensity=0.05, loss=0.3, centre=100.0, n_steps=10, n_prices=41
        )
        return cls(listed_market(market, bonds, pricer), credit=1)
