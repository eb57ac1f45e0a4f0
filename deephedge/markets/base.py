"""What a market is: a differentiable map from standard normals to the path of everything known."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.typing import Array, Bool, Float, Scalar


class Snapshot(eqx.Module):
    """All that is known at one date, and all that a policy or a pricer may see."""

    time: Scalar
    """Years since the start."""
    prices: Float[Array, " asset"]
    """Prices of the traded assets, cash excluded."""
    factors: Float[Array, " factor"]
    """What the model also knows: instantaneous variance, regime, quoted volatility ..."""
    discount: Scalar
    """Today's value of one unit of cash paid then."""
    accrual: Float[Array, " asset"]
    """Shares that one share held from the start has become by reinvesting its dividends."""
    progress: Float[Array, " progress"]
    """What the claim remembers so far: running mean, running maximum ..."""


class Path(eqx.Module):
    """A `Snapshot` with a leading time axis; a batch of paths adds a leading path axis."""

    time: Float[Array, " time"]
    prices: Float[Array, "time asset"]
    factors: Float[Array, "time factor"]
    discount: Float[Array, " time"]
    accrual: Float[Array, "time asset"]
    progress: Float[Array, "time progress"]

    def at(self, index: int) -> Snapshot:
        """The snapshot at one date."""
        return jax.tree.map(lambda x: x[index], self.snapshots())

    def snapshots(self) -> Snapshot:
        """The same arrays as a `Snapshot` with a leading time axis, ready for `lax.scan`."""
        return _without_checks(self)


def _without_checks(path: Path) -> Snapshot:
    # A Snapshot of stacked arrays has one axis more than its annotations say; it exists only to
    # be sliced by scan, so it is made by unflattening, which runs no shape check.
    template = jax.tree.structure(
        Snapshot(*[jnp.zeros(()), jnp.zeros(1), jnp.zeros(1), jnp.zeros(()), *[jnp.zeros(1)] * 2])
    )
    return jax.tree.unflatten(template, jax.tree.leaves(path))


class Contracts(eqx.Module):
    """Which contract each column of a path is, where that changes: what trading it takes."""

    cash: Bool[Array, "time asset"]
    """The column has been paid out, and is cash: it changes hands at no cost."""
    new: Bool[Array, "time asset"] | None
    """At this date a new contract has replaced the one before; `None` where none ever does."""
    old: Float[Array, "time asset"]
    """Price of the contract it replaced, as a share of its own; 0 where that had been paid out."""


class AbstractMarket(eqx.Module):
    """A model of how prices move, under one measure."""

    @property
    @abstractmethod
    def normals_per_step(self) -> int:
        """How many independent standard normals one step of one path takes."""

    @abstractmethod
    def start(self) -> Snapshot:
        """What is known at time 0."""

    @abstractmethod
    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        """The path that the normals drive along the dates `times` (years), from `start()` on.

        The first `asset` normals of a step move its log-prices affinely, given the other normals
        and the prices and factors before; the Monte Carlo pricer's second-order Greeks, and those
        of payoffs that jump, rest on that.
        Path `discount` is the value at time 0; `progress` is empty.
        """

    def contracts(self, path: Path) -> Contracts | None:
        """The contracts that the columns of a path are; `None` where each is one asset for good."""
        del path
        return None


class AbstractModel(AbstractMarket):
    """A market with parameters: it can start again from any date, and its levels can be moved."""

    @abstractmethod
    def at(self, now: Snapshot) -> "AbstractModel":
        """The same model under the pricing measure (no real-world drift), starting from `now`."""

    @abstractmethod
    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["AbstractModel", Snapshot]:
        """The model and the state with the current volatility raised by `vol`, rates by `rate`.

        Vega, rho and their relatives are derivatives with respect to these shifts.
        """


class AbstractAffineModel(AbstractModel):
    r"""A one-asset model that knows its characteristic function, and so has Fourier prices.

    Rate and dividend yield are constant.
    """

    rate: eqx.AbstractVar[Scalar]
    dividend: eqx.AbstractVar[Scalar]

    @abstractmethod
    def log_characteristic(self, u: Array, tau: Scalar, factors: Float[Array, " factor"]) -> Array:
        r"""$\log E\, e^{iuX}$ of $X = \log(S_{t+\tau}/F)$, $F = S_t e^{(r-q)\tau}$, complex u.

        Risk-neutral: 0 at $u = 0$ and at $u = -i$.
        """


def flat_discount(times: Float[Array, " time"], rate: Scalar) -> Float[Array, " time"]:
    """Today's value of one unit of cash at each date under a constant rate."""
    return jnp.exp(-rate * times)


def at_start(
    prices: Float[Array, " asset"], factors: Float[Array, " factor"] | None = None
) -> Snapshot:
    """What is known at time 0, before the claim remembers anything."""
    one = jnp.ones((), prices.dtype)
    return Snapshot(
        time=0.0 * one,
        prices=prices,
        factors=jnp.zeros(0, prices.dtype) if factors is None else factors,
        discount=one,
        accrual=jnp.ones_like(prices),
        progress=jnp.zeros(0, prices.dtype),
    )


def one_asset_path(
    times: Float[Array, " time"],
    prices: Float[Array, " time"],
    *,
    discount: Float[Array, " time"],
    dividend: Scalar,
    factors: Float[Array, "time factor"] | None = None,
) -> Path:
    """The path of one asset that pays a constant dividend yield."""
    return Path(
        time=times,
        prices=prices[:, None],
        factors=jnp.zeros((times.shape[0], 0), times.dtype) if factors is None else factors,
        discount=discount,
        accrual=jnp.exp(dividend * times)[:, None],
        progress=no_progress(times),
    )


def no_progress(times: Float[Array, " time"]) -> Float[Array, "time progress"]:
    """The empty `progress` that a market leaves for the claim to fill."""
    return jnp.zeros((times.shape[0], 0), times.dtype)
