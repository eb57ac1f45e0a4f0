"""The right to choose later between a call and a put."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.dates import fixing
from deephedge.claims.forward_start import check_order
from deephedge.markets.base import Path
from deephedge.numerics.checks import positive
from deephedge.typing import Array, Float, Scalar


class Chooser(AbstractClaim):
    r"""At the date `decision` the holder takes the call or the put, both at $K$ and maturity $T$.

    By parity the call is worth more just where the forward is above the strike, whatever the
    model: with $D$ the discount factor and $A$ the accrual of dividends, both known in advance,
    $$F = S_{t_1}\frac{D_{t_1}A_{t_1}}{D_T A_T} > K.$$

    Decided at the path's first date on or after `decision`. `progress` is $S D A$ of that date, 0
    before. The payoff jumps where the choice turns; the value at the decision does not, so a
    pathwise delta, whose price is differentiated at maturity, is biased.

    Reference: Rubinstein (1991), options for the undecided.
    """

    strike: Scalar = eqx.field(converter=positive("strike"))
    decision: Scalar = eqx.field(converter=positive("decision"))
    maturity: Scalar = eqx.field(converter=positive("maturity"))
    asset: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        check_order("decision", self.decision, self.maturity)

    def payoff(self, path: Path) -> Scalar:
        unit = path.discount[-1] * path.accrual[-1, self.asset]
        takes_call = self.progress(path)[-1, 0] > self.strike * unit
        gain = path.prices[-1, self.asset] - self.strike
        return jnp.maximum(jnp.where(takes_call, gain, -gain), 0.0)

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        memory = path.progress[0, 0] if path.progress.shape[-1] else None
        today = path.prices[:, self.asset] * path.discount * path.accrual[:, self.asset]
        return fixing(path, memory, today, self.decision)[:, None]

    @classmethod
    def example(cls) -> "Chooser":
        """A typical member, for tests and documentation."""
        return cls(strike=100.0, decision=0.1, maturity=0.25)
