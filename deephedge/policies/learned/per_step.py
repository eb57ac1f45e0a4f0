"""One network for each date."""

from typing import Unpack

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import Features
from deephedge.policies.learned.residual import AbstractResidualPolicy, Shared, started, typical
from deephedge.typing import Array, Float, Int, PRNGKeyArray


class PerStep(AbstractResidualPolicy):
    r"""$f_\theta$ is a perceptron of its own for each decision: $f_{\theta_k}$ for the k-th.

    What is remembered is k; after the last network, the last one decides. There are as many
    times more weights than in `Feedforward` as there are dates, each learned from its own date
    alone.

    Reference: Buehler, Gonon, Teichmann and Wood (2019), Deep hedging, section 4.3.
    """

    network: Perceptron
    """Every array with a leading axis of decisions."""
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
        width: int = 16,
        depth: int = 2,
        key: PRNGKeyArray,
        **shared: Unpack[Shared],
    ) -> "PerStep":
        """An untrained policy for the claim in the market, starting from `base`."""
        start = started(market, claim, times, corrects, key, **shared)
        network = _networks(
            jax.random.split(start.key, times.shape[0] - 1),
            start.n_in,
            start.n_out,
            width,
            depth,
            times.dtype,
        )
        return cls(network, *start.parts)

    def begin(self) -> Int[Array, ""]:
        return jnp.asarray(0, jnp.int32)

    def adjust(
        self, x: Float[Array, " input"], memory: Int[Array, ""]
    ) -> tuple[Float[Array, " output"], Int[Array, ""]]:
        # The count is the same on all paths: one slice serves the batch.
        last = self.network.biases[0].shape[0] - 1
        own = jax.tree.map(lambda weights: weights[jnp.minimum(memory, last)], self.network)
        return own(x), memory + 1

    @classmethod
    def example(cls) -> "PerStep":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical()
        return cls.create(
            market,
            claim,
            times,
            base=base,
            key=jax.random.key(0),
        )


def _networks(keys: Array, n_in: int, n_out: int, width: int, depth: int, dtype) -> Perceptron:
    def one(key: PRNGKeyArray) -> Perceptron:
        return silent_network(n_in, n_out, width=width, depth=depth, dtype=dtype, key=key)

    return jax.jit(jax.vmap(one))(keys)
