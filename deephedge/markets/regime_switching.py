"""Volatility that jumps between a few levels."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractAffineModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import normal, safe
from deephedge.numerics.checks import as_array, non_negative, optional, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Scalar

_SQUARINGS = 32
"""The series is stable to a size of 2.7 times 2 to this power: beyond, it would overflow."""


def _generator(value: object) -> Array:
    """Rates of jumping a year: none is negative, and each row sums to 0."""
    array = as_array("generator", value)
    if isinstance(array, Tracer):
        return array
    got = np.asarray(array)
    if got.ndim != 2 or got.shape[0] != got.shape[1]:
        raise ValueError(f"`generator` must be a square matrix, got shape {got.shape}.")
    off = got - np.diag(np.diag(got))
    closed = np.allclose(got.sum(axis=1), 0.0, atol=1e-5 * max(1.0, np.abs(got).max()))
    if not closed or np.any(off < 0):
        raise ValueError(
            "`generator` must have rows that sum to 0 and no negative rate off the diagonal, "
            f"got {got.tolist()}."
        )
    return array


class RegimeSwitching(AbstractAffineModel):
    r"""Black-Scholes with the volatility (and drift) of the current regime of a Markov chain.

    $$dS = \mu_j S\,dt + \sigma_j S\,dW, \qquad P(j_{t+\tau} = k\,|\,j_t = i) = (e^{Q\tau})_{ik}$$

    with $\sigma$ `vols`, $Q$ `generator` (jumps a year from row to column), $j_0$ `regime`
    (counted from 0), and $\mu = r - q$ in every regime unless `drifts` are given. The regime is
    observed: the factors are its volatility and its number. Two normals a step: the price's own,
    then the regime's.

    The chain is sampled exactly at the dates. Within a step the price takes the expected
    integrals of $\sigma^2$ and $\mu$ given the regimes at both ends, so that their means are exact
    at every step; the variance of the integrals lacks a term of second order in the step. The
    slope of a path in `generator` leaves out the jumps that appear, so that Greeks in it are those
    of `Fourier`, not of Monte Carlo.

    Reference: Hamilton (1989); Buffington and Elliott (2002) for the characteristic function.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vols: Float[Array, " regime"] = eqx.field(converter=non_negative("vols"))
    generator: Float[Array, "regime regime"] = eqx.field(converter=_generator)
    regime: Scalar = eqx.field(converter=non_negative("regime"), default=0.0)
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drifts: Float[Array, " regime"] | None = eqx.field(
        converter=optional(real("drifts")), default=None
    )

    def __check_init__(self):
        n = self.generator.shape[0]
        for name, values in (("vols", self.vols), ("drifts", self.drifts)):
            if values is not None and values.shape != (n,):
                raise ValueError(
                    f"`{name}` must have a value per row of `generator`, {n}, got shape "
                    f"{values.shape}."
                )
        if not isinstance(self.regime, Tracer) and float(self.regime) not in range(n):
            raise ValueError(
                f"`regime` must be a whole number from 0 to {n - 1}, got {float(self.regime):g}."
            )

    @property
    def normals_per_step(self) -> int:
        return 2

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self._factors(self.regime[None])[0])

    def _factors(self, regimes: Float[Array, " time"]) -> Float[Array, "time factor"]:
        return jnp.stack([self.vols[regimes.astype(int)], regimes], axis=1)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        dt = jnp.diff(times)
        growth = jnp.broadcast_to(self.rate - self.dividend, self.vols.shape)
        growth = growth if self.drifts is None else self.drifts
        chances, variances = jax.vmap(lambda dt: self._bridge(dt, self.vols**2))(dt)
        _, growths = jax.vmap(lambda dt: self._bridge(dt, growth))(dt)

        def step(regime: Scalar, inputs: tuple[Array, Array, Array, Scalar]):
            chances, variances, growths, z = inputs
            row = regime.astype(int)
            below = jnp.cumsum(chances[row])[:-1]
            after = jnp.sum((normal.cdf(z) > below).astype(z.dtype))
            column = after.astype(int)
            return after, (after, variances[row, column], growths[row, column])

        inputs = (chances, variances, growths, normals[:, 1])
        _, (regimes, variance, growth) = lax.scan(step, self.regime, inputs)
        log_returns = growth - 0.5 * variance + safe.sqrt(variance) * normals[:, 0]
        log_growth = partial_sums(log_returns)
        return one_asset_path(
            times,
            self.spot * jnp.exp(log_growth),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
            factors=self._factors(jnp.append(self.regime[None], regimes)),
        )

    def _bridge(
        self, dt: Scalar, levels: Float[Array, " regime"]
    ) -> tuple[Float[Array, "regime regime"], Float[Array, "regime regime"]]:
        r"""Transition chances over `dt`, and the mean integral of the levels given both ends.

        $\int_0^{\Delta} e^{Qs} L e^{Q(\Delta - s)}ds$ is a corner of an exponential.

        Reference: Van Loan (1978), Computing integrals involving the matrix exponential.
        """
        n = levels.shape[0]
        top = jnp.concatenate([self.generator, jnp.diag(levels)], axis=1)
        bottom = jnp.concatenate([jnp.zeros_like(self.generator), self.generator], axis=1)
        whole = _exponential(dt * jnp.concatenate([top, bottom]))
        chances = whole[:n, :n]
        return chances, safe.divide(whole[:n, n:], chances)

    def at(self, now: Snapshot) -> "RegimeSwitching":
        return dataclasses.replace(self, spot=now.prices[0], regime=now.factors[1], drifts=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["RegimeSwitching", Snapshot]:
        """`vol` moves the volatility of every regime."""
        moved = dataclasses.replace(self, vols=self.vols + vol, rate=self.rate + rate)
        return moved, dataclasses.replace(now, factors=now.factors.at[0].add(vol))

    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        r"""Regime entry of $e^{\tau(Q - \frac12(u^2 + iu)\,\mathrm{diag}\,\sigma^2)}1$.

        The factor of the smallest variance is taken out, so that what is left does not underflow.
        """
        low = jnp.min(self.vols) ** 2
        excess = (self.vols**2 - low).astype(u.dtype)
        quadratic = -0.5 * (u * u + 1j * u)
        tau, generator = tau.astype(u.dtype), self.generator.astype(u.dtype)

        def row(quadratic: Array) -> Array:
            sums = _exponential(tau * (generator + jnp.diag(quadratic * excess))).sum(axis=1)
            return sums[factors[1].astype(int)]

        common = quadratic * low.astype(u.dtype) * tau
        return common + jnp.log(jnp.vectorize(row)(quadratic))

    @classmethod
    def example(cls) -> "RegimeSwitching":
        """A typical member, for tests and documentation."""
        return cls(
            spot=100.0,
            vols=[0.12, 0.3],
            generator=[[-1.0, 1.0], [4.0, -4.0]],
            rate=0.02,
            dividend=0.01,
        )


def _exponential(matrix: Array) -> Array:
    """Matrix exponential by scaling and squaring of a Taylor series, the same work for all."""
    small = matrix / 2.0**_SQUARINGS
    identity = jnp.eye(matrix.shape[0], dtype=matrix.dtype)
    # Without its identity: next to it a small part would lose its digits.
    excess = small / 4.0
    for order in (3.0, 2.0, 1.0):
        excess = small @ (identity + excess) / order
    for _ in range(_SQUARINGS):
        excess = excess @ excess + 2.0 * excess
    return identity + excess
