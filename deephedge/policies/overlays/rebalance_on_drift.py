"""Trade when the holdings are too far from what the policy asks for."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.policies.base import AbstractPolicy
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.greeks import model_delta_gamma
from deephedge.policies.overlays.triggered import AbstractTriggered
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Bool, Float


class RebalanceOnDrift(AbstractTriggered):
    r"""Trade all the way when $|h^* - h| >$ `tolerance` units of any asset.

    $h^*$ is what the wrapped policy asks for. Around a delta hedge this is the delta tolerance
    strategy. With proportional costs a band that trades to its edge (`DeltaBand`) does better;
    with fixed fees this one does.

    Reference: Whalley and Wilmott (1993); Martellini and Priaulet (2002), Competing methods for
    option hedging in the presence of transaction costs.
    """

    policy: AbstractPolicy
    tolerance: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("tolerance")))

    def begin(self) -> None:
        return None

    def look(self, now: Snapshot) -> None:
        return None

    def due(
        self, seen: None, wanted: Float[Array, " asset"], held: Float[Array, " asset"], memory: None
    ) -> tuple[Bool[Array, ""], None, None]:
        limit = jnp.broadcast_to(self.tolerance, held.shape)
        return jnp.any(jnp.abs(wanted - held) > limit), None, None

    @classmethod
    def example(cls) -> "RebalanceOnDrift":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), tolerance=0.05)


class RebalanceOnGamma(AbstractTriggered):
    r"""Trade all the way when $|h^*_j - h_j| > |\Gamma_j|\,S_j\,x$ for any asset j.

    The tolerance is the drift of delta that a relative move x (`move`) of the price makes: wide
    where gamma is large and each rebalancing dear, narrow where delta hardly changes.
    """

    policy: AbstractPolicy
    claim: AbstractClaim
    pricer: AbstractPricer
    move: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("move")))

    def begin(self) -> None:
        return None

    def look(self, now: Snapshot) -> Float[Array, " asset"]:
        _, gamma = model_delta_gamma(self.pricer, self.claim, now)
        return jnp.abs(gamma) * now.prices * jnp.broadcast_to(self.move, gamma.shape)

    def due(
        self,
        seen: Float[Array, " asset"],
        wanted: Float[Array, " asset"],
        held: Float[Array, " asset"],
        memory: None,
    ) -> tuple[Bool[Array, ""], None, None]:
        return jnp.any(jnp.abs(wanted - held) > seen), None, None

    @classmethod
    def example(cls) -> "RebalanceOnGamma":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), Call.example(), BlackScholesFormula.example(), move=0.02)
