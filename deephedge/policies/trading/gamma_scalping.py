"""Own options, and trade the stock against their delta."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, optional, per_asset, positive, real
from deephedge.policies.base import AbstractClassicalBand
from deephedge.policies.classical.whalley_wilmott import small_cost_width
from deephedge.pricing.listed import AbstractListed, ListedModel
from deephedge.typing import Array, Float, Scalar


class GammaScalping(AbstractClassicalBand):
    r"""Hold listed options, and sell their delta in the assets: rises are sold, falls are bought.

    With $x_i$ options of value $P_i$, the holdings of asset j are kept within

    $$-\sum_i x_i \frac{\partial P_i}{\partial S_j} \pm w_j, \qquad
    w_j = w + \Bigl(\frac{3\,\varepsilon\,S_j\,\Gamma_j^2}{2\,\lambda\,D_t}\Bigr)^{1/3},$$

    the second term, Whalley and Wilmott's, only if there is an `aversion` $\lambda$. Without a
    width every date is a scalp; to choose them by time or by a move of the price, wrap the policy
    in `RebalanceEvery`, `RebalanceOnMove` or `RebalanceOnDrift`.

    Over a step of $\delta t$ years the hedged book earns, at the volatility $\sigma$ that marks
    the options,

    $$\tfrac12\,\Gamma S^2\Bigl(\frac{\delta S^2}{S^2} - \sigma^2\,\delta t\Bigr),$$

    what the scalps bring less theta: see `attribute` for the exact split, and `break_even_vol`.
    An option at its expiry has no delta. A band that is as wide as delta scalps nothing.

    Args:
        market: that lists the options, `Listed` or `ListedModel`; their deltas are slopes of the
            pricers that mark them.
        units: $x_i$, held at all times; a single number or one per option. Negative sells gamma.
        half_width: w, in units of each asset.
        cost_rate: $\varepsilon$, of trading the assets.
        aversion: $\lambda$, per unit of today's money.

    Reference: Carr and Madan (1998), Towards a theory of volatility trading, for what the hedged
    option earns; Whalley and Wilmott (1997), equation 3.10, for the band.
    """

    market: AbstractListed
    units: Float[Array, " instrument"] = eqx.field(converter=per_asset(real("units")), default=1.0)
    half_width: Scalar = eqx.field(converter=non_negative("half_width"), default=0.0)
    cost_rate: Scalar | None = eqx.field(
        converter=optional(non_negative("cost_rate")), default=None
    )
    aversion: Scalar | None = eqx.field(converter=optional(positive("aversion")), default=None)

    def __check_init__(self):
        n = len(self.market.instruments)
        if self.units.shape[0] not in (1, n):
            raise ValueError(
                f"`units` must be one number, or one for each of the {n} instruments, got "
                f"{self.units.shape[0]}."
            )
        if self.aversion is not None and self.cost_rate is None:
            raise ValueError("`cost_rate` must be given with `aversion`; pass `cost_rate=0.001`.")

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        assets = self.market.assets_at(now)
        units = jnp.broadcast_to(self.units, (len(self.market.instruments),))
        units = units.astype(now.prices.dtype)

        def delta(prices: Float[Array, " asset"]) -> Float[Array, " asset"]:
            return jax.grad(
                lambda s: self.market.worth(units, dataclasses.replace(assets, prices=s), now)
            )(prices)

        width = jnp.broadcast_to(self.half_width, assets.prices.shape)
        if self.aversion is not None and self.cost_rate is not None:
            gamma = jnp.diagonal(jax.jacfwd(delta)(assets.prices))
            width = width + small_cost_width(
                gamma, assets, cost_rate=self.cost_rate, aversion=self.aversion
            )
        hedge = -delta(assets.prices)
        lower, upper = hedge - width, hedge + width
        return jnp.concatenate([lower, units]), jnp.concatenate([upper, units])

    @classmethod
    def example(cls) -> "GammaScalping":
        """A typical member, for tests and documentation."""
        return cls(ListedModel.example(), half_width=0.05)
