"""The discounted payoff of one simulated path."""

import dataclasses

import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.typing import Array, Float, Scalar


def path_value(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    normals: Float[Array, "step normal"],
) -> Scalar:
    """What the claim pays along one path of the model from `now`, in cash of `now`.

    At maturity nothing is simulated: the claim pays on the prices of `now`.
    """
    tau = claim.tau(now)
    live = tau > 0
    # Double where: the square root of a step of no length has no slope.
    horizon = jnp.where(live, tau, 1.0)
    steps = normals.shape[0]
    fractions = jnp.arange(steps + 1, dtype=normals.dtype) / steps
    path = model.at(now).path(now.time + horizon * fractions, normals)
    ended = _payoff(claim, now, still(now, steps + 1))
    return jnp.where(live, _payoff(claim, now, path) * path.discount[-1] / path.discount[0], ended)


def _payoff(claim: AbstractClaim, now: Snapshot, path: Path) -> Scalar:
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
