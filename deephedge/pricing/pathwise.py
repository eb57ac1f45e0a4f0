"""The discounted payoff of one simulated path."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.numerics import safe
from deephedge.pricing.chain import Chain, Normals, State
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
    for a payoff that is Lipschitz in the prices between the levels of `claim.jumps`, with kinks
    that stay where they are when spot, vol, rate and time move. Not covered: second derivatives by
    the strike, by the level of a jump, or by a spot that itself enters a kink (a running extreme
    that starts at the spot); time derivatives where the dates decide how many jumps occur.
    """
    parameters, rest = eqx.partition((model, claim, now), eqx.is_inexact_array)

    def value(parameters: PyTree, normals: Float[Array, "step normal"]) -> Scalar:
        model, claim, now = eqx.combine(parameters, rest)
        path = simulated(model, claim, now, normals)
        return settled(claim, now, path) * path.discount[-1] / path.discount[0]

    ended = settled(claim, now, still(now, normals.shape[0] + 1))
    chain = chain_of(rest, normals.shape[0])
    return jnp.where(claim.tau(now) > 0, mixed(value, chain)(parameters, normals), ended)


def chain_of(rest: PyTree, n_steps: int) -> Chain:
    """The path of `simulated`, step by step; `rest` is all but the float arrays."""

    def start(parameters: PyTree) -> State:
        model, _, now = eqx.combine(parameters, rest)
        begun = model.at(now).start()
        return begun.prices, begun.factors

    def advance(
        parameters: PyTree, k: Array, state: State, normals: Float[Array, " normal"]
    ) -> State:
        model, claim, now = eqx.combine(parameters, rest)
        times = dates(claim, now, n_steps)
        here = dataclasses.replace(now, time=times[k], prices=state[0], factors=state[1])
        path = model.at(here).path(lax.dynamic_slice(times, (k,), (2,)), normals[None])
        return path.prices[1], path.factors[1]

    def log_prices(parameters: PyTree, normals: Normals) -> Float[Array, "time asset"]:
        model, claim, now = eqx.combine(parameters, rest)
        return safe.log(simulated(model, claim, now, normals).prices)

    def levels(parameters: PyTree, normals: Normals) -> list[tuple[int, Float[Array, " time"]]]:
        model, claim, now = eqx.combine(parameters, rest)
        return claim.jumps(simulated(model, claim, now, normals))

    return Chain(start, advance, log_prices, levels)


def simulated(
    model: AbstractModel,
    claim: AbstractClaim,
    now: Snapshot,
    normals: Float[Array, "step normal"],
) -> Path:
    """The path from `now` to maturity along `dates`."""
    return model.at(now).path(dates(claim, now, normals.shape[0]), normals)


def dates(claim: AbstractClaim, now: Snapshot, n_steps: int) -> Float[Array, " time"]:
    """From `now` to maturity in equal steps; at maturity, a year on that nobody reads."""
    tau = claim.tau(now)
    # Double where: the square root of a step of no length has no slope.
    horizon = jnp.where(tau > 0, tau, 1.0)
    fractions = jnp.arange(n_steps + 1, dtype=now.prices.dtype) / n_steps
    return now.time + horizon * fractions


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
