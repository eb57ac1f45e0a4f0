"""How a one-asset market moves over one step, on a grid of log-prices and variances."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import gammaln

from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.typing import Array, Float, Scalar

MOST_JUMPS = 12
"""In one step, beyond which the law is cut off."""


class AbstractLaw(eqx.Module):
    r"""The law of $\log S_{t+dt} - \log S_t = \text{trend}(dt) + y$ and of the next variance.

    Given as weights of the nodes $y = m\,dx$, m = -reach ... reach, by the trapezoidal rule: for
    a density as smooth as a normal one with a deviation of more than dx it is exact to rounding.
    """

    @property
    @abstractmethod
    def variances(self) -> Float[Array, " state"]:
        """The nodes of the variance; one node where it is constant."""

    @abstractmethod
    def trend(self, dt: Scalar) -> Scalar:
        """The part of the log-return that is certain."""

    @abstractmethod
    def weights(self, dt: Scalar, dx: Scalar, reach: int) -> Float[Array, "state state offset"]:
        """From each variance to each variance and each offset; they sum to 1."""


class NormalJumps(AbstractLaw):
    r"""Black-Scholes, or Merton: normal, given a Poisson number of jumps."""

    vol: Scalar
    growth: Scalar
    intensity: Scalar
    jump_mean: Scalar
    jump_vol: Scalar

    @property
    def variances(self) -> Float[Array, " state"]:
        return self.vol[None] ** 2

    def trend(self, dt: Scalar) -> Scalar:
        compensator = jnp.expm1(self.jump_mean + 0.5 * self.jump_vol**2)
        return (self.growth - 0.5 * self.vol**2 - self.intensity * compensator) * dt

    def weights(self, dt: Scalar, dx: Scalar, reach: int) -> Float[Array, "state state offset"]:
        y = (dx * offsets(reach, dx))[:, None]
        n = jnp.arange(MOST_JUMPS, dtype=y.dtype)[None, :]
        variance = self.vol**2 * dt + n * self.jump_vol**2
        log_density = -0.5 * (y - n * self.jump_mean) ** 2 / variance - 0.5 * jnp.log(variance)
        density = jnp.sum(poisson_weights(self.intensity * dt, n) * jnp.exp(log_density), axis=1)
        return (density / jnp.sum(density))[None, None, :]


class ExponentialJumps(AbstractLaw):
    """Kou: a normal move and Poisson numbers of exponential jumps, up and down."""

    vol: Scalar
    growth: Scalar
    up_intensity: Scalar
    down_intensity: Scalar
    up_size: Scalar
    down_size: Scalar

    @property
    def variances(self) -> Float[Array, " state"]:
        return self.vol[None] ** 2

    def trend(self, dt: Scalar) -> Scalar:
        up = self.up_intensity * self.up_size / (1 - self.up_size)
        down = self.down_intensity * self.down_size / (1 + self.down_size)
        return (self.growth - 0.5 * self.vol**2 - up + down) * dt

    def weights(self, dt: Scalar, dx: Scalar, reach: int) -> Float[Array, "state state offset"]:
        y = dx * offsets(reach, dx)
        normal = jnp.exp(-0.5 * y**2 / (self.vol**2 * dt))
        normal = normal / jnp.sum(normal)
        up = _jumps(self.up_intensity * dt, self.up_size, dx, reach)
        down = _jumps(self.down_intensity * dt, self.down_size, dx, reach)
        moved = jnp.convolve(normal, up, mode="full")[: 2 * reach + 1]
        moved = jnp.convolve(moved, down[::-1], mode="full")[reach : 3 * reach + 1]
        return (moved / jnp.sum(moved))[None, None, :]


def _jumps(expected: Scalar, size: Scalar, dx: Scalar, reach: int) -> Float[Array, " offset"]:
    """Weights of the offsets 0 ... reach for a sum of exponential jumps of that mean size."""
    z = dx * jnp.arange(reach + 1, dtype=dx.dtype)[:, None] / size
    n = jnp.arange(1, MOST_JUMPS, dtype=dx.dtype)[None, :]
    log_density = (n - 1) * jnp.log(jnp.maximum(z, 1e-300)) - z - gammaln(n)
    density = jnp.sum(poisson_weights(expected, n) * jnp.exp(log_density), axis=1) * dx / size
    # Gregory's rule at 0, where the density starts: of fourth order.
    start = jnp.asarray([3 / 8, 7 / 6, 23 / 24], dx.dtype)
    density = density.at[:3].multiply(start)
    return density.at[0].add(jnp.exp(-expected))


def poisson_weights(expected: Scalar, n: Array) -> Array:
    """The probability of n events."""
    log_mean = jnp.log(jnp.maximum(expected, 1e-300))
    return jnp.exp(n * log_mean - expected - gammaln(n + 1))


def offsets(reach: int, dx: Scalar) -> Float[Array, " offset"]:
    """The numbers -reach ... reach."""
    return jnp.arange(-reach, reach + 1, dtype=dx.dtype)


def independent_law(market: BlackScholes | Merton | Kou) -> AbstractLaw:
    """The law of a market whose log-returns are independent of each other."""
    growth = market.rate - market.dividend if market.drift is None else market.drift
    zero = jnp.zeros_like(growth)
    match market:
        case BlackScholes():
            return NormalJumps(market.vol[0], growth, zero, zero, zero)
        case Merton():
            jumps = (market.intensity, market.jump_mean, market.jump_vol)
            return NormalJumps(market.vol, growth, *jumps)
        case Kou():
            up = market.intensity * market.up_probability
            rates = (up, market.intensity - up)
            return ExponentialJumps(market.vol, growth, *rates, market.up_size, market.down_size)
