"""One network, shared over time, from what is known to what to hold."""

from typing import Unpack

import equinox as eqx
import jax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import Features
from deephedge.policies.learned.residual import AbstractResidualPolicy, Shared, started, typical
from deephedge.typing import Array, Float, PRNGKeyArray


class Feedforward(AbstractResidualPolicy):
    r"""$f_\theta$ is a perceptron that remembers nothing.

    Reference: Buehler, Gonon, Teichmann and Wood (2019), section 4, with one network for all
    dates instead of one a date.
    """

    network: Perceptron
    features: Features
    base: AbstractPolicy | None
    bounds: Float[Array, "2 asset"] | None
    corrects: str = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        corrects: str = "holdings",
        width: int = 32,
        depth: int = 2,
        activation: str = "silu",
        key: PRNGKeyArray,
        **shared: Unpack[Shared],
    ) -> "Feedforward":
        """An untrained policy for the claim in the market, starting from `base`."""
        start = started(market, claim, times, corrects, key, **shared)
        network = silent_network(
            start.n_in,
            start.n_out,
            width=width,
            depth=depth,
            activation=activation,
            dtype=times.dtype,
            key=start.key,
        )
        return cls(network, *start.parts)

    def begin(self) -> None:
        return None

    def adjust(
        self, x: Float[Array, " input"], memory: None
    ) -> tuple[Float[Array, " output"], None]:
        return self.network(x), None

    @classmethod
    def example(cls) -> "Feedforward":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical()
        return cls.create(
            market,
            claim,
            times,
            base=base,
            key=jax.random.key(0),
        )
