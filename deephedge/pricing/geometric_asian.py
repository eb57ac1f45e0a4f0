"""Options on a geometric average in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.asian import GeometricAsianCall, GeometricAsianPut
from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one, non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import AbstractClosedForm, refusal
from deephedge.typing import Scalar


class GeometricAsianFormula(AbstractClosedForm):
    r"""Exact: the geometric average of lognormal prices is lognormal.

    With n equal steps left in $\tau$, of a life of T, and $g_t$ the part of $\log G_T$ already
    fixed, $\log G_T$ is normal with

    $$m = g_t + \tfrac{\tau}{T}\bigl(\log S + \nu\tau\tfrac{n+1}{2n}\bigr), \quad
    s^2 = \bigl(\tfrac{\tau}{T}\bigr)^2 \sigma^2\tau\,\tfrac{(n+1)(2n+1)}{6n^2},
    \quad \nu = r - q - \tfrac12\sigma^2.$$

    Args:
        n_dates: equal steps left at `now`, as `n_steps` of `MonteCarlo`; `None` for an average
            over all times, the limit.

    Reference: Kemna and Vorst (1990); Turnbull and Wakeman (1991) for dates.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    n_dates: int | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        if self.n_dates is not None:
            at_least_one(n_dates=self.n_dates)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, GeometricAsianCall | GeometricAsianPut):
            raise refusal(self, "options on a geometric average", claim)
        tau = claim.tau(now)
        fixed = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(tau)
        n = self.n_dates
        first = 0.5 if n is None else (n + 1) / (2 * n)
        second = 1 / 3 if n is None else (n + 1) * (2 * n + 1) / (6 * n * n)
        share = tau / claim.maturity
        drift = self.rate - self.dividend - 0.5 * self.vol**2
        mean = fixed + share * (jnp.log(now.prices[claim.asset]) + drift * tau * first)
        variance = (share * self.vol) ** 2 * tau * second
        option = (Call if isinstance(claim, GeometricAsianCall) else Put)(
            strike=claim.strike, maturity=claim.maturity
        )
        zero = jnp.zeros_like(tau)
        forward_value = black_scholes_price(
            option,
            spot=jnp.exp(mean + 0.5 * variance),
            tau=zero + 1.0,
            vol=safe.sqrt(variance),
            rate=zero,
            dividend=zero,
        )
        return jnp.exp(-self.rate * tau) * forward_value

    @classmethod
    def example(cls) -> "GeometricAsianFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01, n_dates=4)
