"""What learned hedges have in common: they correct a classical one."""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, AbstractTrainablePolicy, Account
from deephedge.policies.learned.features import Features
from deephedge.typing import Array, Float, PyTree


class AbstractResidualPolicy(AbstractTrainablePolicy):
    r"""Hold $b_k + f_\theta(x_k, m_k)$ units, within bounds; $x_k = (\phi_k, h_{k-1}, b_k)$.

    $b_k$ is the holding that a classical policy asks for, or zero when `base` is `None`; $\phi_k$
    are the features of the date and $h_{k-1}$ the current holdings. What a member adds is $f$
    and what it remembers, $m_k$. The last layer of $f$ starts at zero, so that an untrained
    policy is its base. `bounds`, where there are any, are the least and the greatest holdings of
    each asset, and cut what comes out.
    """

    features: eqx.AbstractVar[Features]
    base: eqx.AbstractVar[AbstractPolicy | None]
    bounds: eqx.AbstractVar[Float[Array, "2 asset"] | None]

    @abstractmethod
    def begin(self) -> PyTree:
        """What is remembered before the first date; `None` for nothing."""

    @abstractmethod
    def adjust(
        self, x: Float[Array, " input"], memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        """What is added to the base, and what is remembered."""

    def init(self) -> tuple[PyTree, PyTree]:
        return self.begin(), None if self.base is None else self.base.init()

    def observe(self, now: Snapshot) -> tuple[Float[Array, " feature"], PyTree]:
        return self.features(now), None if self.base is None else self.base.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        features, base_seen = seen
        own, base_memory = memory
        inputs = [features, self.features.of_account(account), account.holdings]
        if self.base is None:
            holdings, own = self.adjust(jnp.concatenate(inputs), own)
        else:
            start, base_memory = self.base.act(base_seen, account, base_memory)
            more, own = self.adjust(jnp.concatenate([*inputs, start]), own)
            holdings = start + more
        if self.bounds is not None:
            holdings = jnp.clip(holdings, min=self.bounds[0], max=self.bounds[1])
        return holdings, (own, base_memory)


def input_size(features: Features, base: AbstractPolicy | None) -> int:
    """How many numbers `adjust` is given."""
    return features.size + features.n_assets * (1 if base is None else 2)


def holding_bounds(
    lower: float | Sequence[float] | None,
    upper: float | Sequence[float] | None,
    features: Features,
) -> Float[Array, "2 asset"] | None:
    """The least and the greatest holdings of each asset, or `None` where neither is given."""
    if lower is None and upper is None:
        return None
    dtype = features.reference.dtype
    # A finite number in place of infinity: slopes and saved files stay finite.
    far = float(jnp.finfo(dtype).max) / 4
    low = np.broadcast_to(np.asarray(-far if lower is None else lower), features.n_assets)
    high = np.broadcast_to(np.asarray(far if upper is None else upper), features.n_assets)
    if not np.all(low < high):
        raise ValueError(f"`lower` must be below `upper`, {high}, got {low}.")
    return jnp.asarray(np.stack([low, high]), dtype)
