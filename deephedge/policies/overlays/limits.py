"""Limits on what a policy may hold."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, per_asset, positive
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.policies.classical.delta import DeltaHedge
from deephedge.typing import Array, Bool, Float, PyTree, Scalar


class PositionLimit(AbstractPolicy):
    r"""The wrapped policy's holdings, cut to $\pm$ `limit` units of each asset."""

    policy: AbstractPolicy
    limit: Float[Array, " asset"] = eqx.field(converter=per_asset(non_negative("limit")))

    def init(self) -> PyTree:
        return self.policy.init()

    def observe(self, now: Snapshot) -> PyTree:
        return self.policy.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        wanted, memory = self.policy.act(seen, account, memory)
        limit = jnp.broadcast_to(self.limit, wanted.shape)
        return jnp.clip(wanted, min=-limit, max=limit), memory

    @classmethod
    def example(cls) -> "PositionLimit":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), limit=0.5)


class LeverageLimit(AbstractPolicy):
    r"""The wrapped policy's holdings, scaled down to $\sum_j |h_j| S_j \le \ell\,W^+$.

    $\ell$ is `limit` and W the wealth of the account, in cash of the date. For a hedger of a
    claim that wealth contains the premium but not the debt.
    """

    policy: AbstractPolicy
    limit: Scalar = eqx.field(converter=non_negative("limit"))

    def init(self) -> PyTree:
        return self.policy.init()

    def observe(self, now: Snapshot) -> tuple[Float[Array, " asset"], PyTree]:
        return now.discount * now.prices, self.policy.observe(now)

    def act(
        self, seen: tuple[Float[Array, " asset"], PyTree], account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        prices, inner = seen
        wanted, memory = self.policy.act(inner, account, memory)
        gross = jnp.sum(jnp.abs(wanted) * prices)
        room = self.limit * jnp.maximum(account.wealth, 0.0)
        share = jnp.where(gross > room, safe.divide(room, gross), 1.0)
        return share * wanted, memory

    @classmethod
    def example(cls) -> "LeverageLimit":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), limit=0.5)


class LossLimit(AbstractPolicy):
    r"""Holds nothing, for good, once wealth has fallen by more than `loss`.

    The fall is measured from the wealth at the first date or, with `from_peak`, from the highest
    wealth so far (a drawdown); all in today's money. Wealth is that of the account: for a hedger
    of a claim it contains the premium but not the debt, so that the limit is one for portfolios.
    It is looked at on the dates of the problem: a jump between two of them goes through.
    """

    policy: AbstractPolicy
    loss: Scalar = eqx.field(converter=positive("loss"))
    from_peak: bool = eqx.field(static=True, default=False)

    def init(self) -> tuple[Bool[Array, ""], Bool[Array, ""], Scalar, PyTree]:
        none = jnp.zeros_like(self.loss)
        return jnp.asarray(False), jnp.asarray(False), none, self.policy.init()

    def observe(self, now: Snapshot) -> PyTree:
        return self.policy.observe(now)

    def act(
        self, seen: PyTree, account: Account, memory: PyTree
    ) -> tuple[Float[Array, " asset"], PyTree]:
        begun, stopped, mark, inner = memory
        higher = jnp.maximum(mark, account.wealth) if self.from_peak else mark
        mark = jnp.where(begun, higher, account.wealth)
        stopped = stopped | (account.wealth < mark - self.loss)
        wanted, inner = self.policy.act(seen, account, inner)
        held = jnp.where(stopped, jnp.zeros_like(wanted), wanted)
        return held, (jnp.asarray(True), stopped, mark, inner)

    @classmethod
    def example(cls) -> "LossLimit":
        """A typical member, for tests and documentation."""
        return cls(DeltaHedge.example(), loss=2.0)
