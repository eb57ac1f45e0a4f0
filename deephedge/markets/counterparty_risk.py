"""Contracts that lose their value when the counterparty they were made with defaults."""

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


class CounterpartyRisk(AbstractWithDefault):
    r"""Any model, some assets of which are over-the-counter contracts with one counterparty.

    With $X$ their value in `model`, R the `recovery` and $\theta$ the moment of default,

    $$P_t = X_t e^{(1 - R)\hat\lambda t} \text{ before}, \qquad
    D_t P_t = D_\theta P_{\theta-} R \text{ after}, \qquad P(\theta > t) = e^{-\lambda t},$$

    where the value after default stays in the money market: nothing is earned or lost any more,
    and no dividends are paid. A default within a step finds X as it is at the step's end, and
    what the price earned by then at its mean.

    `intensity` $\lambda$ (a year) is that of the paths; `priced_intensity` $\hat\lambda$ is what
    the price pays for. With 0, the default, a contract is marked as if its counterparty were safe,
    and holding it loses $1 - e^{-(1 - R)\lambda t}$ of its discounted value on average. With
    $\hat\lambda = \lambda$ discounted prices above 0 are martingales: until default the contract
    earns what default costs.
    The pricing measure, to which `at` goes over, is the one under which $\hat\lambda$ is the
    intensity. The factors are those of `model`, then 0 before default and 1 after. One normal a
    step more than `model`, the last. Where a path defaults is a step function of `intensity`.

    Meant for contracts that are held long, or whose value goes both ways: what is owed *to* a
    defaulted counterparty, a value below 0, is owed in full. A short position in an asset of
    positive value would gain from a default, which in truth it does not.

    Args:
        assets: the columns of the prices that are with the counterparty.
        recovery: R, the share of the value before default that is paid back.

    Reference: Duffie and Singleton (1999), Modeling term structures of defaultable bonds, for the
    recovery of market value; Brigo, Morini and Pallavicini (2013), Counterparty credit risk,
    collateral and funding, for one-sided close-out.
    """

    model: AbstractModel
    assets: tuple[int, ...] = eqx.field(static=True, converter=tuple)
    intensity: Scalar = eqx.field(converter=non_negative("intensity"))
    recovery: Scalar = eqx.field(converter=non_negative("recovery"), default=0.4)
    priced_intensity: Scalar = eqx.field(converter=non_negative("priced_intensity"), default=0.0)
    defaulted: Scalar = eqx.field(converter=non_negative("defaulted"), default=0.0)

    def __check_init__(self):
        if not isinstance(self.recovery, Tracer) and float(self.recovery) > 1.0:
            raise ValueError(f"`recovery` must be at most 1, got {float(self.recovery):g}.")
        n_assets = self.model.start().prices.shape[0]
        if not self.assets or any(j not in range(n_assets) for j in self.assets):
            raise ValueError(
                f"`assets` must be columns of the model's prices, 0 to {n_assets - 1}, got "
                f"{list(self.assets)}."
            )

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        path, columns = self.model.path(times, normals[:, :-1]), jnp.asarray(self.assets)
        dt, loss = jnp.diff(times), 1.0 - self.recovery
        falls = self.falls(dt, normals)
        earned = loss * self.priced_intensity
        spread = jnp.exp(earned * (times - times[0]))[:, None]
        # The mean of exp(earned t) over the moment t of a default in the step.
        until = (_mean_decay((self.intensity - earned) * dt) / _mean_decay(self.intensity * dt))[
            :, None
        ]
        clean = path.discount[:, None] * path.prices[:, columns]
        value, fallen = clean * spread, clean[1:] * spread[:-1] * until
        recovered = fallen - loss * jnp.maximum(fallen, 0.0)
        accrual = path.accrual[:, columns]

        def step(dead: tuple, row: tuple) -> tuple[tuple, tuple]:
            """Value today and accrual of the contracts, and whether they are dead."""
            before, shares, flag = dead
            fall, live, rest, accrued = row
            first = jnp.logical_and(fall, flag == 0)
            now = jnp.where(flag > 0, before, jnp.where(first, rest, live))
            shares = jnp.where(flag > 0, shares, accrued)
            flag = jnp.where(fall, 1.0, flag)
            return (now, shares, flag), (now, shares, flag)

        start = (value[0], accrual[0], self.defaulted)
        rows = (falls, value[1:], recovered, accrual[1:])
        _, later = lax.scan(step, start, rows)
        value, accrual, flags = (
            jnp.concatenate([first[None], rest]) for first, rest in zip(start, later, strict=True)
        )
        return dataclasses.replace(
            path,
            prices=path.prices.at[:, columns].set(value / path.discount[:, None]),
            accrual=path.accrual.at[:, columns].set(accrual),
            factors=jnp.concatenate([path.factors, flags[:, None]], axis=1),
        )

    def at(self, now: Snapshot) -> "CounterpartyRisk":
        return dataclasses.replace(
            self,
            model=self.model.at(without_flag(now)),
            intensity=self.priced_intensity,
            defaulted=now.factors[-1],
        )

    @classmethod
    def example(cls) -> "CounterpartyRisk":
        """A typical member, for tests and documentation."""
        model = BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3], rate=0.02)
        return cls(model, assets=(1,), intensity=0.03, recovery=0.4, priced_intensity=0.02)


def _mean_decay(x: Array) -> Array:
    r"""$(1 - e^{-x})/x$, the mean of $e^{-xu}$ over u from 0 to 1."""
    return safe.divide(-jnp.expm1(-x), x, 1.0)
