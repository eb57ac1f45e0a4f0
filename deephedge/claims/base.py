"""What a claim is: what it remembers along a path, and the cash it pays at the end."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Path, Snapshot
from deephedge.typing import Array, Float, Scalar


class AbstractClaim(eqx.Module):
    """A contract that pays its holder once, at `maturity` (years)."""

    maturity: eqx.AbstractVar[Scalar]

    @abstractmethod
    def payoff(self, path: Path) -> Scalar:
        """Cash owed at the end of the path. The path's last date is the maturity."""

    @abstractmethod
    def progress(self, path: Path) -> Float[Array, "time progress"]:
        """What the claim remembers at each date; it depends on the past only.

        A path whose own `progress` is not empty starts in mid-life: its first row is carried on.
        """

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        """Where the payoff jumps: assets, and for each a price level at each date of the path.

        A claim whose payoff is discontinuous in the prices must say so here, or Greeks by
        simulation are biased. Infinite at a date without a jump. Only the dates of the path, its
        discount and accrual decide, not its prices. A continuous payoff has no levels.
        """
        del path
        return []

    def tau(self, now: Snapshot) -> Scalar:
        """Years left until maturity, never negative."""
        return jnp.maximum(self.maturity - now.time, 0.0)


class Pieces(eqx.Module):
    r"""A payoff of the final price, cut into half-lines.

    $$\sum_i (\text{cash}_i + \text{shares}_i\,S)\,1\{\text{sign}_i\,(S - \text{strike}_i) > 0\}$$
    """

    cash: Float[Array, " piece"]
    shares: Float[Array, " piece"]
    strike: Float[Array, " piece"]
    sign: Float[Array, " piece"]


class AbstractEuropean(AbstractClaim):
    """A claim on one asset's final price, piecewise linear in it.

    Every method for European claims (closed form, Fourier) prices its `pieces`, so a new claim
    of this kind needs no new pricer.
    """

    asset: eqx.AbstractVar[int]

    @abstractmethod
    def pieces(self) -> Pieces:
        """The payoff cut into half-lines."""

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.zeros((path.time.shape[0], 0), path.prices.dtype)


def carried(path: Path, fresh: Float[Array, " progress"]) -> Float[Array, " progress"]:
    """The claim's memory at the path's first date: `fresh`, or what a path in mid-life brings."""
    return fresh if path.progress.shape[-1] == 0 else path.progress[0]
