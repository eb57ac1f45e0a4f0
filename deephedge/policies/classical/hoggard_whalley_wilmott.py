"""Delta of a claim whose volatility depends on the sign of its gamma, state by state."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim, Pieces
from deephedge.claims.portfolio import call_spread
from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive, real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.pricing.black_scholes import european
from deephedge.typing import Array, Float, Scalar

NODES = 385
"""Of the log-price."""

STEPS = 1100
"""Of time. Explicit steps are monotone from (NODES - 1)^2 / WIDTH^2 = 1024 on."""

WIDTH = 12.0
"""Of the grid, beyond the distance of the strikes: deviations until maturity, at the higher vol."""

OFFSETS = tuple((i + 0.5) / 8 - 0.5 for i in range(8))
"""Where in its cell, in widths of it from the node, the payoff is averaged."""


class Surface(eqx.Module):
    """Undiscounted value of a claim and its slope, by time left and log of the forward."""

    nodes: Float[Array, " node"]
    values: Float[Array, "level node"]
    slopes: Float[Array, "level node"]


class HoggardWhalleyWilmott(AbstractTargetPolicy):
    r"""Leland's rule for claims of mixed gamma: hold $\partial V/\partial S$ of a non-linear price.

    $$\frac{\partial V}{\partial t} + \tfrac12\hat\sigma^2(\Gamma) S^2 \Gamma
    + (r - q) S\frac{\partial V}{\partial S} - rV = 0, \qquad
    \hat\sigma^2 = \sigma^2\Bigl(1 + \operatorname{sign}(\Gamma)\sqrt{\tfrac2\pi}\,
    \frac{2\varepsilon}{\sigma\sqrt{\Delta t}}\Bigr)^+$$

    with $\Gamma = \partial^2 V/\partial S^2$ that of the *solution* at each price and date, V what
    the seller must own to pay the claim and its hedging cost, $\varepsilon$ `cost_rate` (one-way)
    and $\Delta t$ `interval`. The equation is solved on a grid of the log-forward by explicit
    steps small enough to be monotone, which converge to its viscosity solution; the slope is read
    off between nodes and dates linearly. Where gamma has one sign this is `Leland`; for a sum of
    claims it is *not* the sum of the prices. The paper's equation is ill-posed where
    $\hat\sigma^2 < 0$; the positive part closes that gap, and there no trading is cheaper.

    European claims, one asset, constant `vol`, `rate` and `dividend`.

    Reference: Hoggard, Whalley and Wilmott (1994), Hedging option portfolios in the presence of
    transaction costs, Advances in Futures and Options Research 7, 21-35.
    """

    claim: AbstractClaim
    vol: Scalar = eqx.field(converter=positive("vol"))
    cost_rate: Scalar = eqx.field(converter=non_negative("cost_rate"))
    interval: Scalar = eqx.field(converter=positive("interval"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def surface(self) -> Surface:
        """The solution, from maturity (level 0) back to the start (the last level)."""
        claim = european(self.claim, "HoggardWhalleyWilmott")
        pieces = claim.pieces()
        number = math.sqrt(8.0 / math.pi) * self.cost_rate / (self.vol * jnp.sqrt(self.interval))
        high = self.vol**2 * (1.0 + number) * claim.maturity
        low = self.vol**2 * jnp.maximum(1.0 - number, 0.0) * claim.maturity
        strikes = safe.log(jnp.where(pieces.strike > 0, pieces.strike, jnp.max(pieces.strike)))
        # The margin is half of `WIDTH` deviations on either side.
        margin = 0.5 * WIDTH * jnp.sqrt(high)
        nodes = jnp.linspace(jnp.min(strikes) - margin, jnp.max(strikes) + margin, NODES)
        gap = nodes[1] - nodes[0]

        def back(value: Float[Array, " node"], _):
            slope = (value[2:] - value[:-2]) / (2.0 * gap)
            bend = (value[2:] - 2.0 * value[1:-1] + value[:-2]) / gap**2
            cash_gamma = bend - slope
            variance = jnp.where(cash_gamma > 0, high, low)
            inner = value[1:-1] + 0.5 * variance * cash_gamma / STEPS
            # At the ends the payoff is linear in the forward, and so is its value.
            after = jnp.concatenate([value[:1], inner, value[-1:]])
            return after, after

        # Averaged over a cell, a kink or a jump between two nodes is seen at its place.
        cells = [_payoff(pieces, jnp.exp(nodes + x * gap)) for x in OFFSETS]
        first = jnp.mean(jnp.stack(cells), axis=0)
        _, levels = lax.scan(back, first, None, length=STEPS)
        values = jnp.concatenate([first[None], levels])
        slopes = (
            jax.vmap(lambda v: jnp.asarray(jnp.gradient(v, gap)))(values) / jnp.exp(nodes)[None, :]
        )
        return Surface(nodes, values, slopes)

    def price(self, now: Snapshot) -> Scalar:
        """What the seller must own at `now`, in cash of that date."""
        surface, tau = self.surface(), self.claim.tau(now)
        return jnp.exp(-self.rate * tau) * self._read(surface.nodes, surface.values, now)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        surface, asset = self.surface(), european(self.claim, "HoggardWhalleyWilmott").asset
        slope = self._read(surface.nodes, surface.slopes, now)
        delta = jnp.exp(-self.dividend * self.claim.tau(now)) * slope
        return jnp.zeros_like(now.prices).at[asset].set(delta)

    def _read(
        self, nodes: Float[Array, " node"], table: Float[Array, "level node"], now: Snapshot
    ) -> Scalar:
        asset, tau = european(self.claim, "HoggardWhalleyWilmott").asset, self.claim.tau(now)
        log_forward = safe.log(now.prices[asset]) + (self.rate - self.dividend) * tau
        position = jnp.clip(tau / self.claim.maturity, min=0.0, max=1.0) * STEPS
        below = jnp.clip(jnp.floor(position).astype(int), 0, STEPS - 1)
        share = position - below.astype(position.dtype)
        early, late = (jnp.interp(log_forward, nodes, table[k]) for k in (below, below + 1))
        return (1.0 - share) * early + share * late

    @classmethod
    def example(cls) -> "HoggardWhalleyWilmott":
        """A typical member, for tests and documentation."""
        claim = call_spread(lower=98.0, upper=106.0, maturity=0.25)
        return cls(claim, vol=0.2, cost_rate=0.001, interval=1 / 252, rate=0.02, dividend=0.01)


def _payoff(pieces: Pieces, spots: Float[Array, " node"]) -> Float[Array, " node"]:
    live = pieces.sign[None, :] * (spots[:, None] - pieces.strike[None, :]) > 0
    paid = pieces.cash[None, :] + pieces.shares[None, :] * spots[:, None]
    return jnp.sum(jnp.where(live, paid, 0.0), axis=1)
