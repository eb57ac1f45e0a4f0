"""Several models at once: each path is that of one of them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import AbstractMarket, Path, Snapshot, at_start
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.merton import Merton
from deephedge.numerics.checks import per_asset, positive
from deephedge.typing import Array, Float


class Mixture(AbstractMarket):
    r"""A path is drawn from model i with probability proportional to `weights`.

    What a hedge is trained on that must do well in all of the models (domain randomisation).
    Which model it is, and what that model knows beside prices, is not shown: no factors. The
    models must start from the same prices. Each path is computed in all of
    them, which is what it costs.

    Reference: Tobin et al. (2017) for the idea; Cont (2006), Model uncertainty and its impact on
    the pricing of derivative instruments, for hedging.
    """

    markets: tuple[AbstractMarket, ...] = eqx.field(converter=tuple)
    weights: Float[Array, " market"] = eqx.field(converter=per_asset(positive("weights")))

    def __check_init__(self):
        if len(self.markets) == 0 or self.weights.shape != (len(self.markets),):
            raise ValueError(
                f"`weights` must have one number for each of the {len(self.markets)} markets, got "
                f"{self.weights.shape[0]}."
            )
        starts = [market.start() for market in self.markets]
        if any(isinstance(x, Tracer) for start in starts for x in jax.tree.leaves(start)):
            return
        prices = [np.asarray(start.prices).tolist() for start in starts]
        if any(price != prices[0] for price in prices):
            raise ValueError(f"`markets` must start from the same prices, got {prices}.")

    @property
    def normals_per_step(self) -> int:
        return max(market.normals_per_step for market in self.markets) + 1

    def start(self) -> Snapshot:
        return at_start(self.markets[0].start().prices)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        def along(market: AbstractMarket):
            def path(normals: Float[Array, "step normal"]) -> Path:
                path = market.path(times, normals[:, : market.normals_per_step])
                return eqx.tree_at(lambda x: x.factors, path, path.factors[:, :0])

            return path

        share = jax.scipy.special.ndtr(normals[0, -1])
        edges = jnp.cumsum(self.weights)[:-1] / jnp.sum(self.weights)
        chosen = jnp.sum(share > edges)
        return lax.switch(chosen, [along(market) for market in self.markets], normals)

    @classmethod
    def example(cls) -> "Mixture":
        """A typical member, for tests and documentation."""
        markets = (BlackScholes(spot=100.0, vol=0.2), Merton.example())
        return cls(markets, weights=[2.0, 1.0])
