"""Greeks of any order of any claim under any pricer, by automatic differentiation."""

import dataclasses
from collections.abc import Callable, Iterable

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float, Scalar

VARIABLES = ("spot", "vol", "rate", "time")
"""What a price is differentiated by."""

GREEKS: dict[str, tuple[str, ...]] = {
    "delta": ("spot",),
    "gamma": ("spot", "spot"),
    "vega": ("vol",),
    "theta": ("time",),
    "rho": ("rate",),
    "vanna": ("spot", "vol"),
    "volga": ("vol", "vol"),
    "charm": ("spot", "time"),
    "speed": ("spot", "spot", "spot"),
    "zomma": ("spot", "spot", "vol"),
    "color": ("spot", "spot", "time"),
    "ultima": ("vol", "vol", "vol"),
}
"""The variables of each Greek. Per unit: vega per 1.00 of vol, theta and charm per year."""

USUAL = ("delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "charm")

Valuation = Callable[[AbstractPricer, Snapshot], Scalar]
Shifts = tuple[Scalar, Scalar, Scalar, Scalar]


def sensitivity(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot, *variables: str, asset: int = 0
) -> Scalar:
    r"""The derivative of the price by the `variables`, one after another, in any order.

    $$\frac{\partial^n V}{\partial x_1 \cdots \partial x_n}, \quad
    x_i \in \{\text{spot}, \text{vol}, \text{rate}, \text{time}\}$$

    Spot is `now.prices[asset]`; vol and rate are the shifts of `pricer.shifted`; time is
    calendar time in years, so that theta is $\partial V/\partial t$.
    """
    value = shifted_value(lambda p, n: p.price(claim, n), pricer, now, asset)
    return derivative(value, now, in_order(variables))


def greeks(
    pricer: AbstractPricer,
    claim: AbstractClaim,
    now: Snapshot,
    names: Iterable[str] = USUAL,
    *,
    asset: int = 0,
) -> dict[str, Scalar]:
    """The Greeks called `names` (keys of `GREEKS`), in cash of `now` per unit of claim.

    `price` among the names is the value itself, which then shares its work with the Greeks.
    """
    return greeks_of(lambda p, n: p.price(claim, n), pricer, now, names, asset=asset)


def cross_gamma(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> Float[Array, "asset asset"]:
    r"""Second derivatives $\partial^2 V/\partial S_j \partial S_k$ by the prices of all assets."""

    def value(prices: Float[Array, " asset"]) -> Scalar:
        return pricer.price(claim, dataclasses.replace(now, prices=prices))

    return jax.jacfwd(jax.jacfwd(value))(now.prices)


def greeks_of(
    valuation: Valuation,
    pricer: AbstractPricer,
    now: Snapshot,
    names: Iterable[str] = USUAL,
    *,
    asset: int = 0,
) -> dict[str, Scalar]:
    """The Greeks of any number that a pricer gives. See `greeks`.

    By forward differentiation: inside `jit` the Greeks share what they have in common, and in a
    chain of strikes whatever does not depend on the strike is differentiated once.
    """
    names, orders = tuple(names), {"price": (), **GREEKS}
    unknown = [name for name in names if name not in orders]
    if unknown:
        raise ValueError(f"`names` must be among {', '.join(orders)}, got {unknown[0]!r}.")
    value = shifted_value(valuation, pricer, now, asset)
    return {name: derivative(value, now, orders[name]) for name in names}


def in_order(variables: Iterable[str]) -> list[str]:
    """The variables in the order of `VARIABLES`: mixed derivatives do not depend on theirs."""
    variables = list(variables)
    if not variables or any(v not in VARIABLES for v in variables):
        raise ValueError(
            f"`variables` must be one or more of {', '.join(VARIABLES)}, got {variables}."
        )
    return sorted(variables, key=VARIABLES.index)


def shifted_value(
    valuation: Valuation, pricer: AbstractPricer, now: Snapshot, asset: int
) -> Callable[[Shifts], Scalar]:
    """The price as a function of four shifts, in the order of `VARIABLES`."""

    def value(shifts: Shifts) -> Scalar:
        spot, vol, rate, time = shifts
        moved = eqx.tree_at(
            lambda n: (n.prices, n.time), now, (now.prices.at[asset].add(spot), now.time + time)
        )
        return valuation(*pricer.shifted(moved, vol=vol, rate=rate))

    return value


def derivative(
    value: Callable[[Shifts], Scalar], now: Snapshot, variables: Iterable[str]
) -> Scalar:
    """The derivative at no shift by one variable after another."""
    for variable in variables:
        value = _along(value, VARIABLES.index(variable))
    return value(_shifts(now))


def _shifts(now: Snapshot) -> Shifts:
    zero = jnp.zeros((), now.prices.dtype)
    return zero, zero, zero, zero


def _along(function: Callable[[Shifts], Scalar], index: int) -> Callable[[Shifts], Scalar]:
    """The slope by one shift; the others are constants, of which nothing is differentiated."""

    def slope(shifts: Shifts) -> Scalar:
        def along(x: Scalar) -> Scalar:
            spot, vol, rate, time = (*shifts[:index], x, *shifts[index + 1 :])
            return function((spot, vol, rate, time))

        return jax.jvp(along, (shifts[index],), (jnp.ones_like(shifts[index]),))[1]

    return slope
