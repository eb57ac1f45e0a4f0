"""The call that pays for a put."""

import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractEuropean
from deephedge.claims.vanilla import Call
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Scalar

ITERATIONS = 60
"""Halvings of the bracket: more than the digits of a float64."""

WIDEST = 5.0
"""Of the log of the strike over the price: the strike is below 148 times the price."""


Terms = tuple[AbstractPricer, AbstractEuropean, Snapshot]


def zero_cost_call(pricer: AbstractPricer, protection: AbstractEuropean, now: Snapshot) -> Scalar:
    r"""Strike L at which a call of the same maturity costs what the protection costs.

    $$C(L) = P$$

    with P the price of `protection`: a put makes a zero-cost `Collar`, a portfolio of one put
    long and one of a lower strike short a zero-cost `PutSpreadCollar`. Solved by bisection in
    $\log L$, as calls fall with the strike; one step of Newton's method at the root carries the
    slopes in all parameters. Mid prices: a spread on the options is paid on top.
    """
    terms = pricer, protection, now
    fixed = lax.stop_gradient(terms)

    def excess(moneyness: Scalar, terms: Terms) -> Scalar:
        pricer, protection, now = terms
        strike = now.prices[protection.asset] * jnp.exp(moneyness)
        call = Call(strike=strike, maturity=protection.maturity, asset=protection.asset)
        return pricer.price(call, now) - pricer.price(protection, now)

    def halve(_: object, bracket: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        low, high = bracket
        middle = 0.5 * (low + high)
        above = excess(middle, fixed) > 0
        return jnp.where(above, middle, low), jnp.where(above, high, middle)

    spot = now.prices[protection.asset]
    width = lax.stop_gradient(jnp.full_like(spot, WIDEST))
    low, high = lax.fori_loop(0, ITERATIONS, halve, (-width, width))
    root = 0.5 * (low + high)
    slope = jax.grad(excess)(root, fixed)
    return spot * jnp.exp(root - excess(root, terms) / slope)
