"""A market with more columns: options, futures and swaps, marked to market along every path."""

import dataclasses
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import AbstractMarket, AbstractModel, Contracts, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.historical import Historical
from deephedge.numerics.checks import one_or_more
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import QuotedBlackScholes
from deephedge.pricing.contracts import beside, contracts_of
from deephedge.pricing.default import pricer_for
from deephedge.pricing.instruments import AbstractInstrument, Column, Held, Since
from deephedge.pricing.rolled import Rolled
from deephedge.typing import Array, Float, Scalar

_checked = one_or_more(
    "instruments",
    AbstractInstrument,
    what="claims or instruments",
    example="Held(claim), Rolled(1.0, tenor=0.25, every=0.1)",
)


def _instruments(value: object) -> tuple[AbstractInstrument, ...]:
    several = value if isinstance(value, tuple | list) else (value,)
    return _checked(tuple(Held(x) if isinstance(x, AbstractClaim) else x for x in several))


class AbstractListed(AbstractMarket):
    """A market that lists instruments beside its assets.

    The prices are those of the assets, then of the instruments in their order; the factors those
    of the market, then of each instrument.
    """

    market: eqx.AbstractVar[AbstractMarket]
    instruments: eqx.AbstractVar[tuple[AbstractInstrument, ...]]
    pricer: eqx.AbstractVar[AbstractPricer | None]
    since: eqx.AbstractVar[Snapshot | None]
    """The date from which paths go on; `None` where the instruments are new."""

    def __check_init__(self):
        self.pricers()  # refuses an instrument whose claim no formula of the model knows

    @property
    def normals_per_step(self) -> int:
        return self.market.normals_per_step

    def start(self) -> Snapshot:
        if self.since is not None:
            return self.since
        return _first_marks(self)

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        return self.extend(self.market.path(times, normals))

    def extend(self, path: Path) -> Path:
        """The path of the assets, as of a recorded window, with the instruments' columns."""
        columns = self._columns(path)

        def joined(assets: Array, own: list[Array]) -> Array:
            return jnp.concatenate([assets, *own], axis=1)

        return dataclasses.replace(
            path,
            prices=joined(path.prices, [c.prices[:, None] for c in columns]),
            accrual=joined(path.accrual, [c.accrual[:, None] for c in columns]),
            factors=joined(path.factors, [c.factors for c in columns]),
        )

    def contracts(self, path: Path) -> Contracts:
        """A held claim is cash from its expiry on; a rolled one is replaced at its rolls."""
        start = self.market.start()
        n_assets, n_factors = start.prices.shape[0], start.factors.shape[0]
        assets = dataclasses.replace(
            path,
            prices=path.prices[:, :n_assets],
            accrual=path.accrual[:, :n_assets],
            factors=path.factors[:, :n_factors],
        )
        own = contracts_of(self.instruments, self._own_factors(path.factors), path)
        return beside(self.market.contracts(assets), own, n_assets)

    def pricers(self) -> tuple[AbstractPricer, ...]:
        """The pricer that marks each instrument: the one given, or the model's own."""
        if self.pricer is not None:
            return (self.pricer,) * len(self.instruments)
        return tuple(pricer_for(self.market, x.kind) for x in self.instruments)

    def assets_at(self, now: Snapshot) -> Snapshot:
        """What the market without instruments knows."""
        start = self.market.start()
        n_assets, n_factors = start.prices.shape[0], start.factors.shape[0]
        return dataclasses.replace(
            now,
            prices=now.prices[:n_assets],
            accrual=now.accrual[:n_assets],
            factors=now.factors[:n_factors],
        )

    def own_factors(self, now: Snapshot) -> list[Float[Array, " factor"]]:
        """The factors of each instrument."""
        return self._own_factors(now.factors)

    def _own_factors(self, factors: Float[Array, "*time factor"]) -> list[Array]:
        start = _one_date(self.market.start())
        widths = [start.factors.shape[1], *(x.n_factors(start) for x in self.instruments)]
        return jnp.split(factors, np.cumsum(widths)[:-1].tolist(), axis=-1)[1:]

    def worth(
        self, units: Float[Array, " instrument"], assets: Snapshot, since: Snapshot
    ) -> Scalar:
        """Value of so many of the contracts of `since`, at the prices and factors of `assets`.

        A contract that had expired by `since` is cash, and left out. Greeks are slopes of this.
        """
        rows = zip(self.instruments, self.pricers(), self.own_factors(since), strict=True)
        values = [
            jnp.where(x.is_live(since, own), x.value(pricer, assets, own), 0.0)
            for x, pricer, own in rows
        ]
        return jnp.sum(units * jnp.stack(values))

    def _columns(self, path: Path) -> list[Column]:
        since: list[Since | None] = [None for _ in self.instruments]
        if self.since is not None:
            first = path.prices.shape[1]
            since = [
                Since(self.since.prices[first + i], self.since.accrual[first + i], own)
                for i, own in enumerate(self.own_factors(self.since))
            ]
        each = zip(self.instruments, self.pricers(), since, strict=True)
        return [x.mark(pricer, path, before) for x, pricer, before in each]


