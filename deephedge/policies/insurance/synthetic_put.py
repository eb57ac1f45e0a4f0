"""Option-based portfolio insurance, with the put replicated."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer

from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, positive, real
from deephedge.policies.insurance.base import AbstractPortfolioPolicy, Past, mix
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.typing import Array, Float, Scalar

ITERATIONS = 60
"""Of Newton's method for the strike; it converges from below, and quadratically at the end."""


class SyntheticPut(AbstractPortfolioPolicy):
    r"""Replicates the basket and a put on it, so scaled that the initial wealth pays for both.

    $$W_T = \lambda\,\max(I_T, k), \qquad \lambda\,(C_0(k) + k e^{-rT}) = W_0, \qquad
    \lambda k = \varphi\,W_0, \qquad E_t = \lambda\,I_t\,\frac{\partial C_t}{\partial I}$$

    with I the index of the basket (1 at the start, dividends at rate q paid out), C the
    Black-Scholes call at `vol`, and $\varphi$ `floor`: the share of the initial wealth that is
    guaranteed at `maturity`, in cash of *that* date, below $e^{rT}$. The strike k solves
    $k = \varphi\,(C_0(k) + k e^{-rT})$. The volatility is an assumption: the terminal law is the
    formula's only where the basket has it.

    Reference: Leland and Rubinstein (1988), The evolution of portfolio insurance; Bertrand and
    Prigent (2005), section 1, for the scaling.
    """

    floor: Scalar = eqx.field(converter=positive("floor"))
    vol: Scalar = eqx.field(converter=positive("vol"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    weights: Float[Array, " asset"] = eqx.field(converter=mix, default=1.0)
    leverage: Scalar = eqx.field(converter=positive("leverage"), default=1.0)
    band: Scalar = eqx.field(converter=non_negative("band"), default=0.0)

    def __check_init__(self):
        values = (self.floor, self.rate, self.maturity)
        if any(isinstance(x, Tracer) for x in values):
            return
        floor, rate, maturity = (float(x) for x in values)
        most = float(jnp.exp(rate * maturity))
        if floor >= most:
            raise ValueError(
                f"`floor` must be below what cash alone guarantees at maturity, {most:g}, "
                f"got {floor:g}."
            )

    @property
    def strike(self) -> Scalar:
        """Strike k of the put on the index of the basket, which starts at 1."""

        def shortfall(k: Scalar) -> Scalar:
            return k - self.floor * self._package(k)

        def newton(k: Scalar) -> Scalar:
            value, slope = jax.value_and_grad(shortfall)(k)
            return k - value / slope

        # Differentiable: one more step from the root carries the slope of the implicit function.
        root = lax.fori_loop(0, ITERATIONS, lambda _, k: newton(k), self.floor)
        return newton(lax.stop_gradient(root))

    def _package(self, strike: Scalar) -> Scalar:
        """Value at the start of the index with its put: a call and the strike in cash."""
        return self._call(strike, jnp.ones_like(strike), self.maturity) + strike * jnp.exp(
            -self.rate * self.maturity
        )

    def _call(self, strike: Scalar, level: Scalar, tau: Scalar) -> Scalar:
        return black_scholes_price(
            Call(strike=strike, maturity=self.maturity),
            spot=level,
            tau=tau,
            vol=self.vol,
            rate=self.rate,
            dividend=self.dividend,
        )

    def begin(self) -> tuple[Scalar, Scalar]:
        strike = self.strike
        return strike, 1.0 / self._package(strike)

    def exposure(
        self,
        now: Snapshot,
        wealth: Scalar,
        past: Past,
        own: tuple[Scalar, Scalar],
    ) -> tuple[Scalar, tuple[Scalar, Scalar]]:
        strike, scale = own
        tau = jnp.maximum(self.maturity - now.time, 0.0)
        delta = jax.grad(lambda level: self._call(strike, level, tau))(past.level)
        return scale * past.start * past.level * delta, own

    @classmethod
    def example(cls) -> "SyntheticPut":
        """A typical member, for tests and documentation."""
        return cls(floor=0.95, vol=0.2, maturity=0.25, rate=0.02)
