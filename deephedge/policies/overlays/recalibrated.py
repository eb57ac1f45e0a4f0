"""One policy whose numbers change at stated dates."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import as_array
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.insurance.cppi import CPPI
from deephedge.typing import Array, Float, Int, PyTree


def _dates(value: object) -> Float[Array, " fit"]:
    dates = jnp.atleast_1d(as_array("dates", value))
    if not isinstance(dates, Tracer):
        got = np.asarray(dates)
        if not (np.all(np.isfinite(got)) and np.all(np.diff(got) > 0)):
            raise ValueError(f"`dates` must be increasing times in years, got {got.tolist()}.")
    return dates


class Recalibrated(AbstractPolicy):
    """From each of `dates` (years) on, the policy with the numbers that were fitted then.

    Holdings and memory go on: only numbers change, and a policy that remembers a floor or a
    forecast keeps it. Before the first date the first numbers hold. All fits are the same policy
    with other arrays; `numbers` are its arrays with a leading axis of fits.
    """

    numbers: PyTree
    dates: Float[Array, " fit"] = eqx.field(converter=_dates)

    @classmethod
    def of(cls, policies: Sequence[AbstractPolicy], dates: object) -> "Recalibrated":
        """From one policy a date."""
        times = _dates(dates)
        if len(policies) != times.shape[0]:
            raise ValueError(
                f"`policies` must be one for each of the {times.shape[0]} dates, got "
                f"{len(policies)}."
            )
        shapes = [
            (jax.tree.structure(policy), [x.shape for x in jax.tree.leaves(policy)])
            for policy in policies
        ]
        if any(shape != shapes[0] for shape in shapes):
            raise ValueError("`policies` must differ in their numbers alone, not in their kind.")
        return cls(jax.tree.map(lambda *leaves: jnp.stack(leaves), *policies), times)

    def init(self) -> PyTree:
        return self._fit(jnp.zeros((), jnp.int32)).init()

    def observe(self, now: Snapshot) -> tuple[Int[Array, ""], PyTree]:
        # A date counts from itself on, also where the type has rounded it up.
        slack = 1e-6 * jnp.maximum(jnp.abs(self.dates), 1.0)
        latest = jnp.sum((self.dates - slack <= now.time).astype(jnp.int32)) - 1
        latest = jnp.maximum(latest, 0)
        return latest, self._fit(latest).observe(now)

    def act(
        self, seen: tuple[Int[Array, ""], PyTree], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        latest, inner = seen
        return self._fit(latest).act(inner, account, memory)

    def _fit(self, number: Int[Array, ""]) -> AbstractPolicy:
        return jax.tree.map(lambda x: x[number], self.numbers)

    @classmethod
    def example(cls) -> "Recalibrated":
        """A typical member, for tests and documentation."""
        first, later = CPPI(multiplier=4.0, floor=0.8), CPPI(multiplier=3.0, floor=0.8)
        return cls.of([first, later], [0.0, 0.1])
