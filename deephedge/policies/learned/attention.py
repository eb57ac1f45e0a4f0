"""A network that looks back over the dates it has seen."""

from typing import Unpack

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.learned.features import Features
from deephedge.policies.learned.residual import AbstractResidualPolicy, Shared, started, typical
from deephedge.typing import Array, Float, Int, PRNGKeyArray

_NEVER = -1e9


class Looking(eqx.Module):
    """One layer of attention, and the perceptron that reads it."""

    query: Float[Array, "input inner"]
    key: Float[Array, "input inner"]
    value: Float[Array, "input inner"]
    by_age: Float[Array, "head length"]
    """What each head adds to its scores by how long ago a date was; the last is now."""
    read: Perceptron


class Seen(eqx.Module):
    """The keys and values of the last dates, oldest first, and how many there are."""

    keys: Float[Array, "length inner"]
    values: Float[Array, "length inner"]
    count: Int[Array, ""]


class Attention(AbstractResidualPolicy):
    r"""$f_\theta$ reads $x_k$ and what causal attention finds in the last `length` dates.

    Each date leaves a key $x_j K$ and a value $x_j V$; head by head

    $$a_k = \sum_j w_j\,x_j V, \qquad
    w_j \propto \exp\Bigl(\frac{x_k Q \cdot x_j K}{\sqrt d} + b_{k-j}\Bigr)$$

    over the dates j from $k -$ `length` $+ 1$ to k. Older ones are forgotten: the memory has one
    size however long the path is.

    Reference: Vaswani et al. (2017), section 3.2; a learned bias by age in place of positions
    as in Raffel et al. (2020), section 2.1.
    """

    network: Looking
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
        length: int = 16,
        n_heads: int = 2,
        head_size: int = 4,
        width: int = 16,
        depth: int = 1,
        key: PRNGKeyArray,
        **shared: Unpack[Shared],
    ) -> "Attention":
        """An untrained policy for the claim in the market, starting from `base`.

        Args:
            length: dates that are remembered, the present one included.
            head_size: numbers in a key and in a value of each of the `n_heads`.
        """
        at_least_one(length=length, n_heads=n_heads, head_size=head_size)
        start, inner = started(market, claim, times, corrects, key, **shared), n_heads * head_size
        query_key, key_key, value_key, read_key = jax.random.split(start.key, 4)
        dtype = times.dtype
        query, keys, value = (
            jax.random.normal(k, (start.n_in, inner), dtype) / np.sqrt(start.n_in).astype(dtype)
            for k in (query_key, key_key, value_key)
        )
        read = silent_network(
            start.n_in + inner, start.n_out, width=width, depth=depth, dtype=dtype, key=read_key
        )
        network = Looking(query, keys, value, jnp.zeros((n_heads, length), dtype), read)
        return cls(network, *start.parts)

    def begin(self) -> Seen:
        length, inner = self.network.by_age.shape[1], self.network.key.shape[1]
        nothing = jnp.zeros((length, inner), self.features.reference.dtype)
        return Seen(nothing, nothing, jnp.asarray(0, jnp.int32))

    def adjust(
        self, x: Float[Array, " input"], memory: Seen
    ) -> tuple[Float[Array, " output"], Seen]:
        net = self.network
        own = x.astype(net.query.dtype)
        memory = Seen(
            jnp.concatenate([memory.keys[1:], (own @ net.key).astype(x.dtype)[None]]),
            jnp.concatenate([memory.values[1:], (own @ net.value).astype(x.dtype)[None]]),
            memory.count + 1,
        )
        n_heads, length = net.by_age.shape
        keys, values = (
            y.astype(own.dtype).reshape(length, n_heads, -1) for y in (memory.keys, memory.values)
        )
        query = (own @ net.query).reshape(n_heads, -1)
        scores = jnp.einsum("hd,lhd->hl", query, keys) / np.sqrt(query.shape[1]).astype(own.dtype)
        there = jnp.arange(length, dtype=jnp.int32) >= length - memory.count
        weights = jax.nn.softmax(jnp.where(there[None], scores + net.by_age, _NEVER), axis=1)
        found = jnp.einsum("hl,lhd->hd", weights, values).reshape(-1).astype(x.dtype)
        return net.read(jnp.concatenate([x, found])), memory

    @classmethod
    def example(cls) -> "Attention":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical()
        return cls.create(
            market,
            claim,
            times,
            base=base,
            length=4,
            key=jax.random.key(0),
        )
