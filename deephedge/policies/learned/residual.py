"""What learned hedges have in common: they correct a classical one."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, TypedDict, Unpack

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.policies.base import (
    AbstractBandPolicy,
    AbstractPolicy,
    AbstractTrainablePolicy,
    Account,
)
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.learned.band import centred, widened
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, PRNGKeyArray, PyTree


class AbstractResidualPolicy(AbstractTrainablePolicy):
    r"""Hold $b_k + f_\theta(x_k, m_k)$ units, within bounds; $x_k = (\phi_k, h_{k-1}, b_k)$.

    $b_k$ is the holding that a classical policy asks for, or zero when `base` is `None`; $\phi_k$
    are the features of the date and $h_{k-1}$ the current holdings. What a member adds is $f$
    and what it remembers, $m_k$. The last layer of $f$ starts at zero, so that an untrained
    policy is its base. `bounds`, where there are any, are the least and the greatest holdings of
    each asset, and cut what comes out.

    `corrects` says what of the base is corrected: its "holdings", as above, or, where it is a
    band $m \pm w$, its "band": f then has two numbers (a, b) an asset, and the holdings are kept
    within $[m - w e^a, m + w e^b]$. A correction of holdings trades a little at every date, and
    pays for it; one of a band leaves the no-trade region one.
    """

    features: eqx.AbstractVar[Features]
    base: eqx.AbstractVar[AbstractPolicy | None]
    bounds: eqx.AbstractVar[Float[Array, "2 asset"] | None]
    corrects: eqx.AbstractVar[str]

    @abstractmethod
    def begin(self) -> PyTree:
        """What is remembered before the first date; `None` for nothing."""

    @abstractmethod
    def adjust(
        self, x: Float[Array, " input"], memory: PyTree
    ) -> tuple[Float[Array, " output"], PyTree]:
        """What is added to the base, and what is remembered."""

    def init(self) -> tuple[PyTree, PyTree]:
        return self.begin(), None if self.base is None else self.base.init()

    def observe(self, now: Snapshot) -> tuple[Float[Array, " feature"], PyTree]:
        if isinstance(self.base, AbstractBandPolicy) and self.corrects == "band":
            return self.features(now), self.base.band(now)
        return self.features(now), None if self.base is None else self.base.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        features, base_seen = seen
        own, base_memory = memory
        inputs = [features, self.features.of_account(account), account.holdings]
        if self.corrects == "band":
            middle, half_width = centred(base_seen)
            out, own = self.adjust(jnp.concatenate([*inputs, middle, half_width]), own)
            lower, upper = widened(middle, half_width, out)
            holdings = jnp.clip(account.holdings, min=lower, max=upper)
        elif self.base is None:
            holdings, own = self.adjust(jnp.concatenate(inputs), own)
        else:
            start, base_memory = self.base.act(base_seen, account, base_memory)
            more, own = self.adjust(jnp.concatenate([*inputs, start]), own)
            holdings = start + more
        if self.bounds is not None:
            holdings = jnp.clip(holdings, min=self.bounds[0], max=self.bounds[1])
        return holdings, (own, base_memory)


class Shared(TypedDict, total=False):
    """What `create` of every learned policy takes beside what its network is made of.

    The classical policy that is corrected (none: zero), what is seen of a date, the least and the
    greatest holdings of an asset, and how many parameters of a family of problems are shown.
    """

    base: AbstractPolicy | None
    features: Sequence[str]
    lower: float | Sequence[float] | None
    upper: float | Sequence[float] | None
    n_parameters: int


class Start(NamedTuple):
    """What a learned policy is made of beside its network, and what the network must fit."""

    parts: tuple[Features, AbstractPolicy | None, Float[Array, "2 asset"] | None, str]
    """Its other fields: features, base, bounds, what it corrects."""
    n_in: int
    n_out: int
    key: PRNGKeyArray
    """For the network's weights."""


def started(
    market: AbstractMarket,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    corrects: str,
    key: PRNGKeyArray,
    **shared: Unpack[Shared],
) -> Start:
    """What the learned policies' `create` have in common."""
    pilot_key, network_key = jax.random.split(key)
    names, n_parameters = shared.get("features", STANDARD), shared.get("n_parameters", 0)
    seen = Features.fit(market, claim, times, names=names, n_parameters=n_parameters, key=pilot_key)
    base = shared.get("base")
    n_in, n_out = sizes(seen, base, corrects)
    bounds = holding_bounds(shared.get("lower"), shared.get("upper"), seen)
    return Start((seen, base, bounds, corrects), n_in, n_out, network_key)


def typical() -> tuple[AbstractMarket, AbstractClaim, Float[Array, " time"], AbstractPolicy]:
    """Market, claim, dates and base of the members' examples."""
    claim, market = Call.example(), BlackScholes.example()
    delta = DeltaHedge(claim, BlackScholesFormula.example())
    return market, claim, jnp.linspace(0.0, claim.maturity, 6), delta


def sizes(features: Features, base: AbstractPolicy | None, corrects: str) -> tuple[int, int]:
    """How many numbers `adjust` is given, and how many it gives."""
    n = features.n_assets
    match corrects:
        case "holdings":
            return features.size + n * (1 if base is None else 2), n
        case "band" if isinstance(base, AbstractBandPolicy):
            return features.size + 3 * n, 2 * n
        case "band":
            raise ValueError(
                f'`corrects` must be "holdings", since `base` is a {type(base).__name__} and no '
                "band; or give a base such as `WhalleyWilmott`."
            )
    raise ValueError(f"`corrects` must be holdings or band, got {corrects!r}.")


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
