"""A market that knows some more numbers, which stand still on its paths."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import AbstractMarket, Contracts, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.checks import per_asset, real
from deephedge.typing import Array, Float


class ConstantFactors(AbstractMarket):
    """Any market, whose factors are followed by `values` at every date of every path.

    So a policy or a pricer that reads a factor, as `QuotedBlackScholes` reads the quoted
    volatility, can be used where the model has none; and a stream of quotes may have columns that
    the model does not move.
    """

    market: AbstractMarket
    values: Float[Array, " factor"] = eqx.field(converter=per_asset(real("values")))

    @property
    def normals_per_step(self) -> int:
        return self.market.normals_per_step

    def start(self) -> Snapshot:
        start = self.market.start()
        values = self.values.astype(start.prices.dtype)
        return dataclasses.replace(start, factors=jnp.concatenate([start.factors, values]))

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        path = self.market.path(times, normals)
        rows = jnp.broadcast_to(self.values.astype(times.dtype), (times.shape[0], self._n_values))
        return dataclasses.replace(path, factors=jnp.concatenate([path.factors, rows], axis=1))

    def contracts(self, path: Path) -> Contracts | None:
        own = path.factors[:, : path.factors.shape[1] - self._n_values]
        return self.market.contracts(dataclasses.replace(path, factors=own))

    @property
    def _n_values(self) -> int:
        return self.values.shape[0]

    @classmethod
    def example(cls) -> "ConstantFactors":
        """A typical member: Black and Scholes' market, whose volatility is quoted."""
        return cls(BlackScholes.example(), BlackScholes.example().vol)
