"""The discounted payoff of one simulated path."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.pricing.mixed import mixed
from deephedge.typing import Array, Float, PyTree, Scalar


def path_value(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    normals: Float[Array, "step normal"],
) -> Scalar:
    """What the claim pays along one path of the model from `now`, in cash of `now`.

    At maturity nothing is simulated: the claim pays on the prices of `now`.

    The mean of its derivatives by spot, vol, rate and time is that of the price, at every order,
    for a payoff that is Lipschitz in the prices with kinks that stay where they are when spot,
    vol, rate and time move. Not covered: derivatives of discontinuous payoffs (digitals,
    barriers); second derivatives by the strike, or by a spot that itself enters a kink (a running
    extreme that starts at the spot); time derivatives where the dates decide how many jumps occur.
    """
    parameters, rest = eqx.partition((model, claim, now), eqx.is_inexact_array)

    def value(parameters: PyTree, normals: Float[Array, "step normal"]) -> Scalar:
        model, claim, now = eqx.combine(parameters, rest)
        path = simulated(model, claim, now, normals)
        return settled(claim, now, path) * path.discount[-1] / path.discount[0]

    def prices(parameters: PyTree, normals: Float[Array, "step normal"]) -> Array:
        model, claim, now = eqx.combine(parameters, rest)
        return simulated(model, claim, now, normals).prices

    ended = settled(claim, now, still(now, normals.shape[0] + 1))
    return jnp.where(claim.tau(now) > 0, mixed(value, prices)(parameters, normals), ended)


def simulated(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    normals: Float[Array, "step normal"],
) -> Path:
    """The path from `now` to maturity in equal steps; at maturity, a year on that nobody reads."""
    tau = claim.tau(now)
    # Double where: the square root of a step of no length has no slope.
    horizon = jnp.where(tau > 0, tau, 1.0)
    fractions = jnp.arange(normals.shape[0] + 1, dtype=normals.dtype) / normals.shape[0]
    return model.at(now).path(now.time + horizon * fractions, normals)


def settled(claim: AbstractClaim, now: Snapshot, path: Path) -> Scalar:
    """What the claim pays on a path that goes on from `now`, with what it remembers by then."""
    rows = path.time.shape[0]
    carried = jnp.broadcast_to(now.progress[None], (rows, now.progress.shape[0]))
    path = dataclasses.replace(path, progress=carried)
    return claim.payoff(dataclasses.replace(path, progress=claim.progress(path)))


def still(now: Snapshot, rows: int) -> Path:
    """A path on which nothing happens."""
    return Path(
        time=jnp.broadcast_to(now.time, (rows,)),
        prices=_rows(now.prices, rows),
        factors=_rows(now.factors, rows),
        discount=jnp.broadcast_to(now.discount, (rows,)),
        accrual=_rows(now.accrual, rows),
        progress=_rows(now.progress, rows),
    )


def _rows(x: Float[Array, " column"], rows: int) -> Float[Array, "row column"]:
    return jnp.broadcast_to(x[None], (rows, x.shape[0]))
