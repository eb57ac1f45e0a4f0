"""A stock that may jump down when its issuer defaults."""

import dataclasses

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.with_default import AbstractWithDefault, without_flag
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative
from deephedge.typing import Array, Float, Scalar


class Defaultable(AbstractWithDefault):
    r"""Any model whose first asset falls by a share when a default arrives, once.

    $$\frac{dS}{S_-} = \frac{dX}{X_-} + \eta\,(\lambda\,dt\,1\{t \le \theta\} - dN), \quad
    P(\theta > t) = e^{-\lambda t}$$

    with X the price in `model`, $\lambda$ `intensity` (a year), $\eta$ `loss`, below 1, and N the
    one jump at $\theta$. The factors are those of `model`, then 0 before default and 1 after.
    One normal a step more than `model`, the last: it says whether default falls into the step.
    A surviving price is exact; one that defaults within a step has its mean given that. Where a
    path defaults is a step function of `intensity`: its slope leaves that out.

    Reference: Ayache, Forsyth and Vetzal (2003), section 3; Davis and Lischka (2002).
    """

    model: AbstractModel
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    loss: Scalar = eqx.field(converter=non_negative("loss"), default=0.0)
    defaulted: Scalar = eqx.field(converter=non_negative("defaulted"), default=0.0)

    def __check_init__(self):
        if not isinstance(self.loss, Tracer) and float(self.loss) >= 1.0:
            raise ValueError(f"`loss` must be below 1, got {float(self.loss):g}.")

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        path = self.model.path(times, normals[:, :-1])
        hazard = self.intensity * jnp.diff(times)
        falls = self.falls(jnp.diff(times), normals)
        survives = jnp.exp(self.loss * hazard)
        # The mean of (1 - loss) exp(loss intensity t) over the moment t of a default in the step.
        broken = safe.divide(jnp.expm1(-(1.0 - self.loss) * hazard), jnp.expm1(-hazard), 1.0)

        def step(state: tuple[Scalar, Scalar], inputs: tuple[Array, Scalar, Scalar]):
            factor, defaulted = state
            fall, survived, jumped = inputs
            change = jnp.where(fall, jumped, survived)
            factor = factor * jnp.where(defaulted > 0, 1.0, change)
            defaulted = jnp.where(fall, 1.0, defaulted)
            return (factor, defaulted), (factor, defaulted)

        start = (jnp.ones_like(self.defaulted), self.defaulted)
        _, (factors, flags) = lax.scan(step, start, (falls, survives, broken))
        factors = jnp.concatenate([start[0][None], factors])
        flags = jnp.concatenate([start[1][None], flags])
        return dataclasses.replace(
            path,
            prices=path.prices.at[:, 0].multiply(factors),
            factors=jnp.concatenate([path.factors, flags[:, None]], axis=1),
        )

    def at(self, now: Snapshot) -> "Defaultable":
        return dataclasses.replace(
            self, model=self.model.at(without_flag(now)), defaulted=now.factors[-1]
        )

    @classmethod
    def example(cls) -> "Defaultable":
        """A typical member, for tests and documentation."""
        return cls(BlackScholes.example(), intensity=0.05, loss=0.3)
