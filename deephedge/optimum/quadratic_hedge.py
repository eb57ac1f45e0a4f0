"""The least squared error of hedging a European claim at given dates, and the hedge that has it."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractAffineModel
from deephedge.optimum.quadratic_policy import VarianceOptimal
from deephedge.optimum.quadratic_solver import solve
from deephedge.typing import Array, Float, Scalar


class QuadraticHedge(eqx.Module):
    r"""What quadratic hedging can do: the least $E[(c + \text{gains} - H)^2]$ from capital c.

    $$L_0\,(c - V_0)^2 + J_0$$

    in today's money; `squared_error` is $J_0$, that of the best capital $V_0$. The errors are the
    differences from a solution on half as many points (and nodes of the factor, and normals).

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time.
    """

    capital: Scalar
    squared_error: Scalar
    opportunity: Scalar
    """L at the start: 1 where prices are martingales."""
    policy: VarianceOptimal
    capital_uncertainty: Scalar
    squared_error_uncertainty: Scalar

    def squared_error_from(self, capital: Scalar | float) -> Scalar:
        """The least mean squared error from some other capital."""
        return self.opportunity * (capital - self.capital) ** 2 + self.squared_error


def quadratic_hedge(
    market: AbstractAffineModel,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    *,
    n_points: int = 1024,
    n_factors: int = 40,
) -> QuadraticHedge:
    r"""The variance-optimal hedge at the dates, without costs, of a European claim.

    For independent returns every mode $X^z$ of the claim is hedged by itself, as $E[R^z]$ is
    known (Hubalek, Kallsen and Krawczyk); for Heston's model, as its own scheme simulates it over
    the steps, the modes' factors are functions of the variance on a grid. Computed in float64,
    compiled once for all markets of a kind and numbers of steps.

    Args:
        market: `BlackScholes` (one asset), `Merton`, `Kou`, `VarianceGamma`, `Heston`,
            `HestonEuler`; its `drift` matters.
        claim: piecewise linear in the final price.
        times: equally spaced, the last the claim's maturity.
        n_points: of the log-price, a power of 2.
        n_factors: nodes of the root of Heston's variance, and less one half of its normals.

    Reference: Hubalek, Kallsen and Krawczyk (2006), Variance-optimal hedging for processes with
    stationary independent increments, the part on discrete time; Schweizer (1995).
    """
    fine = solve(market, claim, times, n_points=n_points, n_factors=n_factors)
    coarse = solve(market, claim, times, n_points=n_points // 2, n_factors=n_factors // 2)
    return QuadraticHedge(
        capital=fine.capital,
        squared_error=fine.squared_error,
        opportunity=fine.opportunity,
        policy=VarianceOptimal(fine.tables, jnp.zeros_like(fine.capital)),
        capital_uncertainty=jnp.abs(fine.capital - coarse.capital),
        squared_error_uncertainty=jnp.abs(fine.squared_error - coarse.squared_error),
    )
