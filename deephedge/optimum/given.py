"""The trades of a given hedge on the grids of dynamic programming."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.optimum.charges import Charges
from deephedge.optimum.curve import Curve
from deephedge.optimum.trade import Decision
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Float, Scalar


class Given(eqx.Module):
    """A hedge without memory of a problem with one asset, and the problem's first snapshot."""

    policy: AbstractPolicy
    start: Snapshot

    def trade(
        self,
        after: Curve,
        price: Float[Array, "state price"],
        variances: Float[Array, " state"],
        time: Scalar,
        discount: Scalar,
        charges: Charges,
    ) -> tuple[Curve, Decision]:
        r"""Risk before the trade, $c(f(h) - h) + W(f(h))$, from the risk W after it; and f.

        f(h) is what is held after the trade by a hedger who comes with h. The risk is no number
        where f asks for holdings beyond the nodes, or for a wealth, which is no state.
        """

        def decided(price: Scalar, variance: Scalar) -> Array:
            # A market without factors goes on without them.
            factors = jnp.broadcast_to(variance, self.start.factors.shape)
            now = dataclasses.replace(
                self.start, time=time, prices=price[None], factors=factors, discount=discount
            )
            seen, memory, wealth = self.policy.observe(now), self.policy.init(), price * jnp.nan

            def held(before: Scalar) -> Scalar:
                return self.policy.act(seen, Account(before[None], wealth), memory)[0][0]

            return jnp.stack(jax.vmap(lambda h: jax.jvp(held, (h,), (jnp.ones_like(h),)))(nodes))

        nodes = after.nodes
        columns = jax.vmap(jax.vmap(decided, (0, None)), (0, 0))(price, variances)
        goal, moves = columns[:, :, 0], columns[:, :, 1]
        linear = (discount * charges.linear(price))[..., None]
        bend = (discount * charges.quadratic * price)[..., None]

        def risk(held: Array, goal: Array) -> Array:
            trade = goal - held
            fee = jnp.where(trade == 0, 0.0, discount * charges.fee)
            return after.at(goal) + linear * jnp.abs(trade) + bend * trade**2 + fee

        row = jnp.broadcast_to(after.row, goal.shape)
        value, slope = jax.jvp(risk, (row, goal), (jnp.ones_like(row), moves))
        inside = (goal >= nodes[0]) & (goal <= nodes[-1])
        # Of a band, what is held who comes with least and most are its edges.
        edges = (goal[..., 0], goal[..., -1])
        return Curve(nodes, jnp.where(inside, value, jnp.nan), slope), Decision(
            *edges, *edges, target=goal
        )
