"""The best trade-off of mean and variance, which quadratic hedging gives in closed form."""

import dataclasses

import equinox as eqx

from deephedge.optimum.quadratic_hedge import QuadraticHedge
from deephedge.optimum.quadratic_policy import VarianceOptimal
from deephedge.typing import Scalar


class MeanVarianceHedge(eqx.Module):
    """The least mean-variance risk, without costs; cash in today's money."""

    risk: Scalar
    """Of the P&L without a premium."""
    mean_pnl: Scalar
    """Without a premium."""
    variance: Scalar
    policy: VarianceOptimal
    """For a seller who has received the premium asked for."""


def mean_variance(
    hedge: QuadraticHedge, aversion: Scalar | float, premium: Scalar | float
) -> MeanVarianceHedge:
    r"""The least $E[-Y] + \frac{\gamma}{2}\mathrm{Var}(Y)$ of the P&L Y over all hedges.

    The variance-optimal hedge from any capital c has the mean square $L_0(c - V_0)^2 + J_0$; of
    all hedges whose P&L without a premium has the mean $d - V_0$ the least variance is hence

    $$J_0 + \frac{L_0}{1 - L_0}\,d^2, \qquad \text{and with } d = \frac{1 - L_0}{\gamma L_0}
    \text{ the least risk is } V_0 + \frac{\gamma}{2}J_0 - \frac{1 - L_0}{2\gamma L_0},$$

    attained by the variance-optimal hedge that pretends to start from $V_0 - 1/(\gamma L_0)$. It
    is the best of the plans that can be made at the first date (mean-variance is not consistent
    over time). Where prices are martingales, L = 1: no bet pays, and d = 0.

    Args:
        hedge: of `quadratic_hedge`.
        aversion: $\gamma$, per unit of cash.
        premium: what the seller has received; it moves the P&L and not the hedge.

    Reference: Schweizer (1995), Variance-optimal hedging in discrete time, on the mean-variance
    problems; Markowitz (1952).
    """
    capital, least = hedge.capital, hedge.opportunity
    bet = (1.0 - least) / (aversion * least)
    pretended = capital - 1.0 / (aversion * least)
    return MeanVarianceHedge(
        risk=capital + 0.5 * aversion * hedge.squared_error - 0.5 * bet,
        mean_pnl=bet - capital,
        variance=hedge.squared_error + bet / aversion,
        policy=dataclasses.replace(hedge.policy, head_start=pretended - premium),
    )
