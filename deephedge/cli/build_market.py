"""The market of a study: a model, a record, a file, or one that lists contracts too."""

from collections.abc import Callable

from deephedge.backtest import recorded_market
from deephedge.cli.build import build, member, no_names
from deephedge.cli.tables import StudyError, Tagged, tagged
from deephedge.markets import AbstractMarket, Historical, load_market
from deephedge.pricing import QuotedBlackScholes, listed_market


def build_market(table: Tagged, keys: tuple[str, ...]) -> AbstractMarket:
    """The market of a table."""
    options, given = dict(table.options), {}
    if table.type == "Listed" and isinstance(options.get("market"), dict):
        # Its assets may come from a record or a file too, and are marked by what fits them.
        options["market"] = listed_assets(table, keys)
        if isinstance(options["market"], Historical):
            given["pricer"] = QuotedBlackScholes(rate=options["market"].rate)
    return build(market_maker(table), options, keys, given=given, named=no_names)


def listed_assets(table: Tagged, keys: tuple[str, ...]) -> AbstractMarket:
    """The market of the assets beside which a `Listed` table lists instruments."""
    keys = (*keys, "market")
    if "market" not in table.options:
        raise StudyError(keys, "must be given.")
    try:
        assets = tagged(table.options["market"])
    except (TypeError, ValueError) as error:
        raise StudyError(keys, str(error)) from None
    return build_market(assets, keys)


def market_maker(table: Tagged) -> Callable[..., AbstractMarket]:
    """A market of the library, one from a record or a file, or one that lists options too."""
    if table.type == "Listed":
        return listed_market
    if table.type == "Recorded":
        return recorded_market
    if table.type == "Learned":
        return load_market
    return member(AbstractMarket, table.type, ("market",))
