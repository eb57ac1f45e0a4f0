"""What portfolio strategies share: one exposure to a basket, the rest of the wealth in cash."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import as_array
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Bool, Float, PyTree, Scalar


def mix(value: object) -> Float[Array, " asset"]:
    """Shares of a basket: none negative, together one."""
    weights = jnp.atleast_1d(as_array("weights", value))
    if not isinstance(weights, Tracer):
        got = np.asarray(weights)
        if not (np.all(got >= 0) and abs(float(np.sum(got)) - 1.0) < 1e-6):
            raise ValueError(f"`weights` must be shares that add up to 1, got {got.tolist()}.")
    return weights


class Past(eqx.Module):
    """What a portfolio strategy knows of its own past."""

    begun: Bool[Array, ""]
    start: Scalar
    """Wealth at the first date, in today's money."""
    level: Scalar
    """Index of the basket, rebalanced to its weights at every date; 1 at the first."""
    log_return: Scalar
    """Of the basket over the last step; 0 at the first date."""
    elapsed: Scalar
    """Years the last step took."""
    prices: Float[Array, " asset"]
    """At the last date."""
    time: Scalar

    def after(self, now: Snapshot, wealth: Scalar, weights: Float[Array, " asset"]) -> "Past":
        """The past at `now`, with that wealth in today's money."""
        gross = jnp.sum(_weighed(weights, now.prices, self.prices))
        gross = jnp.where(self.begun, gross, 1.0)
        return Past(
            begun=jnp.asarray(True),
            start=jnp.where(self.begun, self.start, wealth),
            level=self.level * gross,
            log_return=safe.log(gross),
            elapsed=jnp.where(self.begun, now.time - self.time, 0.0),
            prices=now.prices,
            time=now.time,
        )


class AbstractPortfolioPolicy(AbstractPolicy):
    r"""Holds a basket worth an exposure that a rule decides, and the rest of the wealth in cash.

    With wealth W in cash of the date, prices S, the rule's exposure E and shares w of the basket
    (`weights`), the holdings of asset j are

    $$h_j = w_j E'/S_j, \qquad 0 \le E' \le \ell\,W^+$$

    with $\ell$ `leverage`, the most exposure per unit of wealth (1: nothing is borrowed). Nothing
    is traded while the value held is within `band` times wealth of E; outside, the trade is to the
    edge of that band. An exposure of zero is kept exactly. Wealth starts at the problem's premium,
    against the claim `NoClaim`.
    """

    weights: eqx.AbstractVar[Float[Array, " asset"]]
    leverage: eqx.AbstractVar[Scalar]
    band: eqx.AbstractVar[Scalar]

    @abstractmethod
    def begin(self) -> PyTree:
        """What the rule itself remembers before the first date."""

    @abstractmethod
    def exposure(
        self, now: Snapshot, wealth: Scalar, past: Past, own: PyTree
    ) -> tuple[Scalar, PyTree]:
        """Value of the basket to hold, before limits, and the rule's memory; cash of the date."""

    def init(self) -> tuple[Past, PyTree]:
        one = jnp.ones_like(self.leverage)
        past = Past(
            begun=jnp.asarray(False),
            start=0.0 * one,
            level=one,
            log_return=0.0 * one,
            elapsed=0.0 * one,
            prices=jnp.ones_like(self.weights),
            time=0.0 * one,
        )
        return past, self.begin()

    def observe(self, now: Snapshot) -> Snapshot:
        if now.prices.shape != self.weights.shape:
            raise ValueError(
                f"`weights` must have one share for each of the {now.prices.shape[0]} assets, "
                f"got {self.weights.shape[0]}."
            )
        return now

    def act(
        self, seen: Snapshot, account: Account, memory: tuple[Past, PyTree]
    ) -> tuple[Float[Array, " asset"], tuple[Past, PyTree]]:
        past, own = memory
        past = past.after(seen, account.wealth, self.weights)
        wealth = account.wealth / seen.discount
        wanted, updated = self.exposure(seen, wealth, past, own)
        own = jax.tree.map(lambda new, old: new.astype(old.dtype), updated, own)

        room = jnp.maximum(wealth, 0.0)
        ceiling = self.leverage * room
        wanted = jnp.clip(wanted, min=0.0, max=ceiling)
        slack = jnp.where(wanted > 0, self.band * room, 0.0)
        held = jnp.sum(account.holdings * seen.prices)
        kept = (jnp.abs(held - wanted) <= slack) & (held <= ceiling)
        edge = jnp.minimum(jnp.clip(held, min=wanted - slack, max=wanted + slack), ceiling)
        moved = _weighed(self.weights, edge, seen.prices)
        return jnp.where(kept, account.holdings, moved), (past, own)


def _weighed(
    weights: Float[Array, " asset"], amounts: Float[Array, "*asset"], prices: Float[Array, " asset"]
) -> Float[Array, " asset"]:
    """Weights times amounts / prices; what is not in the basket may be worth next to nothing."""
    prices = jnp.where(weights > 0, prices, 1.0)
    return jnp.where(weights > 0, weights * safe.divide(amounts, prices), 0.0)
