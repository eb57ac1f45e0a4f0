"""A no-trade region of several assets whose shape is learned."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractBandPolicy, AbstractTrainablePolicy, Account
from deephedge.policies.learned.band import centred, seen_of_date, typical_band, widened
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.typing import Array, Float, PRNGKeyArray


class NoTransactionRegion(AbstractTrainablePolicy):
    r"""Keep the holdings in a region of several assets, trading each to its nearer edge.

    Asset i stays within $[m_i + s_i - w_i e^{a_i},\; m_i + s_i + w_i e^{b_i}]$, where

    $$s_i = w_i \sum_{j \ne i} C_{ij}\,\min(\max(d_j, -1), 1), \qquad d_j = (h_j - m_j)/w_j.$$

    m and w are the middle and the half-width of a classical band; a, b and C the outputs of a
    network that sees the features of the date, m and w. Where the assets move together, too much
    of one makes up for too little of another: the region is a parallelogram, which C shears. With
    C = 0, as untrained, and for one asset it is the box of `NoTransactionBand`.

    Reference: Imaki et al. (2021) for one asset; Muthuraman and Kumar (2006) for the shape of the
    region of two.
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
    ) -> "NoTransactionRegion":
        """An untrained policy for the claim in the market, starting from the band `base`."""
        seen, key = seen_of_date(market, claim, times, features, n_parameters, key)
        n, dtype = seen.n_assets, times.dtype
        network = silent_network(
            seen.size + 2 * n, 2 * n + n * n, width=width, depth=depth, dtype=dtype, key=key
        )
        return cls(network, seen, base)

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> tuple[Array, Array, Array, Array]:
        """Middle, half-width, what they are widened by, and the shear: all of the date alone."""
        middle, half_width = centred(self.base.band(now))
        out = self.network(jnp.concatenate([self.features(now), middle, half_width]))
        n = middle.shape[0]
        shear = jnp.tanh(out[2 * n :].reshape(n, n)) * (1.0 - jnp.eye(n, dtype=out.dtype))
        return middle, half_width, out[: 2 * n], shear

    def act(
        self, seen: tuple[Array, Array, Array, Array], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        middle, half_width, out, shear = seen
        deviation = jnp.clip(safe.divide(account.holdings - middle, half_width), -1.0, 1.0)
        shift = half_width * (shear @ deviation)
        lower, upper = widened(middle, half_width, out)
        return jnp.clip(account.holdings, min=lower + shift, max=upper + shift), None

    @classmethod
    def example(cls) -> "NoTransactionRegion":
        """A typical member, for tests and documentation."""
        market, claim, times, base = typical_band()
        return cls.create(market, claim, times, base=base, key=jax.random.key(0))
