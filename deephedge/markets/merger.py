"""The two stocks of a merger that may close or break."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import (
    AbstractMarket,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    no_progress,
)
from deephedge.numerics import normal
from deephedge.numerics.checks import between, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar


class MergerMarket(AbstractMarket):
    r"""Target (asset 0) and acquirer (asset 1) until a deal closes at `closing`, or breaks before.

    Each target share is to become `cash` and `ratio` shares of the acquirer A. The deal breaks at
    the intensity $\lambda$; the target is then worth X, its price without a deal. A and X are
    correlated geometric Brownian motions. Until then the target costs its expected outcome,

    $$P_t = e^{-\lambda\tau}\bigl(c\,e^{-r\tau} + m A_t e^{-q\tau}\bigr)
    + (1 - e^{-\lambda\tau}) X_t, \quad \tau = T - t,$$

    so that its discounted price is a martingale; then it is X, or what the deal paid, with
    interest and dividends. The spread to the deal's value closes as T comes near. The factors are
    1 once the deal is broken, and X. Three normals a step: for X, for A, and for the break.

    Args:
        break_intensity: $\lambda$ a year, that the price contains.
        real_intensity: at which the deal breaks on the paths, $\lambda$ unless given: less is what
            risk arbitrage earns.
        dividend: of the acquirer; the target pays none.

    Reference: Mitchell and Pulvino (2001), Characteristics of risk and return in risk arbitrage;
    Subramanian (2004), Option pricing on stocks in mergers and acquisitions, for the model.
    """

    acquirer: Scalar = eqx.field(converter=positive("acquirer"))
    standalone: Scalar = eqx.field(converter=positive("standalone"))
    closing: Scalar = eqx.field(converter=positive("closing"))
    break_intensity: Scalar = eqx.field(converter=non_negative("break_intensity"))
    cash: Scalar = eqx.field(converter=non_negative("cash"), default=0.0)
    ratio: Scalar = eqx.field(converter=non_negative("ratio"), default=0.0)
    acquirer_vol: Scalar = eqx.field(converter=non_negative("acquirer_vol"), default=0.3)
    standalone_vol: Scalar = eqx.field(converter=non_negative("standalone_vol"), default=0.3)
    correlation: Scalar = eqx.field(converter=between("correlation", -1.0, 1.0), default=0.0)
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    real_intensity: Scalar | None = eqx.field(
        converter=optional(non_negative("real_intensity")), default=None
    )

    @property
    def normals_per_step(self) -> int:
        return 3

    def start(self) -> Snapshot:
        zero = jnp.zeros_like(self.acquirer)
        price = self.target(zero, self.acquirer, self.standalone, zero)
        factors = jnp.stack([zero, self.standalone])
        return at_start(jnp.stack([price, self.acquirer]), factors)

    def target(self, time: Array, acquirer: Array, standalone: Array, broken: Array) -> Array:
        """The target's price, given the acquirer's, that without a deal, and whether it broke."""
        tau = self.closing - time
        survival = jnp.exp(-self.break_intensity * jnp.maximum(tau, 0.0))
        stock = self.ratio * acquirer * jnp.exp(-self.dividend * tau)
        deal = self.cash * jnp.exp(-self.rate * tau) + stock
        pending = survival * deal + (1.0 - survival) * standalone
        return jnp.where(broken > 0, standalone, pending)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        own = jnp.sqrt(1.0 - self.correlation**2)
        shock = self.correlation * normals[:, 0] + own * normals[:, 1]
        grown = self.rate - self.dividend
        acquirer = self.acquirer * _growth(grown, self.acquirer_vol, dt, shock)
        standalone = self.standalone * _growth(self.rate, self.standalone_vol, dt, normals[:, 0])
        broken = self._broken(times, normals[:, 2])
        target = self.target(times, acquirer, standalone, broken)
        ones = jnp.ones_like(times)
        return Path(
            time=times,
            prices=jnp.stack([target, acquirer], axis=1),
            factors=jnp.stack([broken, standalone], axis=1),
            discount=flat_discount(times, self.rate),
            accrual=jnp.stack([ones, jnp.exp(self.dividend * times)], axis=1),
            progress=no_progress(times),
        )

    def _broken(self, times: Float[Array, " time"], z: Float[Array, " step"]) -> Array:
        intensity = self.break_intensity if self.real_intensity is None else self.real_intensity
        pending = jnp.diff(jnp.minimum(times, self.closing))
        breaks = normal.cdf(z) < -jnp.expm1(-intensity * pending)
        ever = (jnp.cumsum(breaks) > 0).astype(times.dtype)
        return jnp.concatenate([jnp.zeros_like(times[:1]), ever])

    @classmethod
    def example(cls) -> "MergerMarket":
        """A typical member, for tests and documentation."""
        return cls(
            acquirer=50.0,
            standalone=80.0,
            closing=0.25,
            break_intensity=0.4,
            cash=40.0,
            ratio=1.2,
            correlation=0.4,
            rate=0.02,
            dividend=0.01,
        )


def _growth(
    rate: Scalar, vol: Scalar, dt: Float[Array, " step"], shock: Float[Array, " step"]
) -> Float[Array, " time"]:
    log_growth = partial_sums((rate - 0.5 * vol**2) * dt + vol * jnp.sqrt(dt) * shock)
    return jnp.exp(log_growth)
