"""A no-trade band that can be read: powers of cost, gamma and time around a shifted delta."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive, real
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.greeks import model_delta, model_delta_gamma
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar

SHIFT_POWER = 0.78
"""Of the cost, in the shift of the volatility."""


class BandFormula(AbstractClassicalBand):
    r"""Rehedge to the edges of $\Delta(\sigma_m) \pm w$.

    $$w = B\,\frac{\varepsilon}{\lambda D_t S \sigma^2 \tau}
    + A\,\varepsilon^p \Bigl(\frac{S\,\Gamma^2}{\lambda D_t}\Bigr)^q \tau^r,
    \qquad \sigma_m = \sigma\,(1 + k\,\varepsilon^{0.78})$$

    with proportional cost $\varepsilon$ (`cost_rate`), `aversion` $\lambda$ per unit of today's
    money, discount $D_t$, and $\Gamma$ at the volatility $\sigma$ of the pricer. By default it is
    the band of `WhalleyWilmott`: $A = (3/2)^{1/3}$, $p = q = 1/3$, $r = B = k = 0$. B (`floor`) is
    the width that is left where there is no gamma. What `training.distil` fits to a trained or an
    optimal band.

    Reference: Whalley and Wilmott (1997), equation 3.10, for the powers of small costs;
    Zakamouline (2006) for fitting powers to the numerical optimum, the first term, and the power
    0.78 of the shift.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    aversion: Scalar = eqx.field(converter=positive("aversion"))
    scale: Scalar = eqx.field(converter=positive("scale"), default=1.5 ** (1 / 3))
    cost_power: Scalar = eqx.field(converter=real("cost_power"), default=1 / 3)
    gamma_power: Scalar = eqx.field(converter=real("gamma_power"), default=1 / 3)
    time_power: Scalar = eqx.field(converter=real("time_power"), default=0.0)
    floor: Scalar = eqx.field(converter=non_negative("floor"), default=0.0)
    vol_shift: Scalar = eqx.field(converter=real("vol_shift"), default=0.0)

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        _, gamma = model_delta_gamma(self.pricer, self.claim, now)
        vol, tau = self.pricer.vol_at(now), jnp.maximum(self.claim.tau(now), 1e-6)
        shift = self.vol_shift * safe.power(self.cost_rate, SHIFT_POWER) * vol
        pricer, there = self.pricer.shifted(now, vol=shift, rate=jnp.zeros_like(shift))
        delta = model_delta(pricer, self.claim, there)
        aversion = self.aversion * now.discount
        width = (
            self.scale
            * safe.power(self.cost_rate, self.cost_power)
            * safe.power(now.prices * gamma**2 / aversion, self.gamma_power)
            * tau**self.time_power
        )
        width = width + self.floor * floor_width(vol, tau, now, self.cost_rate, aversion)
        return delta - width, delta + width

    def __str__(self) -> str:
        return (
            f"delta at vol x (1 + {float(self.vol_shift):.3g} cost^{SHIFT_POWER}), half-width "
            f"{float(self.floor):.3g} cost / (aversion S vol^2 tau) + {float(self.scale):.4g} "
            f"cost^{float(self.cost_power):.3f} (S gamma^2 / aversion)^"
            f"{float(self.gamma_power):.3f} tau^{float(self.time_power):.3f}"
        )

    @classmethod
    def example(cls) -> "BandFormula":
        """A typical member, for tests and documentation."""
        return cls(
            Call.example(),
            BlackScholesFormula.example(),
            cost_rate=0.001,
            aversion=1.0,
            time_power=0.05,
            floor=0.5,
            vol_shift=5.0,
        )


def floor_width(
    vol: Scalar, tau: Scalar, now: Snapshot, cost_rate: Scalar, aversion: Scalar
) -> Float[Array, " asset"]:
    """Half-width of the band of a position without gamma, in units of each asset."""
    return safe.divide(cost_rate, aversion * now.prices * vol**2 * tau)
