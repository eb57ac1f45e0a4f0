"""One network, shared over time, from what is known to what to hold."""

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractPolicy, AbstractTrainablePolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.policies.learned.features import Features
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, PRNGKeyArray, PyTree


class Feedforward(AbstractTrainablePolicy):
    r"""Hold $b(\text{now}) + f_\theta(\text{features}, h_{k-1}, b(\text{now}))$.

    $b$ is the holding that a classical policy asks for, or zero when `base` is `None`;
    $h_{k-1}$ are the current holdings. The network's last layer starts at zero, so an untrained
    policy is its base.

    Reference: Buehler, Gonon, Teichmann and Wood (2019), section 4, with one network for all
    dates instead of one a date.
    """

    network: Perceptron
    features: Features
    base: AbstractPolicy | None

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        base: AbstractPolicy | None = None,
        width: int = 32,
        depth: int = 2,
        key: PRNGKeyArray,
    ) -> "Feedforward":
        """An untrained policy for the claim in the market, starting from `base`."""
        pilot_key, network_key = jax.random.split(key)
        features = Features.fit(market, claim, times, key=pilot_key)
        n_assets = features.reference.shape[0]
        network = silent_network(
            features.size + n_assets + (0 if base is None else n_assets),
            n_assets,
            width=width,
            depth=depth,
            dtype=times.dtype,
            key=network_key,
        )
        return cls(network, features, base)

    def init(self) -> PyTree:
        return None if self.base is None else self.base.init()

    def observe(self, now: Snapshot) -> PyTree:
        return self.features(now), None if self.base is None else self.base.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        features, base_seen = seen
        inputs = [features, account.holdings]
        if self.base is None:
            return self.network(jnp.concatenate(inputs)), memory
        start, memory = self.base.act(base_seen, account, memory)
        return start + self.network(jnp.concatenate([*inputs, start])), memory

    @classmethod
    def example(cls) -> "Feedforward":
        """A typical member, for tests and documentation."""
        claim, market = Call.example(), BlackScholes.example()
        return cls.create(
            market,
            claim,
            jnp.linspace(0.0, claim.maturity, 6),
            base=DeltaHedge(claim, BlackScholesFormula.example()),
            key=jax.random.key(0),
        )
