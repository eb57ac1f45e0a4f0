"""Cash-or-nothing options."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractEuropean, Pieces
from deephedge.claims.dates import at_end
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class DigitalCall(AbstractEuropean):
    r"""Pays one unit of cash if the price ends above the strike: $1\{S_T > K\}$."""

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.where(path.prices[-1, self.asset] > self.strike, 1.0, 0.0).astype(
            path.prices.dtype
        )

    def pieces(self) -> Pieces:
        strike, one = self.strike[None], jnp.ones_like(self.strike)[None]
        return Pieces(cash=one, shares=0.0 * one, strike=strike, sign=one)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, at_end(path, self.strike))]

    @classmethod
    def example(cls) -> "DigitalCall":
        """A typical member, for tests and documentation."""
        return cls(strike=102.0, maturity=0.25)


class DigitalPut(AbstractEuropean):
    r"""Pays one unit of cash if the price ends below the strike: $1\{S_T < K\}$."""

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.where(path.prices[-1, self.asset] < self.strike, 1.0, 0.0).astype(
            path.prices.dtype
        )

    def pieces(self) -> Pieces:
        strike, one = self.strike[None], jnp.ones_like(self.strike)[None]
        return Pieces(cash=one, shares=0.0 * one, strike=strike, sign=-one)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [(self.asset, at_end(path, self.strike))]

    @classmethod
    def example(cls) -> "DigitalPut":
        """A typical member, for tests and documentation."""
        return cls(strike=98.0, maturity=0.25)
