"""Recorded returns, drawn again in blocks."""

from statistics import NormalDist

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.markets.base import (
    AbstractMarket,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    no_progress,
)
from deephedge.numerics import normal
from deephedge.numerics.checks import as_array, per_asset, positive, real
from deephedge.numerics.running import partial_sums
from deephedge.typing import Array, Float, Int, Scalar


def _mean_block(value: object) -> Scalar:
    length = as_array("mean_block", value)
    if not isinstance(length, Tracer) and not np.all(np.asarray(length) >= 1):
        raise ValueError(
            f"`mean_block` must be at least 1 day, or `math.inf` for windows that never restart, "
            f"got {value}."
        )
    return length


class Historical(AbstractMarket):
    r"""The stationary block bootstrap of recorded days: runs of consecutive days, joined.

    Row $d$ of the record is a trading day: the log return over it and the factors known at its
    close. A path starts at the close of a day drawn at random; each later date stands at the
    close of the next recorded day or, with probability 1/`mean_block` from the second step on, of
    a new random one. The record is a circle, so every day is equally likely at every date, and
    runs have `mean_block` days on average. With `mean_block` infinite a path is one window of
    consecutive days inside the record: no restart, no circle; the days near the record's two
    ends are then in fewer windows than the others.

    One step is one recorded day: `times` only date the steps. By default returns are moved by a
    constant, so that the mean over the record of $e^{r_d - \text{rate}\cdot\Delta t}$ is 1 and no
    policy earns the record's drift; what serial dependence is left in the record stays.

    Args:
        returns: log return of each asset over each day, oldest first.
        factors: what is known at the close of each day, as the quoted volatility in column 0.
        mean_block: mean length of a run, in days; `math.inf` for consecutive windows.
        spot: prices at the start of every path.
        rate: interest rate per year.
        keep_drift: keep the mean return of the record.

    Reference: Politis and Romano (1994), The stationary bootstrap, section 2.
    """

    returns: Float[Array, "date asset"] = eqx.field(converter=real("returns"))
    factors: Float[Array, "date factor"] = eqx.field(converter=real("factors"))
    mean_block: Scalar = eqx.field(converter=_mean_block)
    spot: Float[Array, " asset"] = eqx.field(converter=per_asset(positive("spot")), default=100.0)
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    keep_drift: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        if self.returns.shape[0] != self.factors.shape[0]:
            raise ValueError(
                f"`factors` must have a row per row of `returns`, {self.returns.shape[0]}, "
                f"got {self.factors.shape[0]}; pass `factors=np.zeros((len(returns), 0))` for none."
            )
        if self.returns.shape[1:] != self.spot.shape:
            raise ValueError(
                f"`spot` must have one price per column of `returns`, {self.returns.shape[1]}, "
                f"got {self.spot.shape[0]}."
            )

    @property
    def normals_per_step(self) -> int:
        return 2

    def start(self) -> Snapshot:
        """The state at time 0, with the mean of the factors: every path has its own."""
        return at_start(self.spot, jnp.mean(self.factors, axis=0))

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        days = self.days(normals)
        discount = flat_discount(times, self.rate)
        log_returns = self.returns[days[1:]]
        if not self.keep_drift:
            mean_gross = jnp.mean(jnp.exp(self.returns), axis=0)
            growth = -jnp.diff(jnp.log(discount))[:, None]
            log_returns = log_returns + growth - jnp.log(mean_gross)[None, :]
        log_growth = partial_sums(log_returns)
        prices = self.spot[None, :] * jnp.exp(log_growth)
        return Path(
            time=times,
            prices=prices,
            factors=self.factors[days],
            discount=discount,
            accrual=jnp.ones_like(prices),
            progress=no_progress(times),
        )

    def days(self, normals: Float[Array, "step normal"]) -> Int[Array, " time"]:
        """The row of the record at whose close each date of the path stands."""
        n_days, n_steps = self.returns.shape[0], normals.shape[0]
        if n_days <= n_steps:
            raise ValueError(
                f"`returns` must have more rows than a path has steps, {n_steps}, got {n_days}."
            )
        uniform = normal.cdf(normals)
        # A window that never restarts must end inside the record.
        n_starts = jnp.where(jnp.isinf(self.mean_block), n_days - n_steps, n_days)
        first = _pick(uniform[:1, 1], n_starts)
        anchors = jnp.concatenate([first, first, _pick(uniform[1:, 1], n_starts)])
        # The first step goes on from the start; the normal at [0, 0] is not used.
        again = uniform[1:, 0] < 1.0 / self.mean_block
        restart = jnp.concatenate([jnp.array([True, False]), again])
        step = jnp.arange(n_steps + 1)
        latest = lax.cummax(jnp.where(restart, step, 0))
        return (anchors[latest] + step - latest) % n_days

    @classmethod
    def example(cls) -> "Historical":
        r"""A typical member: 500 made-up days, whose volatility changes slowly.

        The quantiles at the fractional parts of $d^2\sqrt2$ are equidistributed, with little
        serial correlation.
        """
        day = np.arange(500)
        vol = 0.2 + 0.1 * np.sin(2 * np.pi * day / 250)
        shares = (day**2 * np.sqrt(2.0) + 0.5 / len(day)) % 1.0
        quantiles = np.array([NormalDist().inv_cdf(float(share)) for share in shares])
        returns = vol * np.sqrt(1 / 252) * quantiles
        return cls(returns=returns[:, None], factors=vol[:, None], mean_block=10.0)


def _pick(uniform: Float[Array, " draw"], n: Int[Array, ""]) -> Int[Array, " draw"]:
    """Rows 0 ... n - 1, equally likely."""
    picked = jnp.floor(uniform * n.astype(uniform.dtype)).astype(n.dtype)
    return jnp.minimum(picked, n - 1)
