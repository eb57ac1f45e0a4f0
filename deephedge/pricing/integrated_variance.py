"""A variance swap on the variance itself: what daily sampling tends to."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.variance_swap import VarianceSwap
from deephedge.markets.base import Path, Snapshot
from deephedge.numerics.checks import positive
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.instruments import ON_TIME, AbstractInstrument, Column, Since, at_each_date
from deephedge.typing import Array, Float, Scalar


class IntegratedVariance(AbstractInstrument):
    r"""The idealised variance swap: it pays $N\int_0^T v_t\,dt$ at T, then stays cash.

    $$P_t = e^{-r\tau} N \Bigl(\int_0^t v_s\,ds + \tau\,\bar v_t\Bigr)$$

    with N `notional`, $v$ the market's first factor and $\bar v_t$ the mean variance that the
    pricer expects for the $\tau$ years that are left. It has no strike and so a positive price.
    Where a `Held` `VarianceSwap` is realised by squared returns of the path's dates, and so earns
    what the gamma of an option loses on the day, this one moves with the variance alone. The
    integral is by the trapezoidal rule; it is the one factor.

    Reference: Buehler, Gonon, Teichmann and Wood (2019), Deep hedging, section 5.2.
    """

    maturity: Scalar = eqx.field(converter=positive("maturity"))
    notional: Scalar = eqx.field(converter=positive("notional"), default=1.0)

    @property
    def kind(self) -> VarianceSwap:
        whole = self.notional * self.maturity
        return VarianceSwap(strike=0.0, maturity=self.maturity, notional=whole)

    def n_factors(self, start: Path) -> int:
        return 1

    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        variance, dt = path.factors[:, 0], jnp.diff(jnp.minimum(path.time, self.maturity))
        begin = jnp.zeros_like(variance[:1]) if since is None else since.factors
        terms = 0.5 * (variance[1:] + variance[:-1]) * dt
        own = jnp.cumsum(jnp.concatenate([begin, terms]))[:, None]
        live = at_each_date(self.value, pricer, path, own)
        kept = path.time > self.maturity * (1.0 + ON_TIME)
        last = jnp.maximum(jnp.sum(~kept) - 1, 0)
        prices = jnp.where(kept, path.discount[last] * live[last] / path.discount, live)
        one = jnp.ones_like(path.discount)
        return Column(prices, one if since is None else one * since.accrual, own)

    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        realised = own / self.maturity
        return pricer.price(self.kind, eqx.tree_at(lambda n: n.progress, now, realised))

    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        return self.maturity

    @classmethod
    def example(cls) -> "IntegratedVariance":
        """A typical member, for tests and documentation."""
        return cls(maturity=0.25)
