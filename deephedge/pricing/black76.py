"""Options on futures and forwards."""

import dataclasses

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import black_scholes_price, european
from deephedge.typing import Scalar


class Black76(AbstractBlackScholesPricer):
    r"""European claims on a forward or futures price, which has no drift.

    $$C = e^{-r\tau}\bigl(F\Phi(d_1) - K\Phi(d_2)\bigr), \quad
    d_{1,2} = \frac{\log(F/K)}{\sigma\sqrt\tau} \pm \tfrac12\sigma\sqrt\tau$$

    `now.prices` holds the forward price of the claim's asset, for delivery at its maturity or
    later. It is the formula of Black and Scholes with a dividend yield equal to the rate.

    Reference: Black (1976), The pricing of commodity contracts, equation 16.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)

    @property
    def dividend(self) -> Scalar:
        """What keeps the forward price without drift: the rate."""
        return self.rate

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "Black76")
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

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Black76", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    @classmethod
    def example(cls) -> "Black76":
        """A typical member, for tests and documentation."""
        # pyright takes the abstract `dividend`, here a property, for an argument.
        return cls(vol=0.2, rate=0.02)  # pyright: ignore[reportCallIssue]
