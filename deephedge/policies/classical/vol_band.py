"""A no-trade band around delta as wide as a typical move of delta."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.greeks import model_delta_gamma
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class VolBand(AbstractClassicalBand):
    r"""Keep the holdings within $\Delta \pm c\,|\Gamma|\,S\,\sigma\sqrt h$, trading to the edge.

    The half-width is the drift of delta under a move of c `deviations` of the price over h
    `interval` years, at the pricer's volatility of the date: it widens as volatility rises and
    closes where delta no longer moves.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    deviations: Scalar = eqx.field(converter=non_negative("deviations"))
    interval: Scalar = eqx.field(converter=positive("interval"))

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        delta, gamma = model_delta_gamma(self.pricer, self.claim, now)
        move = self.deviations * self.pricer.vol_at(now) * jnp.sqrt(self.interval) * now.prices
        half_width = jnp.abs(gamma) * move
        return delta - half_width, delta + half_width

    @classmethod
    def example(cls) -> "VolBand":
        """A typical member, for tests and documentation."""
        claim, pricer = Call.example(), BlackScholesFormula.example()
        return cls(claim, pricer, deviations=2.0, interval=1 / 252)
