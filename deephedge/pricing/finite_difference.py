"""Finite differences in Black and Scholes' model, for early exercise too."""

import dataclasses
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.american import AbstractEarlyExercise
from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, real
from deephedge.pricing.base import AbstractBlackScholesPricer
from deephedge.pricing.black_scholes import european
from deephedge.pricing.closed_form import constant_vol
from deephedge.pricing.diffusion import (
    advance,
    backward_steps,
    critical_node,
    diffusion,
)
from deephedge.pricing.obstacle import REACH, SHARP, advance_between, at_least
from deephedge.pricing.price_grid import PriceGrid, at_maturity, price_grid
from deephedge.typing import Array, Float, Scalar

Nodes = Float[Array, " node"]
EarlyExercise = TypeVar("EarlyExercise", bound=AbstractEarlyExercise)


class FiniteDifference(AbstractBlackScholesPricer):
    r"""European claims, and claims with early exercise, on a grid of prices and dates.

    In the forward price $F = S e^{(r-q)\tau}$ and undiscounted, $U = e^{r\tau} V$, rate and
    dividend drop out of the equation; they remain in the exercise value $g$ alone:
    $$U_\tau = \tfrac12\sigma^2 F^2 U_{FF}, \qquad U \ge e^{r\tau} g(F e^{-(r-q)\tau})$$

    Crank-Nicolson in time after four steps of implicit Euler (Rannacher), central differences on
    prices that crowd at the strike. Exercise is smooth over two nodes (`obstacle`), and all
    derivatives to third order are those of the values. All errors are of second order, and the
    price is extrapolated from two grids, $(4V_h - V_{2h})/3$ (Richardson).

    Within about four nodes of the boundary of exercise, where gamma jumps, third derivatives are
    those of a smooth curve through the jump.

    Args:
        n_steps: dates, even; where the claim names its exercise dates, divided among them.
        n_prices: nodes of the price grid, a multiple of 4 and 1: a single strike is on a node.
        extrapolated: without, the price is that of the grid alone.

    Reference: Rannacher (1984); Forsyth and Vetzal (2002); Giles and Carter (2006), for the Greeks.
    """

    effort = 3
    vol: Scalar = eqx.field(converter=non_negative("vol"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    n_steps: int = eqx.field(static=True, default=240)
    n_prices: int = eqx.field(static=True, default=481)
    extrapolated: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        grid_counts(self.extrapolated, n_steps=self.n_steps, n_prices=self.n_prices)

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        value = self._on_grid(claim, now)
        if self.extrapolated:
            coarse = dataclasses.replace(
                self, n_steps=self.n_steps // 2, n_prices=self.n_prices // 2 + 1, extrapolated=False
            )
            rough = coarse._on_grid(claim, now)
            value = rough + (value - rough) * (4.0 / 3.0)
        if isinstance(claim, AbstractEarlyExercise) and claim.any_time:
            value = jnp.maximum(value, claim.intrinsic(now.prices[claim.asset]))
        return value

    def _on_grid(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        """The price without extrapolation."""
        early = isinstance(claim, AbstractEarlyExercise)
        plain = claim.european() if early else european(claim, "FiniteDifference")
        live, spot = claim.tau(now) > 0, now.prices[plain.asset]
        # Double where: at expiry, a life of a year that nobody reads.
        now = eqx.tree_at(lambda n: n.time, now, jnp.where(live, now.time, claim.maturity - 1.0))
        tau = claim.tau(now)
        forward = spot * jnp.exp((self.rate - self.dividend) * tau)
        grid = self._grid(plain, spot, tau)
        values = at_maturity(plain.pieces(), grid.nodes())
        if early:
            _, history = self._with_exercise(claim, now, grid, values)
            values = history[-1]
        else:
            values = self._without_exercise(grid, values, tau)
        value = jnp.exp(-self.rate * tau) * grid.interpolate(values, forward)
        return jnp.where(live, value, owed_at_once(plain, spot))

    def exercised(self, claim: EarlyExercise, n_dates: int = 101) -> EarlyExercise:
        """The claim with the boundary of optimal exercise, so that it can pay along a path.

        Where it is never right to exercise, the boundary is out of reach. For rates under which
        one boundary is enough (a put's positive, a call's with a positive dividend).

        Args:
            claim: whose holder exercises as is best for him in this model.
            n_dates: at how many equal dates the boundary is stated, if the claim names none.
        """
        plain, zero = claim.european(), jnp.zeros_like(claim.strike)
        spot = claim.strike[None]
        now = Snapshot(zero, spot, spot[:0], jnp.ones_like(zero), jnp.ones_like(spot), spot[:0])
        grid = self._grid(plain, claim.strike, claim.maturity)
        values = at_maturity(plain.pieces(), grid.nodes())
        elapsed, history = self._with_exercise(claim, now, grid, values, SHARP)
        floors = jax.vmap(lambda tau: self._exercise_value(claim, grid.nodes(), tau))(elapsed)
        forwards = jax.vmap(critical_node, in_axes=(None, 0, 0, None))(
            grid.nodes(), history - floors, floors, plain.pieces().sign[0]
        )
        prices = forwards * jnp.exp(-(self.rate - self.dividend) * elapsed)
        return dataclasses.replace(
            claim, boundary=claim.stated(elapsed[::-1], prices[::-1], n_dates)
        )

    def vol_at(self, now: Snapshot) -> Scalar:
        return self.vol

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["FiniteDifference", Snapshot]:
        return dataclasses.replace(self, vol=self.vol + vol, rate=self.rate + rate), now

    def _grid(self, plain: AbstractEuropean, spot: Scalar, tau: Scalar) -> PriceGrid:
        drift = (self.rate - self.dividend) * tau
        deviation = self.vol * safe.sqrt(tau)
        forward = spot * jnp.exp(drift)
        return price_grid(plain.pieces(), forward, deviation, self.n_prices, cover=jnp.abs(drift))

    def _exercise_value(self, claim: AbstractEarlyExercise, nodes: Nodes, tau: Scalar) -> Nodes:
        return exercise_value(claim, nodes, tau, rate=self.rate, dividend=self.dividend)

    def _without_exercise(self, grid: PriceGrid, values: Nodes, tau: Scalar) -> Nodes:
        matrix = diffusion(grid.nodes(), self.vol)

        def step(values: Nodes, inputs: tuple[Scalar, Scalar]) -> tuple[Nodes, None]:
            return advance(matrix, values, *inputs), None

        return lax.scan(step, values, backward_steps(tau, self.n_steps))[0]

    def _with_exercise(
        self,
        claim: AbstractEarlyExercise,
        now: Snapshot,
        grid: PriceGrid,
        values: Nodes,
        reach: float = REACH,
    ) -> tuple[Float[Array, " step"], Float[Array, "step node"]]:
        """Years left after each step from maturity back, and the values there."""
        nodes = grid.nodes()
        matrix, never = diffusion(nodes, self.vol), jnp.full_like(nodes, jnp.inf)

        def bounds(tau: Scalar) -> tuple[Nodes, Nodes]:
            return self._exercise_value(claim, nodes, tau), never

        def step(values: Nodes, inputs: tuple[Scalar, ...]) -> tuple[Nodes, Nodes]:
            dt, implicit, elapsed, permitted = inputs
            if claim.any_time:
                now, before = bounds(elapsed), bounds(elapsed - dt)
                values = advance_between(matrix, values, dt, implicit, now, before, reach=reach)
            else:
                values = advance(matrix, values, dt, implicit)
                better = at_least(values, bounds(elapsed)[0])
                values = jnp.where(permitted > 0, better, values)
            return values, values

        if claim.any_time:
            dt, implicit = backward_steps(claim.tau(now), self.n_steps)
            permitted = jnp.ones_like(dt)
        else:
            dt, implicit, permitted = _between(claim, now, self.n_steps)
        elapsed = jnp.cumsum(dt)
        return elapsed, lax.scan(step, values, (dt, implicit, elapsed, permitted))[1]

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "FiniteDifference | None":
        terms = constant_vol(model, asset)
        if terms is None:
            return None
        return cls(vol=terms["vol"], rate=terms["rate"], dividend=terms["dividend"])

    @classmethod
    def example(cls) -> "FiniteDifference":
        """A typical member, for tests and documentation."""
        return cls(vol=0.2, rate=0.02, dividend=0.01, n_steps=50, n_prices=101)


def grid_counts(extrapolated: bool, **counts: int) -> None:
    """Refuse numbers of steps (`n_steps`) or nodes of which a coarser grid has not every other.

    The strike, in the middle of the prices, is to be a node of both.
    """
    fine = 2 if extrapolated else 1
    for name, count in counts.items():
        ends = 0 if name == "n_steps" else 1
        least = (4 if name == "n_steps" else 8) * fine + ends
        multiple = 2 * fine if name == "n_prices" else fine
        if count < least or (count - ends) % multiple:
            better = max(least, multiple * -(-(count - ends) // multiple) + ends)
            raise ValueError(
                f"`{name}` must be a multiple of {multiple}{' plus 1' * ends} and at least "
                f"{least}, got {count}; pass `{name}={better}`."
            )


def segments(
    claim: AbstractEarlyExercise, now: Snapshot, n_steps: int
) -> tuple[Float[Array, " segment"], Array]:
    """Years between the exercise dates, from maturity back; whether each ends on a live one."""
    times, permitted = claim.dates(now, n_steps)
    lengths = jnp.diff(jnp.concatenate([now.time[None], times]))[::-1]
    before = jnp.concatenate([jnp.zeros_like(permitted[:1]), permitted[:-1]])[::-1]
    return lengths, before


def steps_each(n_steps: int, n_segments: int) -> int:
    """How many steps a segment takes of `n_steps` in all, four at least."""
    return max(4, -(-n_steps // n_segments))


def exercise_value(
    claim: AbstractEarlyExercise, forwards: Nodes, tau: Scalar, *, rate: Scalar, dividend: Scalar
) -> Nodes:
    """What exercise pays with `tau` left at these forward prices, in cash of maturity."""
    return jnp.exp(rate * tau) * claim.intrinsic(forwards * jnp.exp(-(rate - dividend) * tau))


def _between(
    claim: AbstractEarlyExercise, now: Snapshot, n_steps: int
) -> tuple[Float[Array, " step"], Float[Array, " step"], Float[Array, " step"]]:
    """Steps back from one exercise date to the one before; where they end on a date, a 1."""
    lengths, before = segments(claim, now, n_steps)
    each = steps_each(n_steps, lengths.shape[0])
    dt, implicit = jax.vmap(lambda length: backward_steps(length, each))(lengths)
    ends = jnp.zeros_like(dt).at[:, -1].set(before.astype(dt.dtype))
    return dt.reshape(-1), implicit.reshape(-1), ends.reshape(-1)


def owed_at_once(plain: AbstractEuropean, price: Scalar) -> Scalar:
    """The payoff at a final price."""
    pieces = plain.pieces()
    live = pieces.sign * (price - pieces.strike) > 0
    return jnp.sum(jnp.where(live, pieces.cash + pieces.shares * price, 0.0))
