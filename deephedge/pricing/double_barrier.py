"""Double-barrier options in closed form."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.double_barrier import DoubleBarrierOption
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.black_scholes import black_scholes_price
from deephedge.pricing.closed_form import LEAST_VOL, AbstractClosedForm, refusal, time_left
from deephedge.pricing.passage import tilted
from deephedge.typing import Array, Float, Scalar

_SWITCH = 0.7
"""Variance over the squared width of the corridor from which waves converge faster than images."""

_IMAGES, _WAVES = 5, 12


class DoubleBarrierFormula(AbstractClosedForm):
    r"""Double-barrier options, watched continuously, to rounding error at every maturity.

    With $x = \log(S/L)$, $w = \log(U/L)$, $\nu = r - q - \sigma^2/2$, the density of
    $y = \log(S_T/L)$ on paths that never leave $(0, w)$ is either series

    $$p(y) = e^{(\nu (y - x) - \nu^2 T/2)/\sigma^2} \sum_n
    \bigl[g(y - x - 2nw) - g(y + x - 2nw)\bigr]
    = e^{\cdots}\,\frac{2}{w}\sum_{k\ge1} \sin\tfrac{k\pi x}{w}\sin\tfrac{k\pi y}{w}
    e^{-k^2\pi^2\sigma^2T/(2w^2)}$$

    with g the normal density of variance $\sigma^2 T$: images of the start for short times, 11
    of them, and waves for long, 12. The payoff is integrated against each in closed form.
    A volatility under 0.01 % counts as that.

    Reference: Kunitomo and Ikeda (1992), flat barriers; Pelsser (2000) for the waves.
    """

    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not isinstance(claim, DoubleBarrierOption):
            raise refusal(self, "options with two barriers", claim)
        spot = now.prices[claim.asset]
        seen = now.progress[0] if now.progress.shape[0] else jnp.zeros_like(now.discount)
        hit = (seen > 0) | claim.reached(spot)
        live, tau = time_left(claim, now)
        living = jnp.where(hit, jnp.sqrt(claim.lower * claim.upper), spot)
        vanilla = self._vanilla(claim, spot, claim.tau(now))
        survives = jnp.where(live, self._out(claim, living, tau), vanilla)
        survives = jnp.where(hit, 0.0, survives)
        return vanilla - survives if claim.knock_in else survives

    def _vanilla(self, claim: DoubleBarrierOption, spot: Scalar, tau: Scalar) -> Scalar:
        return black_scholes_price(
            (Call if claim.call else Put)(strike=claim.strike, maturity=claim.maturity),
            spot=spot,
            tau=tau,
            vol=self.vol,
            rate=self.rate,
            dividend=self.dividend,
        )

    def _out(self, claim: DoubleBarrierOption, spot: Scalar, tau: Scalar) -> Scalar:
        """Value of the knock-out: the payoff (in units of L) against the density."""
        width = jnp.log(claim.upper / claim.lower)
        x, k = jnp.log(spot / claim.lower), jnp.log(claim.strike / claim.lower)
        k = jnp.clip(k, min=jnp.zeros_like(width), max=width)
        low, high = (k, width) if claim.call else (jnp.zeros_like(width), k)
        vol = jnp.maximum(self.vol, LEAST_VOL)
        wide = vol**2 * tau < _SWITCH * width**2
        # Double where: each series sees only volatilities at which it converges.
        edge = jnp.sqrt(_SWITCH / tau) * width
        carry = self.rate - self.dividend
        values = [
            series(jnp.where(use, vol, edge), carry, tau, x, width, (low, high))
            for use, series in ((wide, _images), (~wide, _waves))
        ]
        shares, cash = (jnp.where(wide, *pair) for pair in zip(*values, strict=True))
        gain = claim.lower * shares - claim.strike * cash
        return jnp.exp(-self.rate * tau) * (gain if claim.call else -gain)

    @classmethod
    def example(cls) -> "DoubleBarrierFormula":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01)


Bounds = tuple[Scalar, Scalar]


def _images(
    vol: Scalar, carry: Scalar, tau: Scalar, x: Scalar, width: Scalar, bounds: Bounds
) -> tuple[Scalar, Scalar]:
    """Integrals of exp(y) and of 1 against the density, by images of the start."""
    drift, deviation = carry - 0.5 * vol**2, vol * jnp.sqrt(tau)
    n = jnp.arange(-_IMAGES, _IMAGES + 1, dtype=tau.dtype)

    def integral(power: float) -> Scalar:
        # Under the measure with density exp(power * y) the drift gains power * vol^2.
        tilt = drift + power * vol**2
        scale = power * (x + drift * tau) + 0.5 * power**2 * vol**2 * tau

        def from_image(start: Float[Array, " image"], shift: Float[Array, " image"]) -> Array:
            exponent = tilt * shift / vol**2 + scale
            ends = [(start + tilt * tau - end) / deviation for end in bounds]
            upper_side = ends[0] < 0
            # The difference of two upper or of two lower tails: no cancellation near 1.
            signs = jnp.where(upper_side, 1.0, -1.0)
            first, second = (tilted(exponent, signs * end) for end in ends)
            return signs * (first - second)

        direct = from_image(x + 2.0 * n * width, 2.0 * n * width)
        mirrored = from_image(-x + 2.0 * n * width, -2.0 * x + 2.0 * n * width)
        return jnp.sum(direct - mirrored)

    return integral(1.0), integral(0.0)


def _waves(
    vol: Scalar, carry: Scalar, tau: Scalar, x: Scalar, width: Scalar, bounds: Bounds
) -> tuple[Scalar, Scalar]:
    """The same integrals by the sine series."""
    ratio = (carry - 0.5 * vol**2) / vol**2
    frequency = jnp.arange(1, _WAVES + 1, dtype=tau.dtype) * (jnp.pi / width)
    decay = -0.5 * (frequency**2 + ratio**2) * vol**2 * tau

    def integral(power: float) -> Scalar:
        a = ratio + power

        def primitive(y: Scalar) -> Array:
            wave = a * jnp.sin(frequency * y) - frequency * jnp.cos(frequency * y)
            return jnp.exp(a * y - ratio * x + decay) * wave / (a * a + frequency**2)

        low, high = bounds
        terms = jnp.sin(frequency * x) * (primitive(high) - primitive(low))
        return (2.0 / width) * jnp.sum(terms)

    return integral(1.0), integral(0.0)
