"""Begin anew every so often."""

import dataclasses
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import positive
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.insurance.cppi import CPPI
from deephedge.typing import Array, Bool, Float, PyTree, Scalar

ON_TIME = 1e-5
"""A date this share of a period early is the period's end."""


class Since(NamedTuple):
    """When a policy began, last, and what it remembers since."""

    begun: Bool[Array, ""]
    number: Scalar
    """Of the period, from 0."""
    time: Scalar
    discount: Scalar
    inner: PyTree


class Renewed(AbstractPolicy):
    r"""The wrapped policy, which forgets its past at the first date of every period.

    Period k begins at the first date at or after k times `every` (years). To the wrapped policy
    the world begins there: time counts from it, and money is worth what it is worth then. The
    holdings stay, so that a renewal by itself trades nothing. A floor that is a share of the first
    wealth becomes a share of the wealth at the last renewal: a guarantee for a year, renewed every
    year. Forecasts are forgotten as well.
    """

    policy: AbstractPolicy
    every: Scalar = eqx.field(converter=positive("every"))

    def init(self) -> Since:
        nothing = jnp.zeros_like(self.every)
        return Since(jnp.asarray(False), nothing, nothing, nothing + 1.0, self.policy.init())

    def observe(self, now: Snapshot) -> Snapshot:
        return now

    def act(
        self, seen: Snapshot, account: Account, memory: Since
    ) -> tuple[Float[Array, " asset"], Since]:
        number = jnp.floor(seen.time / self.every + ON_TIME)
        new = ~memory.begun | (number > memory.number)
        inner = jax.tree.map(lambda a, b: jnp.where(new, a, b), self.policy.init(), memory.inner)
        time = jnp.where(new, seen.time, memory.time)
        discount = jnp.where(new, seen.discount, memory.discount)
        shown = dataclasses.replace(seen, time=seen.time - time, discount=seen.discount / discount)
        own = Account(account.holdings, account.wealth / discount)
        holdings, inner = self.policy.step(shown, own, inner)
        return holdings, Since(jnp.asarray(True), number, time, discount, inner)

    @classmethod
    def example(cls) -> "Renewed":
        """A typical member, for tests and documentation."""
        return cls(CPPI.example(), every=0.1)
