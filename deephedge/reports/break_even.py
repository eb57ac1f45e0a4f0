"""How much a price must move for a book of options to pay for itself."""

import jax.numpy as jnp

from deephedge.numerics import safe
from deephedge.reports.attribution import Attribution
from deephedge.typing import Array, Float, Scalar


def break_even_vol(
    parts: Attribution, implied_vol: Scalar | float, *, with_cost: bool = True
) -> Float[Array, "*path"]:
    r"""The realised volatility at which a hedged book of options earns nothing.

    While the options are marked at one volatility $\sigma$, the book earns its gamma's share of
    realised less implied variance, so that nothing is left at $\sigma^*$ with

    $$\sum_k \tfrac12 D_k \Gamma_k S_k^2\,(\sigma^{*2} - \sigma^2)\,\delta t
    = \text{cost} + \text{financing} - \text{edge}, \qquad
    \sigma^* = \sigma\sqrt{1 + \frac{\text{cost} + \text{financing} - \text{edge}}{B}},$$

    where $B = \sum \frac12 D\Gamma S^2\sigma^2\,\delta t$, the bill for gamma, is theta and carry
    with the sign changed: by the Black-Scholes equation, for a book without delta or where prices
    grow at no rate. Without costs $\sigma^*$ is $\sigma$. 0 where the book earns at any volatility.
    The same for sold options, which lose above $\sigma^*$.

    Args:
        parts: of whole paths (`whole_path`), or their means.
        implied_vol: $\sigma$, that marks the options.
        with_cost: whether the book must earn what it costs, and what was paid above the mark.

    Reference: Carr and Madan (1998), Towards a theory of volatility trading, for the sum.
    """
    owed = -(parts.cost + parts.financing + parts.edge)
    due = owed if with_cost else jnp.zeros_like(owed)
    return implied_vol * safe.sqrt(jnp.maximum(1.0 + safe.divide(due, _bill(parts)), 0.0))


def scalped_vol(parts: Attribution, implied_vol: Scalar | float) -> Float[Array, "*path"]:
    r"""The realised volatility, weighted by gamma, that the scalps found.

    $$\sigma \sqrt{\frac{\sum \frac12 D\Gamma\,\delta S^2}{B}},$$

    with B as in `break_even_vol`. Above that volatility the book gains, but for the residual and
    what a book with a delta earns by it.
    """
    return implied_vol * safe.sqrt(jnp.maximum(safe.divide(parts.gamma, _bill(parts)), 0.0))


def _bill(parts: Attribution) -> Float[Array, "*path"]:
    return -(parts.theta + parts.carry)
