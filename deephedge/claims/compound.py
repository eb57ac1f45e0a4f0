"""Options on options."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import fixing, on_or_after
from deephedge.claims.forward_start import check_order
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class CompoundOption(AbstractClaim):
    r"""A call on a call: at the date `decision` the holder may pay `premium` for a call.

    The holder buys where the price is above `buy_above`, a rule stated in the contract so that
    the payoff needs no pricer: $1\{S_{t_1} > b\}\,[(S_T - K)^+ - P\,D_{t_1}/D_T]$, the premium
    with interest to maturity. `CompoundFormula.best_rule` gives the rule that is worth most.

    Decided at the path's first date on or after `decision`. `progress` is the price and the
    discount factor of that date, 0 before. The payoff jumps where the rule turns, see `jumps`.

    Reference: Geske (1979).
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    premium: Scalar = eqx.field(converter=positive("premium"))
    buy_above: Scalar = eqx.field(converter=positive("buy_above"))
    decision: Scalar = eqx.field(converter=positive("decision"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_order("decision", self.decision, self.maturity)

    def payoff(self, path: Path) -> Scalar:
        price, discount = self.progress(path)[-1]
        owed = jnp.maximum(path.prices[-1, self.asset] - self.strike, 0.0)
        paid = self.premium * discount / path.discount[-1]
        return jnp.where(price > self.buy_above, owed - paid, 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        fresh = path.progress.shape[-1] == 0
        columns = (path.prices[:, self.asset], path.discount)
        fixed = [
            fixing(path, None if fresh else path.progress[0, i], column, self.decision)
            for i, column in enumerate(columns)
        ]
        return jnp.stack(fixed, axis=1)

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        decided = on_or_after(path, self.decision)
        first = decided & ~jnp.concatenate([jnp.zeros(1, bool), decided[:-1]])
        return [(self.asset, jnp.where(first, self.buy_above, jnp.inf))]

    @classmethod
    def example(cls) -> "CompoundOption":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, premium=4.0, buy_above=101.0, decision=0.1, maturity=0.25)
