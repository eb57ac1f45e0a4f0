"""Every call of a local volatility model at once, by Dupire's forward equation."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.calibration.methods import AbstractMethod, Grid, Rectangle
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket
from deephedge.markets.local_volatility import LocalVolatility
from deephedge.numerics import natural_cubic
from deephedge.pricing.diffusion import advance, backward_steps, diffusion
from deephedge.pricing.price_grid import price_grid
from deephedge.typing import Array, Float, Scalar


class ByForwardEquation(AbstractMethod):
    r"""One solution from today onwards, in place of one backwards for each strike and maturity.

    With $c(m, T)$ the undiscounted call in units of the forward at $m = K/F_T$,

    $$\partial_T c = \tfrac12\sigma^2(\log m, T)\, m^2\,\partial_{mm} c, \quad
    c(m, 0) = (1 - m)^+,$$

    by Crank-Nicolson after four steps of implicit Euler, on prices that crowd at the forward;
    sigma is taken at the middle of a step. Derivatives by the model pass through each solve.

    Args:
        n_steps: from one maturity to the next, of each.
        n_prices: nodes of the grid; odd, so that one lies at the kink.

    Reference: Dupire (1994); Andersen and Brotherton-Ratcliffe (1998).
    """

    n_steps: int = eqx.field(static=True, default=60)
    n_prices: int = eqx.field(static=True, default=401)

    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        if not isinstance(model, LocalVolatility):
            raise TypeError(
                f"ByForwardEquation needs a LocalVolatility, got {type(model).__name__}; "
                "use `BySimulation(key=...)`."
            )
        nodes, values = self._solve(model, grid)

        def at(values: Float[Array, " node"], moneyness: Scalar) -> Scalar:
            return nodes.interpolate(values, moneyness)

        return jax.vmap(jax.vmap(at, in_axes=(None, 0)))(values, grid.moneyness)

    def _solve(self, model: LocalVolatility, grid: Grid):
        """The grid of moneyness, and the calls on it at each maturity."""
        edges = jnp.concatenate([jnp.zeros_like(grid.maturity[:1]), grid.maturity])
        lengths = jnp.diff(edges)
        dt, implicit = jax.vmap(lambda length: backward_steps(length, self.n_steps))(lengths)
        dates = edges[:-1, None] + jnp.cumsum(dt, axis=1) - 0.5 * dt
        rows, bends = model.slices(dates.ravel())
        one = jnp.ones((), grid.maturity.dtype)
        deviation = jnp.max(lax.stop_gradient(model.vols)) * jnp.sqrt(grid.maturity[-1])
        prices = price_grid(Call(strike=one, maturity=one).pieces(), one, deviation, self.n_prices)
        nodes = prices.nodes()
        below, above = diffusion(nodes, one)

        def step(values: Float[Array, " node"], inputs: tuple[Array, ...]):
            dt, implicit, row, bend = inputs
            at = jax.vmap(natural_cubic.evaluate, in_axes=(None, None, None, 0))
            variance = jnp.exp(2.0 * at(model.log_moneyness, row, bend, jnp.log(nodes)))
            values = advance((variance * below, variance * above), values, dt, implicit)
            return values, values

        inputs = (dt.ravel(), implicit.ravel(), rows, bends)
        _, history = lax.scan(step, jnp.maximum(1.0 - nodes, 0.0), inputs)
        return prices, history[dt.shape[1] - 1 :: dt.shape[1]]
