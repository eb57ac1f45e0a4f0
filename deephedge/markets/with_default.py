"""What models with one default share: the flag that tells of it, and the normal that draws it."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import AbstractModel, Contracts, Path, Snapshot
from deephedge.numerics import normal
from deephedge.typing import Array, Bool, Float, Scalar


class AbstractWithDefault(AbstractModel):
    r"""Any model beside a default that arrives once, $P(\theta > t) = e^{-\lambda t}$.

    The factors are those of `model`, then 0 before default and 1 after. One normal a step more
    than `model`, the last: it says whether default falls into the step.
    """

    model: eqx.AbstractVar[AbstractModel]
    intensity: eqx.AbstractVar[Scalar]
    defaulted: eqx.AbstractVar[Scalar]

    @property
    def normals_per_step(self) -> int:
        return self.model.normals_per_step + 1

    def start(self) -> Snapshot:
        start = self.model.start()
        return dataclasses.replace(
            start, factors=jnp.concatenate([start.factors, self.defaulted[None]])
        )

    def contracts(self, path: Path) -> Contracts | None:
        return self.model.contracts(dataclasses.replace(path, factors=path.factors[:, :-1]))

    def falls(
        self, dt: Float[Array, " step"], normals: Float[Array, "step normal"]
    ) -> Bool[Array, " step"]:
        """Whether a default would fall into each step of `dt` years."""
        return normal.cdf(normals[:, -1]) < -jnp.expm1(-self.intensity * dt)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["AbstractWithDefault", Snapshot]:
        model, moved = self.model.shifted(without_flag(now), vol=vol, rate=rate)
        factors = jnp.concatenate([moved.factors, now.factors[-1:]])
        return dataclasses.replace(self, model=model), dataclasses.replace(moved, factors=factors)


def without_flag(now: Snapshot) -> Snapshot:
    """What the model without default sees of `now`."""
    return dataclasses.replace(now, factors=now.factors[:-1])
