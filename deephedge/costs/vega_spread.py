"""Half of a bid-ask spread of options, quoted in volatility."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.claims.vanilla import Call
from deephedge.costs.base import AbstractCost
from deephedge.markets.base import Snapshot
from deephedge.numerics.checks import non_negative, per_asset
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.greeks import sensitivity
from deephedge.typing import Array, Float, Scalar


class VegaSpread(AbstractCost):
    r"""Half the spread of options quoted in volatility: $\sum_i 0.01\,p_i |\nu_i| |n_{j_i}|$.

    Option i is asset $j_i$ of the market; its vega $\nu_i$ is that of claim i under the pricer, per
    1.00 of volatility. `vol_points` $p$ is from the mid to the bid or the ask, in points (1 point
    is 0.01 of volatility); a single number or one per option. An expired option has no vega, and
    trading it costs nothing. Other assets are free: add their own cost with `CostSum`. A column
    that is rolled into ever new contracts is refused by `HedgingProblem`.

    Args:
        claims: the options, European: a snapshot holds the memory of the claim sold, not theirs.
        assets: the column of the prices that each of the claims is.
        pricer: whose vega it is, such as the one that marks the options.
    """

    claims: tuple[AbstractClaim, ...] = eqx.field(converter=tuple)
    assets: tuple[int, ...] = eqx.field(static=True, converter=tuple)
    pricer: AbstractPricer
    vol_points: Float[Array, " option"] = eqx.field(converter=per_asset(non_negative("vol_points")))

    def __check_init__(self):
        for claim in self.claims:
            if not isinstance(claim, AbstractEuropean):
                raise ValueError(f"`claims` must be European, got {type(claim).__name__}.")
        n_options = len(self.claims)
        columns = {j for j in self.assets if j >= 0}
        if not self.claims or not len(self.assets) == len(columns) == n_options:
            raise ValueError(
                f"`assets` must be a column for each of the {n_options} claims (1 or more), "
                f"got {list(self.assets)}."
            )
        if self.vol_points.shape[0] not in (1, n_options):
            raise ValueError(
                f"`vol_points` must be one number, or one for each of the {n_options} claims, "
                f"got {self.vol_points.shape[0]}."
            )

    def __call__(self, trade: Float[Array, " asset"], now: Snapshot) -> Scalar:
        if max(self.assets) >= trade.shape[0]:
            raise ValueError(
                f"`assets` must be among the {trade.shape[0]} assets of the market, "
                f"0 to {trade.shape[0] - 1}, got {list(self.assets)}."
            )
        vegas = [sensitivity(self.pricer, claim, now, "vol") for claim in self.claims]
        traded = trade[jnp.asarray(self.assets)]
        return jnp.sum(0.01 * self.vol_points * jnp.abs(jnp.stack(vegas)) * jnp.abs(traded))

    @classmethod
    def example(cls) -> "VegaSpread":
        """A typical member, for tests and documentation."""
        return cls(
            claims=(Call(strike=100.0, maturity=1.0),),
            assets=(1,),
            pricer=BlackScholesFormula.example(),
            vol_points=0.5,
        )