@eqx.filter_jit
def _first_marks(market: AbstractListed) -> Snapshot:
    """The start with the instruments' columns: one program, not hundreds of small ones."""
    return market.extend(_one_date(market.market.start())).at(0)


class Listed(AbstractListed):
    """Any market with instruments beside its assets; see `Held`, `Rolled`, `RolledFuture`.

    Args:
        market: of the assets.
        instruments: a claim among them is held to its expiry.
        pricer: that marks them; in a model each has the model's own unless given
            (`pricer_for`). In a recorded market with quoted volatilities, `QuotedBlackScholes`.
    """

    market: AbstractMarket
    instruments: tuple[AbstractInstrument, ...] = eqx.field(converter=_instruments)
    pricer: AbstractPricer | None = None
    since: None = None

    @classmethod
    def example(cls) -> "Listed":
        """A typical member, for tests and documentation."""
        option = Rolled(moneyness=1.0, tenor=0.25, every=0.05)
        return cls(Historical.example(), (option,), QuotedBlackScholes())


class ListedModel(AbstractListed, AbstractModel):
    """A model with instruments beside its assets: it can start again from any date.

    `since` is the date from which it goes on, with the contracts that were listed then. See
    `Listed`.
    """

    market: AbstractModel
    instruments: tuple[AbstractInstrument, ...] = eqx.field(converter=_instruments)
    pricer: AbstractPricer | None = None
    since: Snapshot | None = None

    def at(self, now: Snapshot) -> "ListedModel":
        market = self.market.at(self.assets_at(now))
        return dataclasses.replace(self, market=market, since=now)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["ListedModel", Snapshot]:
        """The instruments' prices are not shifted: they are columns of `now`."""
        assets = self.assets_at(now)
        market, moved = self.market.shifted(assets, vol=vol, rate=rate)
        n = assets.factors.shape[0]
        factors = jnp.concatenate([moved.factors, now.factors[n:]])
        return (
            dataclasses.replace(self, market=market),
            dataclasses.replace(now, factors=factors),
        )

    @classmethod
    def example(cls) -> "ListedModel":
        """A typical member, for tests and documentation."""
        options = (Held(Call(strike=105.0, maturity=0.5)), Held(Put(strike=95.0, maturity=1.0)))
        return cls(BlackScholes.example(), options)


def listed_market(
    market: AbstractMarket,
    instruments: Sequence[AbstractInstrument | AbstractClaim],
    pricer: AbstractPricer | None = None,
) -> Listed | ListedModel:
    """`ListedModel` of a model, `Listed` of any other market."""
    made = _instruments(instruments)
    if isinstance(market, AbstractModel):
        return ListedModel(market, made, pricer)
    return Listed(market, made, pricer)


def _one_date(now: Snapshot) -> Path:
    return Path(**{name: value[None] for name, value in vars(now).items()})
