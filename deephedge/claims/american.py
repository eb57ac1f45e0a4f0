"""Options that their holder may exercise before maturity."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim, AbstractEuropean, carried
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Path, Snapshot
from deephedge.numerics.checks import optional, positive
from deephedge.typing import Array, Float, Scalar


class AbstractEarlyExercise(AbstractClaim):
    r"""Pays its intrinsic value $g(S)$ once, at the first date at which the holder exercises.

    A contract says when the holder *may* exercise; a path needs to know when he *does*. That is
    `boundary`: the critical price at each of the claim's dates; at maturity he exercises whatever
    is worth it. The optimal boundary depends on the model, so it comes from a pricer,
    `FiniteDifference(...).exercised(claim)`; the pricers of early exercise find the optimum
    themselves and do not read it.

    The cash of an early exercise waits in the money-market account:
    $$\text{payoff} = g(S_\theta) D_\theta / D_T, \quad \theta = \text{the first exercise}$$
    `progress` is $g(S_\theta) D_\theta$, today's value of that cash, and 0 until then.
    """

    strike: eqx.AbstractVar[Scalar]
    asset: eqx.AbstractVar[int]
    boundary: eqx.AbstractVar[Float[Array, " date"] | None]

    @abstractmethod
    def european(self) -> AbstractEuropean:
        """The same claim with exercise at maturity only."""

    @abstractmethod
    def intrinsic(self, price: Array) -> Array:
        """What exercise pays at these prices of the asset; below zero where it would cost."""

    @abstractmethod
    def dates(self, now: Snapshot, n_dates: int) -> tuple[Float[Array, " date"], Array]:
        """Dates after `now` up to maturity, and whether the claim may be exercised at each.

        The contract's own where it names them, else `n_dates` equal steps.
        """

    @property
    @abstractmethod
    def any_time(self) -> bool:
        """Whether exercise is possible at any time, not on given dates only."""

    @abstractmethod
    def stated(
        self, left: Float[Array, " step"], prices: Float[Array, " step"], n_dates: int
    ) -> Float[Array, " date"]:
        """`boundary` from the critical prices at many dates with `left` years to go, falling."""

    @abstractmethod
    def critical(self, times: Float[Array, " time"]) -> Float[Array, " time"]:
        """The price at which the holder exercises at each date; NaN where he may not."""

    def payoff(self, path: Path) -> Scalar:
        return self.progress(path)[-1, 0] / path.discount[-1]

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        price = path.prices[:, self.asset]
        gain, threshold = self.intrinsic(price), self.critical(path.time)
        # Exercise pays more the further the price is past the boundary.
        past = gain >= self.intrinsic(threshold)
        last = path.time >= self.maturity * (1.0 - 1e-6)
        exercised = (gain > 0) & (past | last)
        value = jnp.where(exercised, gain * path.discount, 0.0)
        start = carried(path, value[:1])

        def first(held: Scalar, later: Scalar) -> tuple[Scalar, Scalar]:
            held = jnp.where(held > 0, held, later)
            return held, held

        _, values = lax.scan(first, start[0], value[1:])
        return jnp.concatenate([start, values])[:, None]


class AbstractAmerican(AbstractEarlyExercise):
    """May be exercised at any date up to maturity.

    `boundary` holds critical prices at equally spaced dates from 0 to maturity, joined by straight
    lines; the holder compares the price with it at the path's dates.
    """

    def dates(self, now: Snapshot, n_dates: int) -> tuple[Float[Array, " date"], Array]:
        tau = self.tau(now)
        fractions = (1.0 + jnp.arange(n_dates, dtype=tau.dtype)) / n_dates
        return now.time + jnp.where(tau > 0, tau, 1.0) * fractions, jnp.ones(n_dates, bool)

    @property
    def any_time(self) -> bool:
        return True

    def stated(
        self, left: Float[Array, " step"], prices: Float[Array, " step"], n_dates: int
    ) -> Float[Array, " date"]:
        dates = self.maturity * jnp.linspace(0.0, 1.0, n_dates, dtype=self.maturity.dtype)
        return jnp.interp(dates, self.maturity - left, prices)

    def critical(self, times: Float[Array, " time"]) -> Float[Array, " time"]:
        boundary = _stated(self)
        fractions = jnp.linspace(0.0, 1.0, boundary.shape[0], dtype=boundary.dtype)
        return jnp.interp(times, self.maturity * fractions, boundary)


class AmericanPut(AbstractAmerican):
    r"""Pays $(K - S)^+$ at any date up to maturity that the holder chooses.

    The holder exercises at or below `boundary`. See `AbstractAmerican`.

    Reference: McKean (1965); Brennan and Schwartz (1977).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    boundary: Float[Array, " date"] | None = eqx.field(
        converter=optional(positive("boundary")), default=None
    )
    asset: int = eqx.field(static=True, default=0)

    def european(self) -> Put:
        return Put(strike=self.strike, maturity=self.maturity, asset=self.asset)

    def intrinsic(self, price: Array) -> Array:
        return self.strike - price

    @classmethod
    def example(cls) -> "AmericanPut":
        """A typical member, for tests and documentation."""
        return cls(strike=105.0, maturity=0.25, boundary=[90.0, 91.0, 93.0, 105.0])


