"""A network that sees the log-signature of the path so far."""

from typing import Unpack

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.numerics.signature import Tensors, extended, log_signature, lyndon_words, no_path
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.policies.learned.residual import AbstractResidualPolicy, Shared, started, typical
from deephedge.typing import Array, Bool, Float, PRNGKeyArray

Memory = tuple[Bool[Array, ""], Float[Array, " channel"], Tensors]
"""Whether it has begun, the last point, and the signature so far."""


class LogSignature(AbstractResidualPolicy):
    r"""$f_\theta$ is a perceptron of $x_k$ and the log-signature of the path up to now.

    The path is that of $\tau/T$ and of the log-moneyness of each asset; its signature of orders
    one to three is carried from date to date by Chen's identity and enters by the coefficients
    of its logarithm at Lyndon words: for one asset the two increments, the area between time and
    price, and two numbers of third order. They say how the price has come here, which matters
    for claims that remember and markets that hide their state.

    Reference: Chevyrev and Kormilitzin (2016), section 1.3; Lyons, Nejad and Perez Arribas
    (2020), Non-parametric pricing and hedging of exotic derivatives.
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
        key: PRNGKeyArray,
        **shared: Unpack[Shared],
    ) -> "LogSignature":
        """An untrained policy; `features` must have "moneyness" and "time", in this order."""
        names = tuple(shared.get("features", STANDARD))
        if names[:2] != STANDARD[:2]:
            raise ValueError(f"`features` must begin with {', '.join(STANDARD[:2])}, got {names}.")
        start = started(market, claim, times, corrects, key, **shared)
        network = silent_network(
            start.n_in + len(lyndon_words(start.parts[0].n_assets + 1)),
            start.n_out,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=start.key,
        )
        return cls(network, *start.parts)

    def begin(self) -> Memory:
        dtype, channels = self.features.reference.dtype, self.features.n_assets + 1
        return jnp.asarray(False), jnp.zeros(channels, dtype), no_path(channels, dtype)

    def adjust(
        self, x: Float[Array, " input"], memory: Memory
    ) -> tuple[Float[Array, " output"], Memory]:
        begun, last, so_far = memory
        point = x[: self.features.n_assets + 1]
        so_far = extended(so_far, jnp.where(begun, point - last, jnp.zeros_like(point)))
        out = self.network(jnp.concatenate([x, log_signature(so_far)]))
        return out, (jnp.ones_like(begun), point, so_far)

    @classmethod
    def example(cls) -> "LogSignature":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical()
        return cls.create(
            market,
            claim,
            times,
            base=base,
            key=jax.random.key(0),
        )
