"""One network for each date."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.policies.learned.residual import AbstractResidualPolicy, holding_bounds, sizes
from deephedge.pricing.black_scholes import BlackScholesFormula
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
        base: AbstractPolicy | None = None,
        corrects: str = "holdings",
        width: int = 16,
        depth: int = 2,
        features: Sequence[str] = STANDARD,
        lower: float | Sequence[float] | None = None,
        upper: float | Sequence[float] | None = None,
        key: PRNGKeyArray,
    ) -> "PerStep":
        """An untrained policy for the claim in the market, starting from `base`."""
        pilot_key, network_key = jax.random.split(key)
        seen = Features.fit(market, claim, times, names=features, key=pilot_key)
        n_in, n_out = sizes(seen, base, corrects)
        network = _networks(
            jax.random.split(network_key, times.shape[0] - 1),
            n_in,
            n_out,
            width,
            depth,
            times.dtype,
        )
        return cls(network, seen, base, holding_bounds(lower, upper, seen), corrects)

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
        claim, market = Call.example(), BlackScholes.example()
        return cls.create(
            market,
            claim,
            jnp.linspace(0.0, claim.maturity, 6),
            base=DeltaHedge(claim, BlackScholesFormula.example()),
            key=jax.random.key(0),
        )


def _networks(keys: Array, n_in: int, n_out: int, width: int, depth: int, dtype) -> Perceptron:
    def one(key: PRNGKeyArray) -> Perceptron:
        return silent_network(n_in, n_out, width=width, depth=depth, dtype=dtype, key=key)

    return jax.jit(jax.vmap(one))(keys)
