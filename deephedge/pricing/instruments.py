"""What is listed beside the assets of a market: contracts that are held, and ones that are rolled.

An instrument is a column of a path's prices and accrual. Of the dates the time alone decides
when it expires or rolls; what it remembers (a strike, an expiry, a realised variance) are factors
of its own, so that whoever sees a snapshot can tell which contract the column is.
"""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Path, Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float, Scalar

ON_TIME = 1e-5
"""Dates that differ by this share of a contract's life are the same date."""


class Column(eqx.Module):
    """An instrument at each date of a path."""

    prices: Float[Array, " time"]
    accrual: Float[Array, " time"]
    factors: Float[Array, "time factor"]


class Since(eqx.Module):
    """What an instrument was at the date from which a path goes on."""

    price: Scalar
    accrual: Scalar
    factors: Float[Array, " factor"]


class AbstractInstrument(eqx.Module):
    """A contract that a market lists."""

    @property
    @abstractmethod
    def kind(self) -> AbstractClaim:
        """A claim of the kind that a pricer of the instrument must price."""

    @abstractmethod
    def n_factors(self, start: Path) -> int:
        """How many factors it has; `start` is a path of the assets with one date."""

    @abstractmethod
    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        """Marked to market at every date of the path of the assets, from `since` on if given."""

    @abstractmethod
    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        """Price of the contract that the instrument is at `now`, given its own factors.

        A function of the assets' prices and factors, and of the pricer: Greeks are its slopes.
        """

    @abstractmethod
    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        """The date at which the contract that the instrument is now expires, in years."""

    @property
    def interval(self) -> Scalar | None:
        r"""Years after which a new contract replaces the old one; `None` where none ever does.

        A roll before the old one's expiry must multiply the accrual by $P_\text{old}/P_\text{new}$.
        """
        return None

    def is_live(self, now: Snapshot, own: Float[Array, " factor"]) -> Array:
        """Whether time is left: at its expiry a contract is cash, and has no Greeks."""
        return now.time < self.expiry(own) - ON_TIME * jnp.abs(self.expiry(own))


class Held(AbstractInstrument):
    r"""One contract, held to its expiry and then kept as the cash that it paid.

    $$P_t = V_t \text{ for } t \le T, \qquad D_t P_t = D_T V_T \text{ after.}$$

    So nothing more is earned or lost after expiry, and the change of the price is the P&L also
    of a contract that costs nothing, or is worth less than nothing: a forward, a variance swap.
    Where no date of the path is at T, the contract is sold at its value at the last date before.
    Its factors are what the claim remembers: the realised variance of a swap. A swap is marked
    by formulas for variance sampled at all times, realised at the path's dates: see
    `VarianceSwapFormula` for how little they differ.
    """

    claim: AbstractClaim

    @property
    def kind(self) -> AbstractClaim:
        return self.claim

    def n_factors(self, start: Path) -> int:
        return eqx.filter_eval_shape(self.claim.progress, start).shape[1]

    def mark(self, pricer: AbstractPricer, path: Path, since: Since | None) -> Column:
        carried = path.progress if since is None else _rows(since.factors, path)
        path = eqx.tree_at(lambda p: p.progress, path, carried)
        memory = self.claim.progress(path)
        live = at_each_date(self.value, pricer, path, memory)
        last = jnp.sum(path.time <= self.claim.maturity * (1.0 + ON_TIME)) - 1
        paid = path.discount[last] * live[last]
        if since is not None:
            paid = jnp.where(last < 0, path.discount[0] * since.price, paid)
        kept = jnp.arange(path.time.shape[0]) > last
        prices = jnp.where(kept, paid / path.discount, live)
        return Column(prices, _ones(path, since), memory)

    def value(self, pricer: AbstractPricer, now: Snapshot, own: Float[Array, " factor"]) -> Scalar:
        return pricer.price(self.claim, eqx.tree_at(lambda n: n.progress, now, own))

    def expiry(self, own: Float[Array, " factor"]) -> Scalar:
        return self.claim.maturity

    @classmethod
    def example(cls) -> "Held":
        """A typical member, for tests and documentation."""
        return cls(Call(strike=105.0, maturity=0.5))


def at_each_date(
    value: Callable[[AbstractPricer, Snapshot, Array], Scalar],
    pricer: AbstractPricer,
    path: Path,
    own: Float[Array, "time factor"],
) -> Float[Array, " time"]:
    """A value at every date: at once by a formula, one date after another by a heavy pricer."""

    def one(inputs: tuple[Snapshot, Array]) -> Scalar:
        return value(pricer, *inputs)

    rows = (path.snapshots(), own)
    return jax.vmap(one)(rows) if pricer.effort < 2 else lax.map(jax.checkpoint(one), rows)


def _ones(path: Path, since: Since | None) -> Float[Array, " time"]:
    one = jnp.ones_like(path.discount)
    return one if since is None else one * since.accrual


def _rows(row: Float[Array, " factor"], path: Path) -> Float[Array, "time factor"]:
    return jnp.broadcast_to(row, (path.time.shape[0], *row.shape))
