"""Any market as a chain of steps: from what is known at a date to the next, by its normals."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.costs.base import AbstractCost
from deephedge.costs.cash_spread import CashSpread
from deephedge.costs.half_spread import HalfSpread
from deephedge.costs.none import NoCost
from deephedge.costs.proportional import ProportionalCost
from deephedge.costs.sum import CostSum
from deephedge.costs.vega_spread import VegaSpread
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.rollout.problem import HedgingProblem
from deephedge.typing import Array, Float, Scalar

_CHECKED_PATHS = 64
_TOLERANCE = 1e-7
_LINEAR = (NoCost, ProportionalCost, HalfSpread, CashSpread, VegaSpread)


class Chain(eqx.Module):
    """A hedging problem, step by step."""

    model: AbstractModel
    claim: AbstractClaim
    cost: AbstractCost
    times: Float[Array, " time"]
    growth: Float[Array, "step asset"]
    """What a real-world drift adds to the prices of each step, as a factor."""

    @classmethod
    def of(cls, problem: HedgingProblem) -> "Chain":
        """The chain of a problem's market; one that is none is refused."""
        model = problem.market
        if not isinstance(model, AbstractModel):
            raise ValueError(
                f"`market` must be a model that can start again from any date, got "
                f"{type(model).__name__}."
            )
        for name in ("impact", "financing", "execution"):
            if vars(problem)[name] is not None:
                raise ValueError(f"`{name}` must be None: a certificate has no bound for it.")
        start = model.start()
        n_assets = start.prices.shape[0]
        if n_assets > model.normals_per_step:
            raise ValueError(
                f"the market must have as many normals a step as assets, {n_assets}, got "
                f"{model.normals_per_step}: no tilt of fewer makes all prices martingales."
            )
        one = jnp.ones((problem.n_steps, n_assets), problem.times.dtype)
        return _with_growth(cls(model, problem.claim, problem.cost, problem.times, one))

    def start(self) -> Snapshot:
        """What is known at time 0, with what the claim remembers then."""
        now = self.model.start()
        return dataclasses.replace(now, progress=self.claim.progress(_path([now]))[0])

    def after(self, k: Array | int, now: Snapshot, normals: Float[Array, " normal"]) -> Snapshot:
        """What is known at date k + 1, from `now` at date k; what the claim remembers is not."""
        times = jnp.stack([self.times[k], self.times[k + 1]])
        path = self.model.at(now).path(times, normals[None])
        return Snapshot(
            time=times[1],
            prices=path.prices[1] * self.growth[k],
            factors=path.factors[1],
            discount=now.discount * path.discount[1] / path.discount[0],
            accrual=now.accrual * path.accrual[1] / path.accrual[0],
            progress=now.progress,
        )

    def remembered(self, now: Snapshot, later: Snapshot) -> Snapshot:
        """The later snapshot with what the claim remembers then."""
        return dataclasses.replace(later, progress=self.claim.progress(_path([now, later]))[1])

    def half_width(self, now: Snapshot) -> Float[Array, " asset"]:
        """What one unit of each asset costs to trade, in today's money."""
        units = jnp.eye(now.prices.shape[0], dtype=now.prices.dtype)
        return now.discount * jnp.maximum(_per_unit(self.cost, units, now), 0.0)


def _per_unit(cost: AbstractCost, units: Array, now: Snapshot) -> Float[Array, " asset"]:
    """Of what grows in proportion to the trade; other costs are left out."""
    if isinstance(cost, CostSum):
        parts = [_per_unit(part, units, now) for part in cost.costs]
        return sum(parts, start=jnp.zeros_like(now.prices))
    if isinstance(cost, _LINEAR):
        return jnp.stack([cost(unit, now) for unit in units])
    return jnp.zeros_like(now.prices)


def _path(dates: list[Snapshot]) -> Path:
    rows = jax.tree.map(lambda *x: jnp.stack(x), *(vars(x) for x in dates))
    return Path(**rows)


def _with_growth(chain: Chain) -> Chain:
    """The chain with the growth of the market's own path, or an error if it is another's."""
    shape = (_CHECKED_PATHS, chain.times.shape[0] - 1, chain.model.normals_per_step)
    noise = np.random.default_rng(0).standard_normal(shape)
    noise[0] = 0.0
    growth, error, first = _compared(chain, jnp.asarray(noise, chain.times.dtype))
    if not float(error) < _TOLERANCE:
        raise ValueError(
            f"`market` must be a chain of steps, each from the prices and factors before; one step "
            f"of {type(chain.model).__name__} misses its own path by {float(error):.1e}."
        )
    _refuse_changing(chain, first)
    return dataclasses.replace(chain, growth=growth)


@eqx.filter_jit
def _compared(
    chain: Chain, normals: Float[Array, "path step normal"]
) -> tuple[Float[Array, "step asset"], Scalar, Path]:
    """The path's price over the chain's after each step, how far any path is off, and one path."""

    def one(normals: Float[Array, "step normal"]) -> tuple[Array, Array, Path]:
        path = chain.model.path(chain.times, normals)
        before = jax.tree.map(lambda x: x[:-1], path.snapshots())
        after = jax.vmap(chain.after)(jnp.arange(normals.shape[0]), before, normals)
        missed = (path.factors[1:] - after.factors) / (1e-6 + jnp.abs(path.factors[1:]))
        return path.prices[1:] / after.prices, jnp.max(jnp.abs(missed), initial=0.0), path

    growth, missed, paths = jax.vmap(one)(normals)
    error = jnp.maximum(jnp.max(jnp.abs(growth / growth[:1] - 1.0)), jnp.max(missed))
    return growth[0], error, jax.tree.map(lambda x: x[0], paths)


def _refuse_changing(chain: Chain, path: Path) -> None:
    """A contract that is rolled, or has been paid out before the end, is not one price."""
    contracts = chain.model.contracts(path)
    if contracts is None:
        return
    if contracts.new is not None or bool(jnp.any(contracts.cash[:-1])):
        raise ValueError(
            "`market` must list contracts that are held to the end: rolled ones, and ones that "
            "expire before the claim, have no certificate."
        )
