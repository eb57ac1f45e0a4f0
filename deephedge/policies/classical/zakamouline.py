"""A no-trade band fitted to the numerical optimum, with a modified volatility."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.greeks import model_delta, model_delta_gamma
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class Zakamouline(AbstractClassicalBand):
    r"""Rehedge to the edges of $\Delta(\sigma_m) \pm (H_1 + H_0)$.

    $$H_1 = 1.12\,\varepsilon^{0.31}\tau^{0.05}
      \Bigl(\frac{e^{-r\tau}}{\sigma}\Bigr)^{0.25}\Bigl(\frac{|\Gamma|}{\lambda}\Bigr)^{0.5},
    \qquad H_0 = \frac{\varepsilon}{\lambda S \sigma^2 \tau},$$
    $$\sigma_m^2 = \sigma^2 (1 + K), \qquad K = \frac{4.76\,\varepsilon^{0.78}}{\tau^{0.02}}
      \Bigl(\frac{e^{-r\tau}}{\sigma}\Bigr)^{0.25} (\lambda S^2 |\Gamma|)^{0.15}$$

    for the seller of a convex claim, with $\lambda$ per unit of cash at maturity; `aversion` is
    per unit of today's money, $\lambda =$ `aversion` $\times D_T$ with $D_T = D_t e^{-r\tau}$.
    $\Gamma$ is the Black-Scholes gamma at the unmodified volatility. Both corrections fade where
    the option has no gamma left.

    Reference: Zakamouline (2006), European Financial Management 12(3), 435-464, the
    approximation of the optimal strategy.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    aversion: Scalar = eqx.field(converter=positive("aversion"))

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        _, gamma = model_delta_gamma(self.pricer, self.claim, now)
        gamma = safe.sqrt(gamma**2)
        tau = jnp.maximum(self.claim.tau(now), 1e-6)
        vol = self.pricer.vol_at(now)
        discount = jnp.exp(-self.pricer.rate * tau)
        aversion = self.aversion * now.discount * discount
        flatness = safe.power(safe.divide(discount, vol), 0.25)

        widening = (
            4.76
            * safe.power(self.cost_rate, 0.78)
            / tau**0.02
            * flatness
            * safe.power(aversion * now.prices**2 * gamma, 0.15)
        )
        modified = BlackScholesFormula(
            vol=vol * jnp.sqrt(1.0 + jnp.max(widening)),
            rate=self.pricer.rate,
            dividend=self.pricer.dividend,
        )
        delta = model_delta(modified, self.claim, now)

        h1 = (
            1.12
            * safe.power(self.cost_rate, 0.31)
            * tau**0.05
            * flatness
            * safe.power(gamma / aversion, 0.5)
        )
        h0 = safe.divide(self.cost_rate, aversion * now.prices * vol**2 * tau)
        return delta - h1 - h0, delta + h1 + h0

    @classmethod
    def example(cls) -> "Zakamouline":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), cost_rate=0.001, aversion=1.0)
