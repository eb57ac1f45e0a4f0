"""European claims under constant elasticity of variance, by the noncentral chi-square law."""

import dataclasses

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.cev import CEV, mean_exponential
from deephedge.numerics import safe
from deephedge.numerics.noncentral_chi_square import noncentral_chi_square
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.typing import Scalar


class CEVFormula(AbstractPricer):
    r"""The closed form of every European claim in the `CEV` model, absorption at 0 included.

    With $F = S e^{(r - q)\tau}$, $k = 1/(1 - \beta)$ and

    $$w = \sigma^2 \frac{e^{2(1 - \beta)(r - q)\tau} - 1}{2(1 - \beta)(r - q)}, \quad
    a = \frac{k^2 K^{2/k}}{w}, \quad c = \frac{k^2 F^{2/k}}{w},$$

    $P(S_T > K) = P(\chi^2_{k}(a) < c)$ and $E[S_T 1\{S_T > K\}] = F\,P(\chi^2_{k + 2}(c) > a)$,
    where $\chi^2_n(\lambda)$ has n degrees of freedom and noncentrality $\lambda$.

    Reference: Schroder (1989), Journal of Finance 44, equation 1.
    """

    model: CEV

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim = european(claim, "CEVFormula")
        pieces, tau, model = claim.pieces(), claim.tau(now), self.model
        forward = now.prices[claim.asset] * jnp.exp((model.rate - model.dividend) * tau)
        cash, shares = jax.vmap(lambda k, s: _reached(model, forward, k, tau, s))(
            pieces.strike, pieces.sign
        )
        return jnp.exp(-model.rate * tau) * jnp.sum(pieces.cash * cash + pieces.shares * shares)

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["CEVFormula", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "CEVFormula | None":
        return cls(model) if isinstance(model, CEV) else None

    @classmethod
    def example(cls) -> "CEVFormula":
        """A typical member, for tests and documentation."""
        return cls(CEV.example())


def _reached(
    model: CEV, forward: Scalar, strike: Scalar, tau: Scalar, sign: Scalar
) -> tuple[Scalar, Scalar]:
    """The probability of ending above (sign 1) or below a strike, and the mean price there."""
    power = 2.0 * (1.0 - model.exponent)
    growth = (model.rate - model.dividend) * power * tau
    clock = model.scale**2 * tau * mean_exponential(growth)
    log_moneyness = safe.log(strike) - safe.log(forward)
    live = (clock > 0) & (strike > 0) & (forward > 0)
    clock = jnp.where(live, clock, 1.0)
    moneyness = jnp.where(live, log_moneyness, 0.0)
    c = 4.0 / power**2 * jnp.exp(power * jnp.where(live, safe.log(forward), 0.0)) / clock
    a, excess = c * jnp.exp(power * moneyness), c * jnp.expm1(power * moneyness)
    degrees = 2.0 / power
    above, below = noncentral_chi_square(-excess, degrees, a)
    shares_below, shares_above = noncentral_chi_square(excess, degrees + 2.0, c)
    up = sign > 0
    certain = (sign * (forward - strike) > 0) | (up & (strike <= 0))
    certain = certain.astype(forward.dtype)
    cash = jnp.where(live, jnp.where(up, above, below), certain)
    shares = jnp.where(live, jnp.where(up, shares_above, shares_below), certain)
    return cash, forward * shares
