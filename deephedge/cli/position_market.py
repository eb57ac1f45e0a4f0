"""The market of a position: assets whose columns a stream has, and what is listed beside them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from deephedge.cli.build import build, no_names
from deephedge.cli.build_market import build_market, listed_assets
from deephedge.cli.tables import StudyError, Tagged
from deephedge.markets import AbstractMarket, AbstractModel, ConstantFactors
from deephedge.pricing import AbstractListed, Held, listed_market

KEYS = ("market",)


@dataclasses.dataclass(frozen=True)
class Assets:
    """A market without what is listed beside its assets."""

    stated: AbstractMarket
    """As the table says."""
    market: AbstractMarket
    """With the further factors that the stream has."""

    @property
    def n_factors(self) -> int:
        return self.market.start().factors.shape[0]


def open_assets(table: Tagged, factors: list[str] | None) -> Assets:
    """The market of the assets; columns of factors that it does not know stand still in it."""
    if table.type == "Listed" and factors is None:
        raise StudyError(
            ("quotes", "factors"),
            "must be given where contracts are listed: the columns of the factors that their "
            'pricer reads, as `factors = ["vol"]`, or `factors = []`.',
        )
    stated = listed_assets(table, KEYS) if table.type == "Listed" else build_market(table, KEYS)
    more = len(factors or ()) - stated.start().factors.shape[0]
    return Assets(stated, stated if more <= 0 else ConstantFactors(stated, [0.0] * more))


def opened_market(
    table: Tagged, assets: Assets, given: Mapping[str, Any], *, stated: bool
) -> AbstractMarket:
    """The market with its listed contracts, marked by the book's pricer if one was `stated`."""
    if table.type != "Listed":
        return assets.market
    options = {**table.options, "market": assets.market}
    # A model has a formula of its own for each contract.
    wanted = stated or not isinstance(assets.market, AbstractModel)
    pricer = {name: given[name] for name in ("pricer",) if wanted and name in given}
    market = build(listed_market, options, KEYS, given=pricer, named=no_names)
    for instrument in market.instruments:
        if not isinstance(instrument, Held):
            raise StudyError(
                (*KEYS, "instruments"),
                f"must be held to their expiry in a position, got {type(instrument).__name__}: at "
                "a roll two contracts are quoted; list each contract as a `Held` of its own.",
            )
    try:
        market.start()
    except IndexError:
        raise StudyError(
            ("quotes", "factors"), "must name the factor that the contracts' pricer reads."
        ) from None
    return market


def columns_of(
    market: AbstractMarket, prices: list[str], instruments: list[str] | None
) -> list[str]:
    """What the assets and the listed contracts are called; columns must be as many as those."""
    contracts = market.instruments if isinstance(market, AbstractListed) else ()
    n_assets = market.start().prices.shape[0] - len(contracts)
    if len(prices) != n_assets:
        raise StudyError(
            ("quotes", "prices"),
            f"must name a column for each of the {n_assets} assets, got {prices}.",
        )
    if instruments is not None and len(instruments) != len(contracts):
        raise StudyError(
            ("quotes", "instruments"),
            f"must name a column for each of the {len(contracts)} listed contracts, got "
            f"{instruments}.",
        )
    return [*prices, *(instruments or [f"contract {i + 1}" for i in range(len(contracts))])]
