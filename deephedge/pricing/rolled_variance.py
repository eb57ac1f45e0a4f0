"""Exposure to variance that is rolled: a future on realised variance."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.variance_swap import VarianceSwap, squared_returns
from deephedge.markets.base import Path, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import positive
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.instruments import AbstractInstrument, Column, Since, at_each_date
from deephedge.pricing.rolled import future_accrual, rolled
from deephedge.typing import Array, Float, Scalar

LEVEL = 0.04
"""A variance: the strike at which a swap is compared with one that is free."""


class RolledVariance(AbstractInstrument):
    r"""A future on the realised variance of `tenor` years, rolled at its expiry.

    $$F_t = V_t + \frac{\tau}{T}\,\bar v_t, \qquad
    V_t = \frac1T \sum_{t_0 < t_k \le t}\log^2\frac{S_{t_k}}{S_{t_{k-1}}}$$

    with $V_t$ realised since the contract was bought at $t_0$, $\bar v_t$ the variance that the
    pricer expects for the $\tau$ years that are left, and T `tenor`. It settles at the realised
    variance, as a variance swap does, and costs nothing: the change of F is paid in cash, with
    the accrual of a `RolledFuture`, so that whoever puts F down and holds one to its expiry has
    $V_T$. F is a variance (0.04 for a volatility of 20 %): one unit is 0.04 in cash of cover, and
    a spread of 2 % of F one of 1 % of the volatility. It rises in a crash by what is realised,
    and where variance is stochastic by what is then expected too; a future on the VIX by the
    second alone. The factors are the expiry (years) and $V_t$. The pricer must price
    `VarianceSwap` and take a date only through the time left.

    Reference: Demeterfi, Derman, Kamal and Zou (1999) for the swap; Carr and Wu (2006), A tale of
    two indices, for futures on it and on the VIX.
    """

    tenor: Scalar = eqx.field(converter=positive("tenor"))
    asset: int = eqx.field(static=True, default=0)

    @property
    def kind(self) -> AbstractClaim:
        return VarianceSwap(strike=LEVEL, maturity=self.tenor, asset=self.asset)

    @property
    def interval(self) -> Scalar:
        return self.tenor

    def n_factors(self, start: Path) -> int:
        return 2

    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        spot = path.prices[:, self.asset]
        bought, known = None, jnp.zeros_like(spot[0])
        if since is not None:
            bought, known = (since.factors[0] - self.tenor, spot[0]), since.factors[1]
        rolls = rolled(path.time, spot, self.tenor, bought)
        terms = squared_returns(path, self.asset) / self.tenor
        total = jnp.cumsum(jnp.concatenate([known[None], terms]))
        # Less what had been realised when the contract was bought: nothing of it before the path.
        at_purchase = jnp.where(rolls.now, total, 0.0)
        realised = total - _last(at_purchase, rolls.now)
        own = jnp.stack([rolls.bought + self.tenor, realised], axis=1)
        prices = at_each_date(self.value, pricer, path, own)
        grown = own[:-1, 1] + terms
        old = jnp.concatenate([own[:1], jnp.stack([own[:-1, 0], grown], axis=1)])
        before = at_each_date(self.value, pricer, path, old)
        accrual = future_accrual(path, prices, before, own[:, 0], self.tenor, since)
        return Column(prices, accrual, own)

    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        r"""The strike at which a swap costs nothing: values are linear in the strike."""
        since = now.time - (own[0] - self.tenor)
        now = dataclasses.replace(now, time=since, progress=own[1:])
        some = self.kind
        free = VarianceSwap(strike=0.0, maturity=self.tenor, asset=self.asset)
        prepaid = pricer.price(free, now)
        return LEVEL * safe.divide(prepaid, prepaid - pricer.price(some, now))

    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        return own[0]

    @classmethod
    def example(cls) -> "RolledVariance":
        """A typical member, for tests and documentation."""
        return cls(tenor=0.125)


def _last(values: Float[Array, " time"], marked: Array) -> Float[Array, " time"]:
    """The value at the latest marked date, 0 before there is one."""
    latest = jnp.maximum.accumulate(jnp.where(marked, jnp.arange(values.shape[0]), -1))
    return jnp.where(latest < 0, 0.0, values[jnp.maximum(latest, 0)])
