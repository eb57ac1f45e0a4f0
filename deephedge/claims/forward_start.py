"""Options whose strike is set later."""

import equinox as eqx
import jax.numpy as jnp
from jax.core import Tracer

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import fixing
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class ForwardStartCall(AbstractClaim):
    r"""Pays $(S_T - k\,S_{t_1})^+$: a call struck at `ratio` times the price on the date `start`.

    The strike is fixed at the path's first date on or after `start`. `progress` is the price
    fixed, 0 before.

    Reference: Rubinstein (1991), pay now, choose later.
    """

    ratio: Scalar = eqx.field(converter=positive("ratio"))
    start: Scalar = eqx.field(converter=positive("start"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_order("start", self.start, self.maturity)

    def payoff(self, path: Path) -> Scalar:
        strike = self.ratio * self.progress(path)[-1, 0]
        return jnp.maximum(path.prices[-1, self.asset] - strike, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return fixed_price(path, self.asset, self.start)

    @classmethod
    def example(cls) -> "ForwardStartCall":
        """A typical member, for tests and documentation."""
        return cls(ratio=1.0, start=0.1, maturity=0.25)


def fixed_price(path: Path, asset: int, date: Scalar) -> Float[Array, "time progress"]:
    """0 before `date`, then the price at the path's first date on or after it."""
    memory = path.progress[0, 0] if path.progress.shape[-1] else None
    return fixing(path, memory, path.prices[:, asset], date)[:, None]


def check_order(name: str, date: Scalar, maturity: Scalar) -> None:
    """Refuse a date that is not before the maturity."""
    if isinstance(date, Tracer) or isinstance(maturity, Tracer) or float(date) < float(maturity):
        return
    raise ValueError(f"`{name}` must be before maturity {float(maturity):g}, got {float(date):g}.")
