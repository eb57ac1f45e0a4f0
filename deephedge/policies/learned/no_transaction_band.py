"""A no-trade band whose edges are learned."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractBandPolicy, AbstractTrainablePolicy
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.policies.learned.residual import widened
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
        if "wealth" in features:
            raise ValueError(
                "`features` must not hold 'wealth': the edges of a band are those of the date; use "
                '`Feedforward.create(..., corrects="band")`.'
            )
        pilot_key, network_key = jax.random.split(key)
        seen = Features.fit(
            market, claim, times, names=features, n_parameters=n_parameters, key=pilot_key
        )
        n_assets = seen.n_assets
        network = silent_network(
            seen.size + 2 * n_assets,
            2 * n_assets,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=network_key,
        )
        return cls(network, seen, base)

    def observe(self, now: Snapshot) -> tuple[Array, Array, Array]:
        lower, upper = self.base.band(now)
        return self.features(now), 0.5 * (lower + upper), 0.5 * (upper - lower)

    def edges(
        self, seen: tuple[Array, Array, Array]
    ) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        features, middle, half_width = seen
        out = self.network(jnp.concatenate([features, middle, half_width]))
        return widened(middle, half_width, out)

    @classmethod
    def example(cls) -> "NoTransactionBand":
        """A typical member, for tests and documentation."""
        claim = Call.example()
        return cls.create(
            BlackScholes.example(),
            claim,
            jnp.linspace(0.0, claim.maturity, 6),
            base=WhalleyWilmott.example(),
            key=jax.random.key(0),
        )
