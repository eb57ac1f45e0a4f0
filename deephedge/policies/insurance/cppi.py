"""Constant-proportion portfolio insurance, and its ratchet."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import between, non_negative, positive
from deephedge.policies.insurance.base import AbstractPortfolioPolicy, Past, mix
from deephedge.typing import Array, Float, Scalar


class CPPI(AbstractPortfolioPolicy):
    r"""An exposure of `multiplier` times the cushion above a floor that grows at the rate.

    $$E_t = m\,(W_t - F_t)^+, \qquad F_t = \varphi\,W_0/D_t$$

    with $D_t$ the discount and $\varphi$ `floor`, a share of the initial wealth in *today's
    money*: a guarantee of g times $W_0$ at maturity T is $\varphi = g D_T$. Traded all the time
    without jumps, the cushion is never used up; under Black and Scholes, whatever the growth of the
    price, with `leverage` out of reach and S the price with its dividends reinvested,

    $$W_T = F_T + (W_0 - F_0)\,e^{(r - m(r - \frac12\sigma^2) - \frac12 m^2\sigma^2)T}
    \Bigl(\frac{S_T}{S_0}\Bigr)^m.$$

    A fall by more than 1/m between two trades breaches the floor (gap risk); from then on all is
    cash.

    Reference: Black and Perold (1992); Bertrand and Prigent (2005), Portfolio insurance
    strategies: CPPI versus OBPI, section 2; Cont and Tankov (2009) for jumps.
    """

    multiplier: Scalar = eqx.field(converter=positive("multiplier"))
    floor: Scalar = eqx.field(converter=non_negative("floor"))
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    leverage: Scalar = eqx.field(converter=positive("leverage"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)

    def begin(self) -> None:
        return None

    def exposure(self, now: Snapshot, wealth: Scalar, past: Past, own: None) -> tuple[Scalar, None]:
        floor = self.floor * past.start / now.discount
        return self.multiplier * jnp.maximum(wealth - floor, 0.0), None

    @classmethod
    def example(cls) -> "CPPI":
        """A typical member, for tests and documentation."""
        return cls(multiplier=4.0, floor=0.8)


class TIPP(AbstractPortfolioPolicy):
    r"""Time-invariant portfolio protection: the floor is a share of the highest wealth so far.

    $$E_t = m\,(W_t - F_t)^+, \qquad F_t = \max(F_{t-1}, \varphi W_t), \quad F_0 = \varphi W_0$$

    in cash of the date: the floor rises with wealth and never falls, but earns no interest.

    Reference: Estep and Kritzman (1988), TIPP: insurance without complexity.
    """

    multiplier: Scalar = eqx.field(converter=positive("multiplier"))
    floor: Scalar = eqx.field(converter=between("floor", 0.0, 1.0))
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    leverage: Scalar = eqx.field(converter=positive("leverage"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)

    def begin(self) -> Scalar:
        return jnp.zeros_like(self.floor)

    def exposure(
        self, now: Snapshot, wealth: Scalar, past: Past, own: Scalar
    ) -> tuple[Scalar, Scalar]:
        floor = jnp.maximum(own, self.floor * wealth)
        return self.multiplier * jnp.maximum(wealth - floor, 0.0), floor

    @classmethod
    def example(cls) -> "TIPP":
        """A typical member, for tests and documentation."""
        return cls(multiplier=4.0, floor=0.8)
