"""A barrier option hedged by options that are struck at the barrier and expire one by one."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier import BarrierOption
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.black_scholes import BlackScholes
from deephedge.policies.classical.barrier_strip import AbstractBarrierStrip, check_strip
from deephedge.policies.classical.listed_options import SAME
from deephedge.pricing.instruments import Held
from deephedge.pricing.listed import AbstractListed, listed_market
from deephedge.typing import Array, Float, Scalar


class CalendarStrip(AbstractBarrierStrip):
    r"""Hedge any single-barrier option with options struck at the barrier, of several expiries.

    With expiries $t_1 < \dots < t_n = T$ of options O struck at the barrier B (calls above, puts
    below: worth nothing at expiry while the barrier is not reached), and V the vanilla option of
    the claim, the units $x_j$ make the whole worth nothing at the barrier at n dates,

    $$V(B, t_i) + \sum_{j > i} x_j\,O_j(B, t_i) = 0, \qquad i = 0, \dots, n - 1, \quad t_0 = 0.$$

    In between, it is nearly so: the error vanishes as n grows. Values are those of the pricers
    that mark the instruments, at the factors at which the market starts: exact at those dates in
    models without factors.

    Args:
        claim: what was sold; no rebate.
        market: that lists the option of the claim's strike, and those struck at the barrier.
        ladder: the places of the latter among the instruments, in the order of their expiries.

    Reference: Derman, Ergener and Kani (1995), Static options replication.
    """

    claim: BarrierOption
    market: AbstractListed
    ladder: tuple[int, ...] = eqx.field(static=True, converter=tuple)

    def __check_init__(self):
        check_strip(self.claim, self.market)
        rungs = self._rungs()
        if isinstance(self.claim.barrier, Tracer):
            return
        barrier, last = float(self.claim.barrier), float(self.claim.maturity)
        if not all(np.isclose(float(x.strike), barrier, rtol=SAME) for x in rungs):
            raise ValueError(
                f"`ladder` must name options struck at the barrier {barrier:g}, got strikes "
                f"{[float(x.strike) for x in rungs]}."
            )
        expiries = np.asarray([float(x.maturity) for x in rungs])
        if np.any(np.diff(expiries) <= SAME * last) or abs(expiries[-1] - last) > SAME * last:
            raise ValueError(
                f"`ladder` must name options of rising expiries, the last at {last:g}, got "
                f"{expiries.tolist()}."
            )

    def _rungs(self) -> list[Call | Put]:
        kind = Call if self.claim.up else Put
        listed = self.market.instruments
        known = [i for i in self.ladder if i in range(len(listed))]
        held = [listed[i] for i in known]
        rungs = [x.claim for x in held if isinstance(x, Held) and isinstance(x.claim, kind)]
        if not rungs or len(rungs) < len(self.ladder):
            raise ValueError(
                f"`ladder` must name {kind.__name__}s among the {len(listed)} instruments, got "
                f"{list(self.ladder)}."
            )
        return rungs

    def offset(self) -> Float[Array, " instrument"]:
        rungs = self._rungs()
        dates = jnp.stack([jnp.zeros_like(self.claim.maturity), *[x.maturity for x in rungs[:-1]]])
        pricers = self.market.pricers()
        start = self.market.market.start()
        prices = start.prices.at[self.claim.asset].set(self.claim.barrier)
        vanilla = (Call if self.claim.call else Put)(
            strike=self.claim.strike, maturity=self.claim.maturity, asset=self.claim.asset
        )

        def worth(date: Scalar) -> tuple[Float[Array, " rung"], Scalar]:
            """Of each rung and of the vanilla option, at the barrier; an expired rung's is 0."""
            now = dataclasses.replace(start, time=date, prices=prices)
            values = [
                jnp.where(rung.maturity > date, pricers[place].price(rung, now), 0.0)
                for place, rung in zip(self.ladder, rungs, strict=True)
            ]
            return jnp.stack(values), pricers[self.ladder[0]].price(vanilla, now)

        matrix, target = jax.lax.map(worth, dates)
        units = jax.scipy.linalg.solve_triangular(matrix, -target)
        none = jnp.zeros(len(self.market.instruments), units.dtype)
        return none.at[jnp.asarray(self.ladder)].set(units)

    @classmethod
    def example(cls) -> "CalendarStrip":
        """A typical member, for tests and documentation."""
        claim = BarrierOption(100.0, 110.0, 0.25, call=True, up=True, knock_in=False)
        rungs = [Call(strike=110.0, maturity=t) for t in (0.125, 0.25)]
        options = (Call(strike=100.0, maturity=0.25), *rungs)
        return cls(claim, listed_market(BlackScholes(spot=100.0, vol=0.2), options), (1, 2))
