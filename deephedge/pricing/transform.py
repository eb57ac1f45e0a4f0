"""What the Fourier methods share: any European claim from two numbers at each of its strikes."""

import dataclasses
from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractAffineModel, Snapshot
from deephedge.numerics import safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.typing import Array, Float, Scalar

FAR = 28.0
"""Log-moneyness at which e^-28, under 1e-12, is all that a claim's value can still change by."""


class AbstractTransform(AbstractPricer):
    r"""Value of $\sum_i (c_i + m_i S)\,1\{s_i(S - K_i) > 0\}$ from the characteristic function.

    With $X = \log(S_T/F)$ and $k = \log(K/F)$ every piece is made of $P(X > k)$ and
    $E[e^X 1\{X < k\}]$; on the other side of the strike are 1 less these. Both are expectations
    of $e^{-|X-k|/2}$ and its like under the measure halfway between those of cash and of the share,
    $dQ \propto e^{X/2}\,dP$, whose characteristic function is that of X along
    $\mathrm{Im}\,u = -\tfrac12$. It exists in every model, and what lies beyond $\pm L$ adds less
    than $e^{-L}$, however heavy the tails.
    """

    model: eqx.AbstractVar[AbstractAffineModel]

    @abstractmethod
    def halves(
        self, log_strike: Float[Array, " piece"], tau: Scalar, factors: Float[Array, " factor"]
    ) -> tuple[Float[Array, " piece"], Float[Array, " piece"]]:
        """P(X > k) and E[exp(X) 1{X < k}] at each k, for a positive `tau`."""

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, type(self).__name__)
        pieces, tau = claim.pieces(), claim.tau(now)
        model = self.model
        n_factors = model.start().factors.shape[0]
        if now.factors.shape[0] < n_factors:
            raise ValueError(
                f"`market` must be a {type(model).__name__} for {type(self).__name__} to price in, "
                f"which has {n_factors} factors, got one of {now.factors.shape[0]}."
            )
        forward = now.prices[claim.asset] * jnp.exp((model.rate - model.dividend) * tau)
        live = tau > 0
        log_strike = safe.log(pieces.strike / forward)
        cash, shares = self.halves(log_strike, jnp.where(live, tau, 1.0), now.factors)
        expired = (log_strike > 0).astype(tau.dtype)
        cash, shares = jnp.where(live, cash, 1.0 - expired), jnp.where(live, shares, expired)
        above = pieces.sign > 0
        cash, shares = jnp.where(above, cash, 1.0 - cash), jnp.where(above, 1.0 - shares, shares)
        value = pieces.cash * cash + pieces.shares * forward * shares
        return jnp.exp(-model.rate * tau) * jnp.sum(value)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["AbstractTransform", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now


def halfway(
    model: AbstractAffineModel,
    u: Float[Array, " point"],
    tau: Scalar,
    factors: Float[Array, " factor"],
) -> tuple[Float[Array, " point"], Float[Array, " point"]]:
    r"""Logarithm of the modulus, and the argument, of $\varphi(u - i/2)$ at real u."""
    values = model.log_characteristic(lax.complex(u, jnp.full_like(u, -0.5)), tau, factors)
    return jnp.real(values), jnp.imag(values)
