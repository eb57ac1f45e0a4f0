"""A no-trade band whose edges are learned."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics.checks import refuse_other
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractBandPolicy, AbstractTrainablePolicy
from deephedge.policies.learned.band import centred, seen_of_date, typical_band, widened
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.typing import Array, Float, PRNGKeyArray


class NoTransactionBand(AbstractTrainablePolicy, AbstractBandPolicy):
    r"""Keep the holdings within $[m - w e^{a},\; m + w e^{b}]$, trading to the edge.

    $m$ and $w$ are middle and half-width of a classical band, $(a, b)$ the outputs of a network
    that sees the features of the date, $m$ and $w$; $|a|, |b| < 4$. An untrained policy is the
    classical band: any delta with a stated width, or an asymptotic one.

    Reference: Imaki, Imajo, Ito, Minami and Nakagawa (2021), who learn the widths themselves,
    around the Black-Scholes delta; learning their ratio to a classical width starts closer.
    """

    network: Perceptron
    features: Features
    base: AbstractBandPolicy

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        base: AbstractBandPolicy,
        width: int = 32,
        depth: int = 2,
        features: Sequence[str] = STANDARD,
        n_parameters: int = 0,
        key: PRNGKeyArray,
    ) -> "NoTransactionBand":
        """An untrained policy for the claim in the market, starting from the band `base`.

        Args:
            features: what is seen, as in `Features`; not "wealth", since a band is that of a date.
        """
        refuse_other("base", base, AbstractBandPolicy, "DeltaBand(claim, pricer, half_width=0.05)")
        seen, key = seen_of_date(market, claim, times, features, n_parameters, key)
        n, dtype = seen.n_assets, times.dtype
        network = silent_network(
            seen.size + 2 * n, 2 * n, width=width, depth=depth, dtype=dtype, key=key
        )
        return cls(network, seen, base)

    def observe(self, now: Snapshot) -> tuple[Array, Array, Array]:
        return self.features(now), *centred(self.base.band(now))

    def edges(
        self, seen: tuple[Array, Array, Array]
    ) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        features, middle, half_width = seen
        out = self.network(jnp.concatenate([features, middle, half_width]))
        return widened(middle, half_width, out)

    @classmethod
    def example(cls) -> "NoTransactionBand":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical_band()
        return cls.create(market, claim, times, base=base, key=jax.random.key(0))
