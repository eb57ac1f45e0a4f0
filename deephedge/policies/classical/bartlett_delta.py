"""Delta that allows for the move of volatility that comes with a move of the price."""

import equinox as eqx

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.markets.sabr import SABR
from deephedge.numerics import safe
from deephedge.numerics.checks import real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta, model_vega
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.hagan import HaganFormula
from deephedge.typing import Array, Float, Scalar


class BartlettDelta(AbstractTargetPolicy):
    r"""Hold delta plus vega times the volatility's expected move per unit of the price.

    $$\Delta = \frac{\partial V}{\partial S} + \frac{\partial V}{\partial\sigma}\,
    \frac{d\sigma}{dS}, \qquad \frac{d\sigma}{dS} = \frac{k}{S}$$

    with $\sigma$ the pricer's current volatility, and k `slope` its expected change per unit of
    log-price, negative for equities. In SABR, where $\sigma = \alpha S^{\beta - 1}$ and the first
    term holds alpha fixed, $d\alpha = \rho\nu S^{-\beta} dS$ is $k = \rho\nu$
    (`BartlettDelta.under`), whatever the exponent. One asset, number `asset`.

    Reference: Bartlett (2006), Hedging under SABR model, equation 11; Hagan and Lesniewski (2017),
    Bartlett's delta in the SABR model.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    slope: Scalar = eqx.field(converter=real("slope"))
    asset: int = eqx.field(static=True, default=0)

    @classmethod
    def under(cls, model: SABR, claim: AbstractClaim) -> "BartlettDelta":
        """The delta in SABR, by the formula of Hagan and others."""
        slope = model.correlation * model.vol_of_vol
        return cls(claim, HaganFormula(model), slope)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        delta = model_delta(self.pricer, self.claim, now)
        vega = model_vega(self.pricer, self.claim, now)
        move = safe.divide(self.slope, now.prices[self.asset])
        return delta.at[self.asset].add(vega * move)

    @classmethod
    def example(cls) -> "BartlettDelta":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), slope=-0.2)
