"""The profit of a position in a merger."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim, carried
from deephedge.markets.base import Path
from deephedge.numerics.checks import non_negative, positive
from deephedge.typing import Array, Float, Scalar


class MergerDeal(AbstractClaim):
    r"""What a risk arbitrageur earns: a target share bought, `ratio` acquirer shares sold short.

    With entry prices $P_0$ and $A_0$, exit at the date $\theta$ at which the deal is known to be
    broken, else at maturity, and D the discount factor,

    $$\frac{D_\theta(P_\theta a_\theta - m A_\theta b_\theta) - (P_0 - m A_0)}{D_T},$$

    where a and b are the accruals of dividends, received on the target and owed on the acquirer.
    A cash deal has a ratio of 0. Positive is a gain of the holder: sold, it is a liability.
    `progress` is whether the position is closed (1 or 0), and today's value of what it brought.

    Args:
        broken_factor: the market's factor that is 1 once the deal is broken, as in `MergerMarket`;
            None where the market has none.

    Reference: Mitchell and Pulvino (2001), Characteristics of risk and return in risk arbitrage.
    """

    target_price: Scalar = eqx.field(converter=positive("target_price"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    ratio: Scalar = eqx.field(converter=non_negative("ratio"), default=0.0)
    acquirer_price: Scalar = eqx.field(converter=non_negative("acquirer_price"), default=0.0)
    target: int = eqx.field(static=True, default=0)
    acquirer: int = eqx.field(static=True, default=1)
    broken_factor: int | None = eqx.field(static=True, default=None)

    def payoff(self, path: Path) -> Scalar:
        closed, brought = self.progress(path)[-1]
        worth = jnp.where(closed > 0, brought, self._worth(path)[-1])
        paid = self.target_price - self.ratio * self.acquirer_price
        return (worth - paid) / path.discount[-1]

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        worth = self._worth(path)
        broken = jnp.zeros_like(worth)
        if self.broken_factor is not None:
            broken = (path.factors[:, self.broken_factor] > 0.5).astype(worth.dtype)
        rows = jnp.stack([broken, broken * worth], axis=1)

        def first(held: Array, row: Array) -> tuple[Array, Array]:
            held = jnp.where(held[0] > 0, held, row)
            return held, held

        start = carried(path, rows[0])
        _, later = lax.scan(first, start, rows[1:])
        return jnp.concatenate([start[None], later])

    def _worth(self, path: Path) -> Float[Array, " time"]:
        """Today's value of the two positions at each date."""
        if path.prices.shape[1] <= max(self.target, self.acquirer):
            raise TypeError(
                f"MergerDeal is paid on assets {self.target} and {self.acquirer}, but the market "
                f"has {path.prices.shape[1]}; use `MergerMarket(...)`."
            )
        held = path.prices * path.accrual
        return path.discount * (held[:, self.target] - self.ratio * held[:, self.acquirer])

    @classmethod
    def example(cls) -> "MergerDeal":
        """A typical member, for tests and documentation."""
        return cls(target_price=98.0, maturity=0.25, ratio=1.2, acquirer_price=50.0)
