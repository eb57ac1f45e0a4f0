"""Variance swaps in closed form, under Black-Scholes, under Heston and with jumps."""

import dataclasses

import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.claims.corridor_variance import CorridorVarianceSwap
from deephedge.claims.variance_swap import VarianceSwap, VolatilitySwap
from deephedge.markets.base import AbstractMarket, AbstractModel, Snapshot
from deephedge.markets.bates import Bates
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.heston_law import AbstractHeston
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.numerics import normal, safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.closed_form import LEAST_VOL, refusal, time_left
from deephedge.typing import Scalar

KNOWN = BlackScholes | AbstractHeston | Merton | Kou | Bates
"""Models with a closed form for the expected variance."""

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)


class VarianceSwapFormula(AbstractPricer):
    r"""Swaps of realised variance, sampled at all times.

    With $V_t$ realised so far (`progress`) and $\bar v$ the expected mean variance to come,

    $$e^{-r\tau} N (V_t + \tfrac{\tau}{T}\bar v - K), \quad
    \bar v_{BS} = \sigma^2, \quad
    \bar v_{Heston} = \theta + (v - \theta)\frac{1 - e^{-\kappa\tau}}{\kappa\tau}.$$

    The jumps of Merton, Kou and Bates add $\lambda E[J^2]$ to the diffusion's $\bar v$:
    $\lambda(m^2 + s^2)$, and $2\lambda(p/\eta_1^2 + (1 - p)/\eta_2^2)$.

    Under Black-Scholes also the corridor, $\bar v = \frac{\sigma^2}{\tau}\int_0^\tau
    P(L < S_u < U)\,du$ by Gauss-Legendre quadrature, and the volatility swap, whose realised
    variance is then certain. n dates add $\nu^2\tau^2/nT$ under Black-Scholes, $\nu = r - q -
    \sigma^2/2$.

    Reference: Demeterfi, Derman, Kamal and Zou (1999); Broadie and Jain (2008), equation 10.
    """

    model: AbstractModel

    def __check_init__(self):
        if not isinstance(self.model, KNOWN):
            raise ValueError(
                "`model` must be Black-Scholes, Heston, Merton, Kou or Bates, got "
                f"{type(self.model).__name__}; use `MonteCarlo(model, ...)`."
            )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, VarianceSwap | VolatilitySwap | CorridorVarianceSwap):
            raise refusal(self, "variance swaps", claim)
        if not isinstance(self.model, BlackScholes) and not isinstance(claim, VarianceSwap):
            model = type(self.model).__name__
            raise refusal(self, f"variance swaps alone under {model}", claim)
        realised = self.fair_strike(claim, now)
        if isinstance(claim, VolatilitySwap):
            realised = safe.sqrt(realised)
        rate = self._rate()
        return jnp.exp(-rate * claim.tau(now)) * claim.notional * (realised - claim.strike)

    def fair_strike(
        self, claim: VarianceSwap | VolatilitySwap | CorridorVarianceSwap, now: Snapshot
    ) -> Scalar:
        """Expected realised variance over the life of the claim, per year."""
        past = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(now.time)
        live, tau = time_left(claim, now)
        if isinstance(self.model, AbstractHeston | Bates):
            level, pull = self.model.long_variance, self.model.mean_reversion
            mean = level - (now.factors[0] - level) * jnp.expm1(-pull * tau) / (pull * tau)
        elif isinstance(self.model, Merton | Kou):
            mean = self.model.vol**2
        else:
            assert isinstance(self.model, BlackScholes)  # as checked when it was built
            mean = self.model.vol[claim.asset] ** 2
            if isinstance(claim, CorridorVarianceSwap):
                mean = mean * _share_inside(self.model, claim, now.prices[claim.asset], tau)
        mean = mean + _jump_variance(self.model)
        return past + jnp.where(live, tau / claim.maturity * mean, 0.0)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["VarianceSwapFormula", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    def _rate(self) -> Scalar:
        assert isinstance(self.model, KNOWN)  # as checked when built
        return self.model.rate

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "VarianceSwapFormula | None":
        return cls(model) if isinstance(model, KNOWN) else None

    @classmethod
    def example(cls) -> "VarianceSwapFormula":
        """A typical member, for tests and documentation."""
        return cls(BlackScholes.example())


def _jump_variance(model: AbstractModel) -> Scalar | float:
    """Expected sum of the squares of the jumps in the log-price, a year."""
    if isinstance(model, Merton | Bates):
        return model.intensity * (model.jump_mean**2 + model.jump_vol**2)
    if isinstance(model, Kou):
        up = model.up_probability * model.up_size**2
        return 2.0 * model.intensity * (up + (1.0 - model.up_probability) * model.down_size**2)
    return 0.0


def _share_inside(
    model: BlackScholes, claim: CorridorVarianceSwap, spot: Scalar, tau: Scalar
) -> Scalar:
    """The expected share of the time left that the price spends in the corridor."""
    vol = jnp.maximum(model.vol[claim.asset], LEAST_VOL)
    # The nodes crowd at 0, where the probability leaves 0 or 1 like exp(-1/u).
    u = jnp.asarray(0.5 * (_NODES + 1.0), tau.dtype)
    weights = jnp.asarray(_WEIGHTS, tau.dtype) * u
    dates = tau * u**2
    drift = model.rate - model.dividend - 0.5 * vol**2

    def below(level: Scalar) -> Scalar:
        gap = safe.log(level / spot)
        return weights @ normal.cdf((gap - drift * dates) / (vol * jnp.sqrt(dates)))

    return below(claim.upper) - below(claim.lower)
