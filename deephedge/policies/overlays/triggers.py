"""What an escalation watches: a quantity of the market or of the book, and its limit."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.no_claim import NoClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import bound
from deephedge.policies.base import Account
from deephedge.policies.forecasts.base import AbstractForecast, Watched, saw, watch
from deephedge.policies.forecasts.ewma import EWMA
from deephedge.policies.greeks import instrument_greeks
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.greeks import greeks
from deephedge.pricing.listed import AbstractListed
from deephedge.typing import Array, Bool, Float, PyTree, Scalar


class AbstractTrigger(eqx.Module):
    """A quantity that is looked at on every date before trading; it fires beyond its limit.

    Exactly at the limit it does not fire; a quantity that is not a number does, since nobody then
    knows where the book stands. A limit of infinity never fires otherwise. Like a policy, a
    trigger sees the snapshot of the date, the account and its own memory, never a path.
    """

    limit: eqx.AbstractVar[Scalar]

    @property
    @abstractmethod
    def name(self) -> str:
        """What it measures, for the log."""

    @abstractmethod
    def init(self) -> PyTree:
        """The memory before the first date."""

    @abstractmethod
    def observe(self, now: Snapshot) -> PyTree:
        """What it makes of the snapshot alone."""

    @abstractmethod
    def measure(self, seen: PyTree, account: Account, memory: PyTree) -> tuple[Scalar, PyTree]:
        """The quantity at this date, and the new memory."""

    def fires(self, value: Scalar) -> Bool[Array, ""]:
        """Whether the quantity is beyond the limit."""
        return ~(value <= self.limit)


def _only_listed(market: AbstractMarket | None) -> AbstractListed | None:
    return market if isinstance(market, AbstractListed) else None


class BookGreek(AbstractTrigger):
    r"""The size of a Greek of the short claim and what is held against it, before trading.

    $$\Bigl|\sum_i x_i\,G(P_i) - G(V)\Bigr|$$

    with G a derivative by the price of the claim's asset or by volatility (`greek`, a key of
    `GREEKS`), V the value of the claim by `pricer` and x the holdings of the asset, whose delta
    is 1 and whose other Greeks are 0, and of the instruments that `market` lists, if it lists
    any. In units of the asset for delta.
    """

    claim: AbstractClaim
    pricer: AbstractPricer
    limit: Scalar = eqx.field(converter=bound("limit"))
    greek: str = eqx.field(static=True, default="delta")
    market: AbstractMarket | None = eqx.field(converter=_only_listed, default=None)

    @property
    def name(self) -> str:
        return f"{self.greek} of the book"

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> tuple[Scalar, Float[Array, " asset"]]:
        """The claim's Greek, and that of a unit of each column of the prices."""
        asset = vars(self.claim).get("asset", 0)
        listed = _only_listed(self.market)
        assets = now if listed is None else listed.assets_at(now)
        owed = greeks(self.pricer, self.claim, assets, (self.greek,), asset=asset)[self.greek]
        unit = jnp.zeros_like(assets.prices)
        if self.greek == "delta":
            unit = unit.at[asset].set(1.0)
        if listed is not None:
            columns = instrument_greeks(listed, now, (self.greek,), asset=asset)
            unit = jnp.concatenate([unit, columns[0]])
        return owed, unit

    def measure(
        self, seen: tuple[Scalar, Float[Array, " asset"]], account: Account, memory: None
    ) -> tuple[Scalar, None]:
        owed, unit = seen
        return jnp.abs(jnp.sum(account.holdings * unit) - owed), None

    @classmethod
    def example(cls) -> "BookGreek":
        """A typical member, for tests and documentation."""
        return cls(claim=Call.example(), pricer=BlackScholesFormula.example(), limit=0.1)


class Drawdown(AbstractTrigger):
    r"""How far wealth is below its highest so far, in today's money: $\max_{s \le t} W_s - W_t$.

    With a claim and its pricer, wealth is what is left after buying the claim back at its value,
    $W_t - D_t V_t$; without them it is that of the account, which for a hedger contains the
    premium but not the debt.
    """

    limit: Scalar = eqx.field(converter=bound("limit"))
    claim: AbstractClaim | None = None
    pricer: AbstractPricer | None = None

    @property
    def name(self) -> str:
        return "drawdown"

    def init(self) -> tuple[Bool[Array, ""], Scalar]:
        return jnp.asarray(False), jnp.zeros_like(self.limit)

    def observe(self, now: Snapshot) -> Scalar:
        """What the claim is worth, in today's money."""
        if self.claim is None or self.pricer is None or isinstance(self.claim, NoClaim):
            return jnp.zeros_like(now.discount)
        return now.discount * self.pricer.price(self.claim, now)

    def measure(
        self, seen: Scalar, account: Account, memory: tuple[Bool[Array, ""], Scalar]
    ) -> tuple[Scalar, tuple[Bool[Array, ""], Scalar]]:
        begun, peak = memory
        wealth = account.wealth - seen
        peak = jnp.where(begun, jnp.maximum(peak, wealth), wealth)
        return peak - wealth, (jnp.asarray(True), peak)

    @classmethod
    def example(cls) -> "Drawdown":
        """A typical member, for tests and documentation."""
        return cls(limit=2.0)


class ForecastVol(AbstractTrigger):
    """The volatility a year that a forecast expects after the price of asset `asset` so far."""

    forecast: AbstractForecast
    limit: Scalar = eqx.field(converter=bound("limit"))
    asset: int = eqx.field(static=True, default=0)

    @property
    def name(self) -> str:
        return "forecast vol"

    def init(self) -> Watched:
        return watch(self.forecast)

    def observe(self, now: Snapshot) -> Snapshot:
        return now

    def measure(self, seen: Snapshot, account: Account, memory: Watched) -> tuple[Scalar, Watched]:
        memory = saw(self.forecast, memory, seen, self.asset)
        return self.forecast.vol(memory.memory), memory

    @classmethod
    def example(cls) -> "ForecastVol":
        """A typical member, for tests and documentation."""
        return cls(forecast=EWMA.example(), limit=0.4)


class Jump(AbstractTrigger):
    r"""The last log-return in standard deviations of its forecast, $|r_t|/(\hat\sigma\sqrt\Delta)$.

    $\hat\sigma$ is what the forecast said before the return and $\Delta$ the years the step took;
    0 at the first date.
    """

    forecast: AbstractForecast
    limit: Scalar = eqx.field(converter=bound("limit"))
    asset: int = eqx.field(static=True, default=0)

    @property
    def name(self) -> str:
        return "jump"

    def init(self) -> Watched:
        return watch(self.forecast)

    def observe(self, now: Snapshot) -> Snapshot:
        return now

    def measure(self, seen: Snapshot, account: Account, memory: Watched) -> tuple[Scalar, Watched]:
        after = saw(self.forecast, memory, seen, self.asset)
        known = memory.begun & (after.time > memory.time)
        years = jnp.where(known, after.time - memory.time, 0.0)
        expected = self.forecast.vol(memory.memory) * safe.sqrt(years)
        moved = jnp.where(known, jnp.abs(after.log_price - memory.log_price), 0.0)
        return safe.divide(moved, expected), after

    @classmethod
    def example(cls) -> "Jump":
        """A typical member, for tests and documentation."""
        return cls(forecast=EWMA.example(), limit=4.0)
