"""The holding that makes the variance of a hedged claim least, in Heston's model."""

import dataclasses

import jax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.markets.heston import Heston
from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics import safe
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.fourier import Fourier
from deephedge.typing import Array, Float


class MinimumVarianceDelta(AbstractTargetPolicy):
    r"""Hold $\Delta = \frac{d\langle V, S\rangle}{d\langle S, S\rangle}$ under Heston.

    $$\Delta = \frac{\partial V}{\partial S} + \frac{\rho\,\sigma}{S}\,
    \frac{\partial V}{\partial v}$$

    with $\sigma$ the vol of variance and $\rho$ the correlation of `model`, whose parameters the
    pricer prices with. What variance is left is that of the part of v that the price does not
    explain, $1 - \rho^2$ of it. The market's first asset is S, its first factor v; of others
    beside them, listed options for instance, only what the claim's price says is held.

    Reference: Bakshi, Cao and Chen (1997), section 5.1; Alexander and Nogueira (2007),
    Model-free hedge ratios and scale-invariant models, equation 8.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    model: AbstractHeston

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        def price(prices: Float[Array, " asset"], factors: Float[Array, " factor"]) -> Array:
            return self.pricer.price(
                self.claim, dataclasses.replace(now, prices=prices, factors=factors)
            )

        delta, slopes = jax.grad(price, argnums=(0, 1))(now.prices, now.factors)
        beta = self.model.correlation * self.model.vol_of_variance
        return delta.at[0].add(slopes[0] * safe.divide(beta, now.prices[0]))

    @classmethod
    def example(cls) -> "MinimumVarianceDelta":
        """A typical member, for tests and documentation."""
        model = Heston.example()
        return cls(Call.example(), Fourier(model), model)
