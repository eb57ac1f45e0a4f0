"""Several one-asset models with correlated prices."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.heston import Heston
from deephedge.numerics.checks import correlation
from deephedge.typing import Array, Float, Scalar


class Correlated(AbstractModel):
    r"""Any one-asset models side by side, each with its own law, their prices correlated.

    $$Z^{(j)}_1 = \sum_k L_{jk} z_k, \qquad LL^\top = \rho$$

    with $Z^{(j)}_1$ the first normal of part j, the one that moves its price given its other
    normals (the variance's, the jumps'), which stay independent between parts. So $\rho$ is the
    correlation of the prices' own shocks: that of the log-returns of two Black-Scholes parts, and
    smaller between parts whose prices also move by other normals (for two Heston parts in a short
    step by the factor $\sqrt{1 - \rho_1^2}\sqrt{1 - \rho_2^2}$). Prices and factors stand in the
    order of the parts. Interest rates must be the same constant in every part.
    """

    parts: tuple[AbstractModel, ...]
    correlation: Float[Array, "asset asset"] = eqx.field(converter=correlation("correlation"))

    def __check_init__(self):
        n = len(self.parts)
        if n == 0 or self.correlation.shape != (n, n):
            raise ValueError(
                f"`correlation` must be {n} x {n}, a row per part, got {self.correlation.shape}."
            )
        for part in self.parts:
            if part.start().prices.shape != (1,):
                raise ValueError(
                    f"`parts` must be one-asset models, got {type(part).__name__} with "
                    f"{part.start().prices.shape[0]} assets."
                )
        if not any(isinstance(x, Tracer) for x in jax.tree.leaves(self.parts)):
            _check_same_discount(self.parts)

    @property
    def normals_per_step(self) -> int:
        return sum(part.normals_per_step for part in self.parts)

    def start(self) -> Snapshot:
        starts = [part.start() for part in self.parts]
        return dataclasses.replace(
            starts[0],
            prices=jnp.concatenate([start.prices for start in starts]),
            factors=jnp.concatenate([start.factors for start in starts]),
            accrual=jnp.concatenate([start.accrual for start in starts]),
        )

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        n = len(self.parts)
        own = normals[:, :n] @ jnp.linalg.cholesky(self.correlation).T
        others = _split(normals[:, n:], [part.normals_per_step - 1 for part in self.parts])
        paths = [
            part.path(times, jnp.concatenate([own[:, j : j + 1], others[j]], axis=1))
            for j, part in enumerate(self.parts)
        ]
        return dataclasses.replace(
            paths[0],
            prices=jnp.concatenate([path.prices for path in paths], axis=1),
            factors=jnp.concatenate([path.factors for path in paths], axis=1),
            accrual=jnp.concatenate([path.accrual for path in paths], axis=1),
        )

    def _each(self, now: Snapshot) -> list[Snapshot]:
        """What each part sees of `now`."""
        factors = _split(now.factors[None], [part.start().factors.size for part in self.parts])
        return [
            dataclasses.replace(
                now,
                prices=now.prices[j : j + 1],
                factors=factors[j][0],
                accrual=now.accrual[j : j + 1],
            )
            for j in range(len(self.parts))
        ]

    def at(self, now: Snapshot) -> "Correlated":
        pairs = zip(self.parts, self._each(now), strict=True)
        return dataclasses.replace(self, parts=tuple(part.at(own) for part, own in pairs))

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["Correlated", Snapshot]:
        """`vol` moves the volatility of every part."""
        pairs = zip(self.parts, self._each(now), strict=True)
        moved = [part.shifted(own, vol=vol, rate=rate) for part, own in pairs]
        parts = tuple(part for part, _ in moved)
        factors = jnp.concatenate([own.factors for _, own in moved])
        return dataclasses.replace(self, parts=parts), dataclasses.replace(now, factors=factors)

    @classmethod
    def example(cls) -> "Correlated":
        """A typical member, for tests and documentation."""
        return cls((BlackScholes.example(), Heston.example()), [[1.0, 0.5], [0.5, 1.0]])


def _split(columns: Float[Array, "row column"], widths: list[int]) -> list[Array]:
    return jnp.split(columns, np.cumsum(widths)[:-1].tolist(), axis=1)


def _check_same_discount(parts: tuple[AbstractModel, ...]) -> None:
    """One cash account: the same in every part whatever its normals."""
    with jax.ensure_compile_time_eval():
        discounts = [float(_discount(part, level)) for part in parts for level in (0.0, 1.0)]
    if not np.allclose(discounts, discounts[0], rtol=1e-6):
        rates = [f"{-np.log(x):.6g}" for x in discounts[::2]]
        raise ValueError(
            "`parts` must have the same constant interest rate, got rates over the first year of "
            f"{', '.join(rates)}; pass the same `rate=` to each."
        )


@eqx.filter_jit
def _discount(part: AbstractModel, level: float) -> Scalar:
    """The discount over a year of a path whose normals are all `level`."""
    times = jnp.arange(2, dtype=part.start().prices.dtype)
    normals = jnp.full((1, part.normals_per_step), level, times.dtype)
    return part.path(times, normals).discount[-1]
