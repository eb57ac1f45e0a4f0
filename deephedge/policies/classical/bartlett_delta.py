"""Delta that allows for the move of volatility that comes with a move of the price."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.markets.sabr import SABR
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta, model_vega
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.hagan import HaganFormula
from deephedge.typing import Array, Float, Scalar


class BartlettDelta(AbstractTargetPolicy):
    r"""Hold delta plus vega times the volatility's expected move per unit of the price.

    $$\Delta = \frac{\partial V}{\partial S} + \frac{\partial V}{\partial\sigma}\,
    \frac{d\sigma}{dS}, \qquad \frac{d\sigma}{dS} = k\,S^{-\beta}$$

    with k `slope` and $\beta$ `exponent`; $\sigma$ is the pricer's current volatility (alpha in
    SABR). With $\beta = 1$, k is the change of the volatility per unit of log-price, negative for
    equities. In SABR $k = \rho\nu$ (`BartlettDelta.under`). One asset, number `asset`.

    Reference: Bartlett (2006), Hedging under SABR model, equation 11; Hagan and Lesniewski (2017),
    Bartlett's delta in the SABR model.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    slope: Scalar = eqx.field(converter=real("slope"))
    exponent: Scalar = eqx.field(converter=non_negative("exponent"), default=1.0)
    asset: int = eqx.field(static=True, default=0)

    @classmethod
    def under(cls, model: SABR, claim: AbstractClaim) -> "BartlettDelta":
        """The delta in SABR, by the formula of Hagan and others."""
        slope = model.correlation * model.vol_of_vol
        return cls(claim, HaganFormula(model), slope, model.exponent)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        delta = model_delta(self.pricer, self.claim, now)
        vega = model_vega(self.pricer, self.claim, now)
        spot = now.prices[self.asset]
        move = self.slope * jnp.exp(-self.exponent * safe.log(spot))
        return delta.at[self.asset].add(vega * move)

    @classmethod
    def example(cls) -> "BartlettDelta":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), slope=-0.2)
