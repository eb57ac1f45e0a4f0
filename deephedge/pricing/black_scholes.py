"""The Black-Scholes formula for every European claim, and its price under a quoted volatility."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, AbstractEuropean, Pieces
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.closed_form import constant_vol
from deephedge.typing import Scalar


def black_scholes_price(
    claim: AbstractEuropean,
    *,
    spot: Scalar,
    tau: Scalar,
    vol: Scalar,
    rate: Scalar,
    dividend: Scalar,
) -> Scalar:
    r"""Value of a European claim under constant volatility.

    For each piece $(c + mS)\,1\{s(S - K) > 0\}$ of the payoff

    $$m\,S e^{-q\tau}\Phi(s\,d_1) + c\,e^{-r\tau}\Phi(s\,d_2), \quad
    d_{1,2} = \frac{\log(F/K)}{\sigma\sqrt\tau} \pm \tfrac12\sigma\sqrt\tau,
    \quad F = S e^{(r-q)\tau}.$$

    Finite, with finite derivatives, at tau = 0, vol = 0 and strike = 0.

    Reference: Black and Scholes (1973), equation 13; Merton (1973).
    """
    return value_of_pieces(
        claim.pieces(), spot=spot, tau=tau, vol=vol, rate=rate, dividend=dividend
    )


def value_of_pieces(
    pieces: Pieces, *, spot: Scalar, tau: Scalar, vol: Scalar, rate: Scalar, dividend: Scalar
) -> Scalar:
    """Value of a payoff given by its pieces. See `black_scholes_price`."""
    grown = spot * jnp.exp((rate - dividend) * tau)
    deviation = vol * safe.sqrt(tau)
    # At no deviation the piece is owed or not for certain: d is plus or minus "infinity", 1e3.
    log_moneyness = safe.log(grown / jnp.maximum(pieces.strike, safe.least(grown)))
    live = deviation > 0
    distance = jnp.where(
        live,
        log_moneyness / jnp.where(live, deviation, 1.0),
        1e3 * jnp.sign(log_moneyness),
    )
    d1, d2 = distance + 0.5 * deviation, distance - 0.5 * deviation
    forward_value = pieces.shares * grown * normal.cdf(pieces.sign * d1) + pieces.cash * normal.cdf(
        pieces.sign * d2
    )
    return jnp.exp(-rate * tau) * jnp.sum(forward_value)


def european(claim: AbstractClaim, pricer: str) -> AbstractEuropean:
    """The claim itself, if it is European; otherwise a `TypeError` that names a pricer for it."""
    if not isinstance(claim, AbstractEuropean):
        raise TypeError(
            f"{pricer} prices European claims, got {type(claim).__name__}; "
            "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
        )
    return claim


class BlackScholesFormula(AbstractBlackScholesPricer):
    """European claims at one constant volatility. See `black_scholes_price` for the equation."""

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "BlackScholesFormula")
        return black_scholes_price(
            claim,
            spot=now.prices[claim.asset],
            tau=claim.tau(now),
            vol=self.vol,
            rate=self.rate,
            dividend=self.dividend,
        )

    def vol_at(self, now: Snapshot) -> Scalar:
        return self.vol

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["BlackScholesFormula", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "BlackScholesFormula | None":
        terms = constant_vol(model, asset)
        return None if terms is None else cls(**terms)

    @classmethod
    def example(cls) -> "BlackScholesFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)


class QuotedBlackScholes(AbstractBlackScholesPricer):
    """The practitioner's Black-Scholes: the volatility is the one quoted at the date.

    The quote is read from `now.factors[column]`, as a decimal per year.
    """

    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    column: int = eqx.field(static=True, default=0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "QuotedBlackScholes")
        return black_scholes_price(
            claim,
            spot=now.prices[claim.asset],
            tau=claim.tau(now),
            vol=self.vol_at(now),
            rate=self.rate,
            dividend=self.dividend,
        )

    def vol_at(self, now: Snapshot) -> Scalar:
        if self.column >= now.factors.shape[0]:
            raise IndexError(
                f"`column` must be a factor of the market, which has {now.factors.shape[0]}, got "
                f"{self.column}; where no volatility is quoted pass `BlackScholesFormula(vol=0.2)`."
            )
        return now.factors[self.column]

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["QuotedBlackScholes", Snapshot]:
        factors = now.factors.at[self.column].add(vol)
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    @classmethod
    def example(cls) -> "QuotedBlackScholes":
        """A typical member, for tests and documentation."""
        return cls(rate=0.02, dividend=0.01)
