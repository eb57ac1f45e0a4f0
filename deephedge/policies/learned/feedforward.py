"""One network, shared over time, from what is known to what to hold."""

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
from deephedge.policies.learned.residual import (
    AbstractResidualPolicy,
    holding_bounds,
    sizes,
)
from deephedge.pricing.black_scholes import BlackScholesFormula
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
        base: AbstractPolicy | None = None,
        corrects: str = "holdings",
        width: int = 32,
        depth: int = 2,
        features: Sequence[str] = STANDARD,
        lower: float | Sequence[float] | None = None,
        upper: float | Sequence[float] | None = None,
        key: PRNGKeyArray,
    ) -> "Feedforward":
        """An untrained policy for the claim in the market, starting from `base`."""
        pilot_key, network_key = jax.random.split(key)
        seen = Features.fit(market, claim, times, names=features, key=pilot_key)
        n_in, n_out = sizes(seen, base, corrects)
        network = silent_network(
            n_in,
            n_out,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=network_key,
        )
        return cls(network, seen, base, holding_bounds(lower, upper, seen), corrects)

    def begin(self) -> None:
        return None

    def adjust(
        self, x: Float[Array, " input"], memory: None
    ) -> tuple[Float[Array, " output"], None]:
        return self.network(x), None

    @classmethod
    def example(cls) -> "Feedforward":
        """A typical member, for tests and documentation."""
        claim, market = Call.example(), BlackScholes.example()
        return cls.create(
            market,
            claim,
            jnp.linspace(0.0, claim.maturity, 6),
            base=DeltaHedge(claim, BlackScholesFormula.example()),
            key=jax.random.key(0),
        )