class AmericanCall(AbstractAmerican):
    r"""Pays $(S - K)^+$ at any date up to maturity that the holder chooses.

    The holder exercises at or above `boundary`. See `AbstractAmerican`. Without dividends and with
    a positive rate he never does before maturity.

    Reference: Merton (1973), theorem 1; Kim (1990).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    boundary: Float[Array, " date"] | None = eqx.field(
        converter=optional(positive("boundary")), default=None
    )
    asset: int = eqx.field(static=True, default=0)

    def european(self) -> Call:
        return Call(strike=self.strike, maturity=self.maturity, asset=self.asset)

    def intrinsic(self, price: Array) -> Array:
        return price - self.strike

    @classmethod
    def example(cls) -> "AmericanCall":
        """A typical member, for tests and documentation."""
        return cls(strike=95.0, maturity=0.25, boundary=[115.0, 112.0, 109.0, 95.0])


class BermudanPut(AbstractEarlyExercise):
    r"""Pays $(K - S)^+$ at one of the given dates that the holder chooses; the last is maturity.

    `boundary` holds one critical price a date. A path that is to be exercised must stop at the
    dates: a date that falls between two of its rows is no exercise date for it.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    exercise_dates: Float[Array, " date"] = eqx.field(converter=positive("exercise_dates"))
    boundary: Float[Array, " date"] | None = eqx.field(
        converter=optional(positive("boundary")), default=None
    )
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        if isinstance(self.exercise_dates, Tracer):
            return
        days = np.asarray(self.exercise_dates)
        if days.ndim != 1 or np.any(np.diff(days) <= 0):
            raise ValueError(
                f"`exercise_dates` must be a list that increases, got {days.tolist()}."
            )
        if self.boundary is not None and self.boundary.shape != self.exercise_dates.shape:
            raise ValueError(
                f"`boundary` must have a price for each of the {days.shape[0]} exercise dates, "
                f"got shape {self.boundary.shape}."
            )

    @property
    def maturity(self) -> Scalar:
        """The last exercise date, in years."""
        return self.exercise_dates[-1]

    def european(self) -> Put:
        return Put(strike=self.strike, maturity=self.maturity, asset=self.asset)

    def intrinsic(self, price: Array) -> Array:
        return self.strike - price

    def dates(self, now: Snapshot, n_dates: int) -> tuple[Float[Array, " date"], Array]:
        del n_dates
        left = self.exercise_dates - now.time
        # Dates gone by are passed in a moment, none of them of no length: roots have slopes.
        moments = 1e-6 * (1.0 + jnp.arange(left.shape[0], dtype=left.dtype))
        return now.time + jnp.maximum(left, moments), left > 0

    @property
    def any_time(self) -> bool:
        return False

    def stated(
        self, left: Float[Array, " step"], prices: Float[Array, " step"], n_dates: int
    ) -> Float[Array, " date"]:
        return jnp.interp(self.exercise_dates, self.maturity - left, prices)

    def critical(self, times: Float[Array, " time"]) -> Float[Array, " time"]:
        gap = jnp.abs(times[:, None] - self.exercise_dates[None, :])
        here = gap < 1e-5 * self.maturity
        prices = jnp.where(here, _stated(self)[None, :], 0.0)
        return jnp.where(jnp.any(here, axis=1), jnp.sum(prices, axis=1), jnp.nan)

    @classmethod
    def example(cls) -> "BermudanPut":
        """A typical member, for tests and documentation."""
        # pyright takes the abstract `maturity`, here a property, for an argument.
        dates, boundary = [0.075, 0.175, 0.25], [94.0, 96.0, 105.0]
        return cls(strike=105.0, exercise_dates=dates, boundary=boundary)  # pyright: ignore[reportCallIssue]


def _stated(claim: AbstractEarlyExercise) -> Float[Array, " date"]:
    if claim.boundary is None:
        raise ValueError(
            f"`boundary` must say when the holder of the {type(claim).__name__} exercises; "
            "use `FiniteDifference(...).exercised(claim)`."
        )
    return claim.boundary
