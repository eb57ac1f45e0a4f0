"""Hold the delta of a model."""

import dataclasses

import equinox as eqx
import jax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float


def model_delta(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> Float[Array, " asset"]:
    r"""Derivative of the price with respect to every traded asset, $\partial V/\partial S_j$."""
    return jax.grad(lambda s: pricer.price(claim, dataclasses.replace(now, prices=s)))(now.prices)


class DeltaHedge(AbstractPolicy):
    r"""Hold $\partial V/\partial S$ of *any* pricer: the seller of the claim is then delta-neutral.

    Reference: Black and Scholes (1973).
    """

    claim: AbstractClaim
    pricer: AbstractPricer

    def init(self) -> None:
        return None

    def step(
        self, now: Snapshot, account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return model_delta(self.pricer, self.claim, now), None
