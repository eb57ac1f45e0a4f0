"""A network that remembers what it has seen."""

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
from deephedge.typing import Array, Float, PRNGKeyArray

CELLS = {"gru": eqx.nn.GRUCell, "lstm": eqx.nn.LSTMCell}


class Recurrence(eqx.Module):
    """A recurrent cell, and the perceptron that reads it."""

    cell: eqx.nn.GRUCell | eqx.nn.LSTMCell
    read: Perceptron


class Recurrent(AbstractResidualPolicy):
    r"""$f_\theta$ reads a state that a GRU or an LSTM carries from date to date.

    $$m_k = \text{cell}(x_k, m_{k-1}), \qquad f = \text{perceptron}(x_k, m_k)$$

    For markets that hide what drives them (a variance, a regime), and claims that remember; in a
    Markov market whose state is seen it can gain nothing but the ease of learning.

    Reference: Cho et al. (2014) for the GRU; Hochreiter and Schmidhuber (1997) for the LSTM;
    Buehler, Gonon, Teichmann and Wood (2019), remark 4.6, for hedging with them.
    """

    network: Recurrence
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
        cell: str = "gru",
        memory: int = 8,
        width: int = 16,
        depth: int = 1,
        key: PRNGKeyArray,
        **shared: Unpack[Shared],
    ) -> "Recurrent":
        """An untrained policy for the claim in the market, starting from `base`.

        Args:
            cell: "gru" or "lstm".
            memory: numbers that the cell carries (an LSTM carries them twice).
        """
        if cell not in CELLS:
            raise ValueError(f"`cell` must be one of {', '.join(CELLS)}, got {cell!r}.")
        start = started(market, claim, times, corrects, key, **shared)
        cell_key, read_key = jax.random.split(start.key)
        read = silent_network(
            start.n_in + memory,
            start.n_out,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=read_key,
        )
        own = CELLS[cell](start.n_in, memory, dtype=times.dtype, key=cell_key)
        return cls(Recurrence(own, read), *start.parts)

    def begin(self) -> Array | tuple[Array, Array]:
        nothing = jnp.zeros(self.network.cell.hidden_size, self.features.reference.dtype)
        return (nothing, nothing) if isinstance(self.network.cell, eqx.nn.LSTMCell) else nothing

    def adjust(
        self, x: Float[Array, " input"], memory: Array | tuple[Array, Array]
    ) -> tuple[Float[Array, " output"], Array | tuple[Array, Array]]:
        inside = self.network.cell.weight_ih.dtype
        seen, memory = jax.tree.map(lambda y: y.astype(inside), (x, memory))
        match self.network.cell:
            case eqx.nn.LSTMCell() as cell:
                memory = cell(seen, (memory[0], memory[1]))
            case eqx.nn.GRUCell() as cell:
                memory = cell(seen, jnp.asarray(memory))
        memory = jax.tree.map(lambda y: y.astype(x.dtype), memory)
        state = memory[0] if isinstance(memory, tuple) else memory
        return self.network.read(jnp.concatenate([x, state])), memory

    @classmethod
    def example(cls) -> "Recurrent":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical()
        return cls.create(
            market,
            claim,
            times,
            base=base,
            key=jax.random.key(0),
        )
