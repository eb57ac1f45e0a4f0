"""Every call of a local volatility model at once, by Dupire's forward equation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
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

    Nodes that no quote sees, at short dates and far strikes, have no least-squares value of their
    own. With $\bar\sigma_j$ the line through the two neighbours of the node j along one axis,
    the fit therefore also minimises Tikhonov's penalty

    $$\lambda \, \sum_i (w_i \nu_i)^2 \, \frac1n \sum_j 4 (\sigma_j - \bar\sigma_j)^2$$

    over the n pairs of node and axis, second differences along each strike and each date. The
    factor, of the weights and Black vegas of the quotes, makes $\lambda$ free of units, the same
    for every kind of weight: a root mean square second difference of one volatility point costs as
    much as errors of $\sqrt\lambda$ points in every quote. Surfaces linear in log-moneyness and
    in time cost nothing. On the SPY chain of 15 July 2022, 28 nodes then converge, to a root mean
    square error of 0.160 volatility points with 20 % of the quotes between bid and ask; without
    the penalty they have not in 60 steps, at 0.137 points and 24 %, with 480 % in a far corner.

    Args:
        n_steps: from one maturity to the next, of each.
        n_prices: nodes of the grid; odd, so that one lies at the kink.
        smoothness: $\lambda$; 0 for none, and then the far corners need not converge.

    Reference: Dupire (1994); Andersen and Brotherton-Ratcliffe (1998); Crépey (2003), Calibration
    of the local volatility in a generalized Black-Scholes model using Tikhonov regularization.
    """

    n_steps: int = eqx.field(static=True, default=60)
    n_prices: int = eqx.field(static=True, default=401)
    smoothness: float = eqx.field(static=True, default=1e-4)

    def __check_init__(self):
        if not self.smoothness >= 0:
            raise ValueError(f"`smoothness` must be zero or positive, got {self.smoothness}.")

    def calls(self, model: AbstractMarket, grid: Grid) -> Rectangle:
        nodes, values = self._solve(_local(model), grid)

        def at(values: Float[Array, " node"], moneyness: Scalar) -> Scalar:
            return nodes.interpolate(values, moneyness)

        return jax.vmap(jax.vmap(at, in_axes=(None, 0)))(values, grid.moneyness)

    def roughness(self, model: AbstractMarket) -> Float[Array, " term"]:
        model = _local(model)
        if self.smoothness == 0:
            return jnp.zeros(0, model.vols.dtype)
        along = second_differences(model.log_moneyness, model.vols.T).ravel()
        onwards = second_differences(model.maturities, model.vols).ravel()
        terms = jnp.concatenate([along, onwards])
        return np.sqrt(self.smoothness / terms.size).item() * terms

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


def _local(model: AbstractMarket) -> LocalVolatility:
    if not isinstance(model, LocalVolatility):
        raise TypeError(
            f"ByForwardEquation needs a LocalVolatility, got {type(model).__name__}; "
            "use `BySimulation(key=...)`."
        )
    return model


def second_differences(
    nodes: Float[Array, " node"], values: Float[Array, "node line"]
) -> Float[Array, "inner line"]:
    r"""Twice the way from a node to the line through its neighbours, for uneven nodes too.

    $v_{j-1} - 2v_j + v_{j+1}$ where nodes are even.
    """
    share = ((nodes[1:-1] - nodes[:-2]) / (nodes[2:] - nodes[:-2]))[:, None]
    return 2.0 * ((1.0 - share) * values[:-2] + share * values[2:] - values[1:-1])
