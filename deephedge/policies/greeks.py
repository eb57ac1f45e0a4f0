"""The two Greeks that hedging rules are made of, for every traded asset at once."""

import dataclasses

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float


def model_delta(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> Float[Array, " asset"]:
    r"""Derivative of the price with respect to every traded asset, $\partial V/\partial S_j$."""
    return jax.grad(lambda s: pricer.price(claim, dataclasses.replace(now, prices=s)))(now.prices)


def model_delta_gamma(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
    r"""Deltas and own gammas, $\partial V/\partial S_j$ and $\partial^2 V/\partial S_j^2$."""

    def delta(s: Float[Array, " asset"]) -> Float[Array, " asset"]:
        return model_delta(pricer, claim, dataclasses.replace(now, prices=s))

    return delta(now.prices), jnp.diagonal(jax.jacfwd(delta)(now.prices))
