"""European calls, puts and forwards."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractEuropean, Pieces
from deephedge.markets.base import Path
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Scalar


class Call(AbstractEuropean):
    r"""Pays $(S_T - K)^+$."""

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(path.prices[-1, self.asset] - self.strike, 0.0)

    def pieces(self) -> Pieces:
        strike, one = self.strike[None], jnp.ones_like(self.strike)[None]
        return Pieces(cash=-strike, shares=one, strike=strike, sign=one)

    @classmethod
    def example(cls) -> "Call":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class Put(AbstractEuropean):
    r"""Pays $(K - S_T)^+$."""

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(self.strike - path.prices[-1, self.asset], 0.0)

    def pieces(self) -> Pieces:
        strike, one = self.strike[None], jnp.ones_like(self.strike)[None]
        return Pieces(cash=strike, shares=-one, strike=strike, sign=-one)

    @classmethod
    def example(cls) -> "Put":
        """A typical member, for tests and documentation."""
        return cls(strike=105.0, maturity=0.25)


class Forward(AbstractEuropean):
    r"""Pays $S_T - K$."""

    strike: Scalar = eqx.field(converter=non_negative("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return path.prices[-1, self.asset] - self.strike

    def pieces(self) -> Pieces:
        strike, one = self.strike[None], jnp.ones_like(self.strike)[None]
        # The whole half-line above a strike of 0.
        return Pieces(cash=-strike, shares=one, strike=0.0 * one, sign=one)

    @classmethod
    def example(cls) -> "Forward":
        """A typical member, for tests and documentation."""
        return cls(strike=98.0, maturity=0.25)
