"""Delta of an option whose volatility is raised to pay for rebalancing at fixed intervals."""

import math

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class Leland(AbstractTargetPolicy):
    r"""Hold the Black-Scholes delta at the modified volatility $\hat\sigma$.

    $$\hat\sigma^2 = \sigma^2\Bigl(1 + \sqrt{\tfrac2\pi}\,
    \frac{2\varepsilon}{\sigma\sqrt{\Delta t}}\Bigr)$$

    for the seller of a convex claim, with one-way proportional cost $\varepsilon$ (`cost_rate`;
    Leland's k is the round trip, $2\varepsilon$) and years $\Delta t$ between rebalancings
    (`interval`).

    Reference: Leland (1985), equation 7.
    """

    claim: AbstractClaim
    pricer: AbstractBlackScholesPricer
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    interval: Scalar = eqx.field(converter=positive("interval"))

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        vol = self.pricer.vol_at(now)
        number = 2.0 * self.cost_rate * math.sqrt(2.0 / math.pi) / jnp.sqrt(self.interval)
        modified = BlackScholesFormula(
            vol=safe.sqrt(vol**2 + vol * number),
            rate=self.pricer.rate,
            dividend=self.pricer.dividend,
        )
        return model_delta(modified, self.claim, now)

    @classmethod
    def example(cls) -> "Leland":
        """A typical member, for tests and documentation."""
        return cls(Call.example(), BlackScholesFormula.example(), cost_rate=0.001, interval=1 / 252)
