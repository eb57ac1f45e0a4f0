"""Options on the highest and the lowest price."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim, carried
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class LookbackCall(AbstractClaim):
    r"""Pays $(\max_k S_{t_k} - K)^+$ over the path's dates, the start included.

    `progress` is the running maximum.

    Reference: Conze and Viswanathan (1991), the fixed-strike call; here monitored at the dates.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(self.progress(path)[-1, 0] - self.strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return running_maximum(path, self.asset)

    @classmethod
    def example(cls) -> "LookbackCall":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class LookbackPut(AbstractClaim):
    r"""Pays $(K - \min_k S_{t_k})^+$ over the path's dates. `progress` is the running minimum.

    Reference: Conze and Viswanathan (1991), the fixed-strike put.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return jnp.maximum(self.strike - self.progress(path)[-1, 0], 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return running_minimum(path, self.asset)

    @classmethod
    def example(cls) -> "LookbackPut":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, maturity=0.25)


class FloatingLookbackCall(AbstractClaim):
    r"""Pays $S_T - \min_k S_{t_k}$: bought at the lowest. `progress` is the running minimum.

    Reference: Goldman, Sosin and Gatto (1979).
    """

    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return path.prices[-1, self.asset] - self.progress(path)[-1, 0]

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return running_minimum(path, self.asset)

    @classmethod
    def example(cls) -> "FloatingLookbackCall":
        """A typical member, for tests and documentation."""
        return cls(maturity=0.25)


class FloatingLookbackPut(AbstractClaim):
    r"""Pays $\max_k S_{t_k} - S_T$: sold at the highest. `progress` is the running maximum.

    Reference: Goldman, Sosin and Gatto (1979).
    """

    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def payoff(self, path: Path) -> Scalar:
        return self.progress(path)[-1, 0] - path.prices[-1, self.asset]

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return running_maximum(path, self.asset)

    @classmethod
    def example(cls) -> "FloatingLookbackPut":
        """A typical member, for tests and documentation."""
        return cls(maturity=0.25)


def running_maximum(path: Path, asset: int) -> Float[Array, "time progress"]:
    """The highest price up to each date, the path's first date and its past included."""
    prices = path.prices[:, asset]
    highest_before = carried(path, prices[:1])
    return jnp.maximum(lax.cummax(prices), highest_before)[:, None]


def running_minimum(path: Path, asset: int) -> Float[Array, "time progress"]:
    """The lowest price up to each date, the path's first date and its past included."""
    prices = path.prices[:, asset]
    lowest_before = carried(path, prices[:1])
    return jnp.minimum(lax.cummin(prices), lowest_before)[:, None]
