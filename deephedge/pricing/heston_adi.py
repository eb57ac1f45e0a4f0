"""Finite differences in Heston's model, for early exercise and barriers too."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.american import AbstractEarlyExercise
from deephedge.claims.barrier import BarrierOption, UpAndOutCall
from deephedge.claims.base import AbstractClaim, AbstractEuropean, Pieces
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.heston import Heston
from deephedge.markets.heston_law import AbstractHeston
from deephedge.numerics import safe
from deephedge.numerics.smooth_interpolation import STENCIL
from deephedge.pricing.barrier import standing
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import european
from deephedge.pricing.closed_form import time_left
from deephedge.pricing.finite_difference import (
    exercise_value,
    grid_counts,
    owed_at_once,
    segments,
    steps_each,
)
from deephedge.pricing.heston_operator import HestonOperator, Plane, heston_operator
from deephedge.pricing.heston_steps import above, free
from deephedge.pricing.obstacle import at_least
from deephedge.pricing.price_grid import PriceGrid, at_maturity, price_grid
from deephedge.pricing.variance_grid import VarianceGrid, variance_grid
from deephedge.typing import Array, Float, Scalar

# The law of the log-price has longer tails than the normal: as many deviations more on either side.
_TAILS = 6.0
# While the variance is near 0 a kink stays sharp: the grid is dense within this many deviations.
_DENSE = 0.3


class HestonADI(AbstractPricer):
    r"""European, early-exercise and single-barrier claims on a grid of prices and variances.

    Heston's equation (`heston_operator`) by modified Craig-Sneyd steps after four of Douglas' with
    $\theta = 1$, which damp the kink of the payoff. A price of one variance is the solution of
    tridiagonal systems, so that derivatives of any order pass by the same systems (or their
    adjoints), and between nodes the values have three continuous derivatives. Without a barrier
    the grid is one of forward prices, as in `FiniteDifference`; with one it ends there.

    Exercise at any time is imposed by the splitting of Ikonen and Toivanen: each step is taken
    with the last step's pressure of exercise, which is then put right, smoothly over two nodes
    (`obstacle`): derivatives to third order are those of the values. On the default
    grid the put of Ikonen and Toivanen (2008) is 1.1e-4 of its price off beside the boundary. A
    barrier is watched continuously; a knock-in is the option less its knock-out. All errors are of
    second order, and the price is extrapolated from two grids, $(4V_h - V_{2h})/3$ (Richardson).

    Args:
        model: its `rate` discounts.
        n_steps: dates, even; where the claim names its exercise dates, divided among them. Ten
            years of a variance that lives near 0 want 200.
        n_prices: nodes of the price grid, a multiple of 4 and 1: a strike is on a node.
        n_variances: nodes of the variance grid; odd.
        extrapolated: without, the price is that of the grid alone.

    Reference: In 't Hout and Foulon (2010), ADI finite difference schemes for option pricing in
    the Heston model with correlation; Ikonen and Toivanen (2009); Haentjens and In 't Hout (2015).
    """

    effort = 3
    model: AbstractHeston
    n_steps: int = eqx.field(static=True, default=80)
    n_prices: int = eqx.field(static=True, default=301)
    n_variances: int = eqx.field(static=True, default=81)
    extrapolated: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        grid_counts(
            self.extrapolated,
            n_steps=self.n_steps,
            n_prices=self.n_prices,
            n_variances=self.n_variances,
        )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        if not self.extrapolated:
            return self._on_grid(claim, now)
        coarse = dataclasses.replace(
            self,
            n_steps=self.n_steps // 2,
            n_prices=self.n_prices // 2 + 1,
            n_variances=self.n_variances // 2 + 1,
            extrapolated=False,
        )
        rough = coarse._on_grid(claim, now)
        value = rough + (self._on_grid(claim, now) - rough) * (4.0 / 3.0)
        if isinstance(claim, AbstractEarlyExercise) and claim.any_time:
            return jnp.maximum(value, claim.intrinsic(now.prices[claim.asset]))
        return value

    def _on_grid(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        """The price without extrapolation."""
        if isinstance(claim, BarrierOption | UpAndOutCall):
            return self._with_barrier(claim, now)
        early = claim if isinstance(claim, AbstractEarlyExercise) else None
        plain = european(claim, "HestonADI") if early is None else early.european()
        live, tau = time_left(claim, now)
        # Double where: at expiry, a life of a year that nobody reads.
        now = eqx.tree_at(lambda n: n.time, now, claim.maturity - tau)
        value = self._without_barrier(plain, early, now, tau)
        return jnp.where(live, value, owed_at_once(plain, now.prices[plain.asset]))

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["HestonADI", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    def _without_barrier(
        self,
        plain: AbstractEuropean,
        early: AbstractEarlyExercise | None,
        now: Snapshot,
        tau: Scalar,
    ) -> Scalar:
        model = self.model
        forward = now.prices[plain.asset] * jnp.exp((model.rate - model.dividend) * tau)
        prices = self._prices(plain.pieces(), forward, now.factors[0], tau)
        variances = variance_grid(model, now.factors[0], tau, self.n_variances)
        nodes = prices.nodes()
        operator = heston_operator(
            model,
            nodes,
            variances.nodes(),
            carry=jnp.zeros_like(tau),
            at_barrier=jnp.zeros_like(nodes),
        )
        start = jnp.broadcast_to(at_maturity(plain.pieces(), nodes), (self.n_variances, nodes.size))
        if early is None:
            end = free(operator, start, tau, self.n_steps)
        else:
            end = self._exercised(early, operator, nodes, start, now)
        value = _interpolated(end, prices, variances, forward, now.factors[0])
        return jnp.exp(-model.rate * tau) * value

    def _prices(self, pieces: Pieces, price: Scalar, variance: Scalar, tau: Scalar) -> PriceGrid:
        model = self.model
        settled = -jnp.expm1(-model.mean_reversion * tau) / model.mean_reversion
        total = model.long_variance * tau + (variance - model.long_variance) * settled
        deviation = safe.sqrt(total)
        cover = jnp.abs((model.rate - model.dividend) * tau) + _TAILS * deviation
        return price_grid(pieces, price, deviation, self.n_prices, cover=cover, width=_DENSE)

    def _exercised(
        self,
        claim: AbstractEarlyExercise,
        operator: HestonOperator,
        nodes: Float[Array, " node"],
        values: Plane,
        now: Snapshot,
    ) -> Plane:
        rate, dividend = self.model.rate, self.model.dividend

        def floor(elapsed: Scalar) -> Plane:
            return exercise_value(claim, nodes, elapsed, rate=rate, dividend=dividend)[None, :]

        if claim.any_time:
            return above(operator, values, claim.tau(now), self.n_steps, floor)
        lengths, live = segments(claim, now, self.n_steps)
        each = steps_each(self.n_steps, lengths.shape[0])

        def segment(values: Plane, inputs: tuple[Scalar, Scalar, Array]) -> tuple[Plane, None]:
            length, elapsed, permitted = inputs
            values = free(operator, values, length, each)
            better = at_least(values, jnp.broadcast_to(floor(elapsed), values.shape))
            return jnp.where(permitted, better, values), None

        return lax.scan(segment, values, (lengths, jnp.cumsum(lengths), live))[0]

    def _with_barrier(self, claim: BarrierOption | UpAndOutCall, now: Snapshot) -> Scalar:
        option, hit, earned = standing(claim, now)
        live, tau = time_left(option, now)
        spot = now.prices[option.asset]
        plain = (Call if option.call else Put)(
            strike=option.strike, maturity=option.maturity, asset=option.asset
        )
        expired = owed_at_once(plain, spot)
        # Past the barrier the grid is not read; a price on the living side keeps it finite.
        living = jnp.where(hit, option.barrier * (0.9 if option.up else 1.1), spot)
        pieces, rebate = plain.pieces(), option.rebate
        if not option.knock_in:
            alive = self._surviving(option, pieces, rebate, living, now, tau)
            return jnp.where(hit, rebate * earned, jnp.where(live, alive, expired))
        now = eqx.tree_at(lambda n: n.time, now, option.maturity - tau)
        vanilla = self._without_barrier(plain, None, now, tau)
        # What the barrier takes: the option less the rebate, and nothing at the barrier.
        less = _with_cash(pieces, -rebate)
        lost = self._surviving(option, less, jnp.zeros_like(rebate), living, now, tau)
        ended = jnp.where(hit, expired, rebate)
        return jnp.where(live, jnp.where(hit, vanilla, vanilla - lost), ended)

    def _surviving(
        self,
        option: BarrierOption,
        pieces: Pieces,
        rebate: Scalar,
        spot: Scalar,
        now: Snapshot,
        tau: Scalar,
    ) -> Scalar:
        """Value of the pieces if the barrier is never reached, of the rebate when it is."""
        model, variance = self.model, now.factors[0]
        prices = self._prices(pieces, spot, variance, tau)
        prices = prices.ending(
            option.barrier, above=option.up, multiple=4 if self.extrapolated else 2
        )
        variances = variance_grid(model, variance, tau, self.n_variances)
        nodes = prices.nodes()
        last = self.n_prices - 1 if option.up else 0
        at_barrier = jnp.zeros_like(nodes).at[last].set(1.0)
        operator = heston_operator(
            model,
            nodes,
            variances.nodes(),
            carry=model.rate - model.dividend,
            at_barrier=at_barrier,
        )
        start = jnp.where(at_barrier > 0, rebate, at_maturity(pieces, nodes))
        start = jnp.broadcast_to(start, (self.n_variances, self.n_prices))
        end = free(operator, start, tau, self.n_steps)
        return jnp.exp(-model.rate * tau) * _interpolated(end, prices, variances, spot, variance)

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "HestonADI | None":
        return cls(model) if isinstance(model, AbstractHeston) and asset == 0 else None

    @classmethod
    def example(cls) -> "HestonADI":
        """A typical member, for tests and documentation."""
        return cls(Heston.example(), n_steps=20, n_prices=61, n_variances=21)


def _interpolated(
    values: Plane, prices: PriceGrid, variances: VarianceGrid, price: Scalar, variance: Scalar
) -> Scalar:
    column, across = prices.weights(price)
    row, along = variances.weights(variance)
    near = lax.dynamic_slice(values, (row, column), (STENCIL, STENCIL))
    return along @ near @ across


def _with_cash(pieces: Pieces, cash: Scalar) -> Pieces:
    """The pieces and an amount of cash at every price."""
    # The half-line above 0.
    everywhere = Pieces(cash[None], 0.0 * cash[None], 0.0 * cash[None], 1.0 + 0.0 * cash[None])
    return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), pieces, everywhere)
