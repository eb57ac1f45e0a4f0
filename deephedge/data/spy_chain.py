"""A recorded option chain that comes with the `stochvolmodels` package (extra `chains`)."""

import dataclasses
import importlib.util
from collections.abc import Iterable

import numpy as np


@dataclasses.dataclass(frozen=True)
class OptionChain:
    """Quoted volatilities of calls and puts on one asset, one row an option."""

    strike: np.ndarray
    maturity: np.ndarray
    """Years."""
    forward: np.ndarray
    discount: np.ndarray
    sign: np.ndarray
    """1 for a call, -1 for a put."""
    bid: np.ndarray
    """Black-Scholes volatility, decimal per year."""
    ask: np.ndarray
    source: str
    description: str

    def __len__(self) -> int:
        return len(self.strike)

    def columns(self) -> dict[str, np.ndarray]:
        """The columns by name."""
        return {
            name: column for name, column in vars(self).items() if isinstance(column, np.ndarray)
        }


def spy_chain() -> OptionChain:
    """SPY options on 15 July 2022, 16:23 New York: 427 quotes, 3 weeks to 5 months.

    Out of the money: puts below the forward, calls above. The exercise of SPY options is American;
    the volatilities and forwards are those of the source, which treats them as European.
    """
    if importlib.util.find_spec("stochvolmodels") is None:
        raise ValueError(
            "the SPY chain comes with the package `stochvolmodels`, which is not installed; "
            "run `pip install 'deephedge[chains]'`."
        )
    from stochvolmodels.data.sample_option_chains import (  # pyright: ignore[reportMissingImports]
        get_spy_test_chain_data,
    )

    chain = get_spy_test_chain_data()
    counts = [len(strikes) for strikes in chain.strikes_ttms]
    kinds = np.concatenate([np.asarray(kind) for kind in chain.optiontypes_ttms])

    def joined(parts: Iterable) -> np.ndarray:
        return np.concatenate([np.asarray(part, dtype=float) for part in parts])

    return OptionChain(
        strike=joined(chain.strikes_ttms),
        maturity=np.repeat(chain.ttms, counts),
        forward=np.repeat(chain.forwards, counts),
        discount=np.repeat(np.asarray(chain.discfactors, dtype=float), counts),
        sign=np.where(kinds == "C", 1.0, -1.0),
        bid=joined(chain.bid_ivs or ()),
        ask=joined(chain.ask_ivs or ()),
        source="stochvolmodels.data.sample_option_chains",
        description="SPY options, 15 July 2022, implied volatilities",
    )
