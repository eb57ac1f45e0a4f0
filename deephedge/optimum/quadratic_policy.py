"""The variance-optimal hedge as a policy."""

import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractAffineModel, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.optimum.quadratic_solver import solve
from deephedge.optimum.quadratic_tables import HedgeTables
from deephedge.policies.base import AbstractFittedPolicy, Account
from deephedge.typing import Array, Float, Scalar


class VarianceOptimal(AbstractFittedPolicy):
    r"""The hedge of least mean squared error at maturity, from any wealth.

    With the discounted price X (dividends reinvested), the value process V, the pure hedge
    $\xi$ and $a = \lambda/X$ of `recursion`, the number of X held at wealth w is

    $$\xi(t, X, v) + a(t, X, v)\,(V(t, X, v) - w - w_0).$$

    Where prices are martingales a = 0: the hedge then forgets past errors and is the locally
    risk-minimising one (`LocalQuadratic` finds that by regression). With independent returns V
    and $\xi$ are those of local risk minimisation too, and the feedback alone is the difference.
    $w_0$, `head_start`, is cash that the hedger thinks he has; it makes the hedge the
    mean-variance one (see `mean_variance`).

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time; Hubalek, Kallsen and
    Krawczyk (2006) for independent returns.
    """

    tables: HedgeTables
    head_start: Scalar

    @classmethod
    def create(
        cls,
        market: AbstractAffineModel,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        n_points: int = 512,
        n_factors: int = 40,
    ) -> "VarianceOptimal":
        """The hedge of a European claim in a market; `quadratic_hedge` says how good it is."""
        found = solve(market, claim, times, n_points=n_points, n_factors=n_factors)
        return cls(found.tables, jnp.zeros_like(found.capital))

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> tuple[Scalar, Scalar, Scalar]:
        return self.tables.read(now)

    def act(
        self, seen: tuple[Scalar, Scalar, Scalar], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        value, pure, feedback = seen
        short = value - account.wealth - self.head_start
        return (pure + feedback * short)[None], None

    @classmethod
    def example(cls) -> "VarianceOptimal":
        """A typical member: with a drift, so that the hedge looks at its wealth."""
        market = BlackScholes(spot=100.0, vol=0.2, rate=0.02, dividend=0.01, drift=0.08)
        times = jnp.linspace(0.0, 0.25, 6)
        return cls.create(market, Call.example(), times, n_points=128)
