"""The learned part of a certificate: a shadow price inside the spread, and a measure for it."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import Snapshot
from deephedge.numerics import normal
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.optimum.tilt import Tilt
from deephedge.policies.learned.features import Features
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

_STEEPEST, _MOST_MEAN, _MOST_STRETCH = 3.0, 1.0, 0.7
_FARTHEST = 1.5

SOFTNESS = 0.25
"""Over what distance the ramp from one edge of the spread to the other is rounded off."""


class Ramp(NamedTuple):
    """A ramp's value, slope and curvature."""

    value: Float[Array, "*asset"]
    slope: Float[Array, "*asset"]
    curvature: Float[Array, "*asset"]


def ramp(level: Float[Array, "*asset"], softness: Array | float) -> Ramp:
    r"""$E[\max(-1, \min(1, y + sZ))]$ for a standard normal Z: from -1 to 1, and flat beyond.

    So its mean over a normal y is another ramp, with the variance added to $s^2$. The best shadow
    price is at an edge of the spread wherever there is a trade: it must get there, not only near.
    """
    high, low = (level + 1.0) / softness, (level - 1.0) / softness
    shares, densities = ((of(high), of(low)) for of in (normal.cdf, normal.pdf))
    slope, fall = shares[0] - shares[1], densities[0] - densities[1]
    rise = high * shares[0] - low * shares[1]
    return Ramp(softness * (rise + fall) - 1.0, slope, fall / softness)


class Choice(eqx.Module):
    """What is chosen at a date about the step that begins there."""

    level: Float[Array, " asset"]
    slope: Float[Array, "asset normal"]
    tilt: Tilt
    holdings: Float[Array, " asset"]

    def eased(self, place: Float[Array, " asset"], ease: Scalar) -> "Choice":
        """Only so much of it: with none, the place on the ramp stays, and so does the measure.

        What is aimed at is nearer to the price, too: in a calm market the way back takes long.
        """
        near = jnp.clip(place, min=-_FARTHEST, max=_FARTHEST)
        level = (1.0 - ease) * near + ease**2 * self.level
        unit = jnp.eye(self.slope.shape[1], dtype=self.slope.dtype)
        factor = unit + ease * (self.tilt.factor - unit)
        tilt = Tilt(ease * self.tilt.mean, factor)
        return Choice(level, ease * self.slope, tilt, self.holdings)


class Shadow(eqx.Module):
    """The learned part: it sees the snapshot, where the shadow price stands, and the hedge."""

    network: Perceptron
    control: Perceptron
    opening: Float[Array, " asset"]
    features: Features
    n_normals: int = eqx.field(static=True)
    slack: float = eqx.field(static=True)
    """The share of the spread that is left unused; it takes up what a quadrature misses."""

    @classmethod
    def create(
        cls,
        problem: HedgingProblem,
        *,
        width: int,
        depth: int,
        slack: float,
        n_more: int = 0,
        key: PRNGKeyArray,
    ) -> "Shadow":
        """The shadow price that is the price, under the measure that is nearest to P.

        `n_more` numbers are seen besides, of where the measure stands.
        """
        pilot_key, network_key, control_key = jax.random.split(key, 3)
        market, dtype = problem.market, problem.times.dtype
        features = Features.fit(market, problem.claim, problem.times, key=pilot_key)
        n, d = features.reference.shape[0], market.normals_per_step
        n_seen, n_chosen = features.size + 4 * n + n_more, n * (d + 1) + d + d * (d + 1) // 2

        def silent(n_out: int, key: PRNGKeyArray) -> Perceptron:
            return silent_network(n_seen, n_out, width=width, depth=depth, dtype=dtype, key=key)

        network, control = silent(n_chosen, network_key), silent(n, control_key)
        return cls(network, control, jnp.zeros(n, dtype), features, d, slack)

    def position(self, place: Float[Array, " asset"]) -> Float[Array, " asset"]:
        r"""Where in the spread: $u = (1 - \eta)\,r(y)$, with r the ramp."""
        return (1.0 - self.slack) * ramp(place, SOFTNESS).value

    def choice(
        self,
        now: Snapshot,
        place: Float[Array, " asset"],
        held: Float[Array, " asset"],
        more: Float[Array, " more"] | None = None,
    ) -> Choice:
        """What is chosen at `now`, where the shadow price stands at `place` on the ramp."""
        features = self.features(now)
        n, d = place.shape[0], self.n_normals
        sharp = jnp.tanh(features[:n] / (features[n + 1] + 0.05))
        position = self.position(place)
        parts = [features, sharp, position, jnp.tanh(0.5 * place), held]
        seen = jnp.concatenate(parts if more is None else [*parts, more])
        sizes = [n, n * d, d, d]
        cuts = [sum(sizes[: i + 1]) for i in range(len(sizes))]
        move, slope, mean, stretch, lower = jnp.split(self.network(seen), cuts)
        slope = _soft(slope.reshape(n, d), _STEEPEST)
        level = move + jnp.clip(place, min=-_FARTHEST, max=_FARTHEST)
        factor = jnp.diag(jnp.exp(_soft(stretch, _MOST_STRETCH)))
        factor = factor.at[jnp.tril_indices(d, -1)].set(_soft(lower, _MOST_STRETCH))
        solved = jnp.arange(d) < n
        tilt = Tilt(jnp.where(solved, 0.0, _soft(mean, _MOST_MEAN)), factor)
        return Choice(level, slope, tilt, held + self.control(lax.stop_gradient(seen)))


def _soft(x: Array, limit: float) -> Array:
    return limit * jnp.tanh(x / limit)
