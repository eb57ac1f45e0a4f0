"""What the rules that pay for trading out of a modified volatility share."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar


class AbstractModifiedVol(AbstractTargetPolicy):
    r"""Hold the Black-Scholes delta at a modified volatility $\hat\sigma$.

    $$\hat\sigma^2 = \sigma^2\,(1 \pm A), \qquad A = c\,\frac{2\varepsilon}{\sigma\sqrt{\Delta t}}$$

    with one-way proportional cost $\varepsilon$ (`cost_rate`) and years $\Delta t$ between
    rebalancings (`interval`); c is the rule's. Plus for the seller of a convex claim, who trades
    with the market and so pays to; minus (never below zero) with `convex` false, for one who has
    sold a concave claim, as the owner of an option has: hedging it earns gamma and pays cost.
    """

    claim: eqx.AbstractVar[AbstractClaim]
    pricer: eqx.AbstractVar[AbstractBlackScholesPricer]
    cost_rate: eqx.AbstractVar[Scalar]
    interval: eqx.AbstractVar[Scalar]
    convex: eqx.AbstractVar[bool]

    @property
    @abstractmethod
    def scale(self) -> float:
        """The constant c: mean absolute size of a standardised move."""

    def modified(self, now: Snapshot) -> BlackScholesFormula:
        """The formula at the modified volatility."""
        vol = self.pricer.vol_at(now)
        number = 2.0 * self.cost_rate * self.scale / jnp.sqrt(self.interval)
        added = vol * number if self.convex else -vol * number
        return BlackScholesFormula(
            vol=safe.sqrt(vol**2 + added),
            rate=self.pricer.rate,
            dividend=self.pricer.dividend,
        )

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        return model_delta(self.modified(now), self.claim, now)

    def price(self, now: Snapshot, holdings: Float[Array, " asset"]) -> Scalar:
        r"""What the seller must be paid: $V(\hat\sigma) + \varepsilon S\,|\hat\Delta - h|$.

        The modified price pays for the rebalancings; the first trade, from the holdings h that
        the seller starts with (all cash: 0; covered: 1), comes on top.

        Reference: Leland (2007), Comments on "Hedging errors with Leland's option model in the
        presence of transactions costs", on initial and final costs.
        """
        formula = self.modified(now)
        first = jnp.abs(model_delta(formula, self.claim, now) - holdings) * now.prices
        return formula.price(self.claim, now) + self.cost_rate * jnp.sum(first)
