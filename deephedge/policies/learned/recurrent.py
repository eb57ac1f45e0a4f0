"""A network that remembers what it has seen."""

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
        base: AbstractPolicy | None = None,
        corrects: str = "holdings",
        cell: str = "gru",
        memory: int = 8,
        width: int = 16,
        depth: int = 1,
        features: Sequence[str] = STANDARD,
        lower: float | Sequence[float] | None = None,
        upper: float | Sequence[float] | None = None,
        key: PRNGKeyArray,
    ) -> "Recurrent":
        """An untrained policy for the claim in the market, starting from `base`.

        Args:
            cell: "gru" or "lstm".
            memory: numbers that the cell carries (an LSTM carries them twice).
        """
        if cell not in CELLS:
            raise ValueError(f"`cell` must be one of {', '.join(CELLS)}, got {cell!r}.")
        pilot_key, cell_key, network_key = jax.random.split(key, 3)
        seen = Features.fit(market, claim, times, names=features, key=pilot_key)
        n_in, n_out = sizes(seen, base, corrects)
        read = silent_network(
            n_in + memory,
            n_out,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=network_key,
        )
        own = CELLS[cell](n_in, memory, dtype=times.dtype, key=cell_key)
        return cls(Recurrence(own, read), seen, base, holding_bounds(lower, upper, seen), corrects)

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
        claim, market = Call.example(), BlackScholes.example()
        return cls.create(
            market,
            claim,
            jnp.linspace(0.0, claim.maturity, 6),
            base=DeltaHedge(claim, BlackScholesFormula.example()),
            key=jax.random.key(0),
        )
