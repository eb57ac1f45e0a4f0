"""Quoted prices of calls and puts, checked once."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.calibration.arbitrage import refuse_arbitrage
from deephedge.pricing.implied_vol import formula, implied_vol

Column = np.ndarray
"""One value a quote, float64."""


@dataclasses.dataclass(frozen=True)
class Quotes:
    """What calls and puts on one asset cost, in any order of strikes and maturities.

    A number given for a column stands for every quote. A mid price alone is a bid that equals the
    ask. Prices are in cash of today, strikes and forwards in cash of the maturity.
    """

    strike: Column
    maturity: Column
    """Years."""
    bid: Column
    ask: Column
    forward: Column
    """Forward price of the asset for the maturity."""
    discount: Column
    """Today's value of one unit of cash at the maturity."""
    sign: Column
    """1 for a call, -1 for a put."""

    def __init__(
        self,
        strike: object,
        maturity: object,
        *,
        bid: object,
        ask: object,
        forward: object,
        discount: object = 1.0,
        sign: object = 1.0,
        allow_arbitrage: bool = False,
    ):
        """Check the columns, and that no position in the quotes is free money.

        Args:
            strike: cash at maturity.
            maturity: years.
            bid: what a seller gets for an option; 0 where there is none.
            ask: what a buyer pays.
            forward: one value for each maturity.
            discount: one value for each maturity.
            sign: 1 for a call, -1 for a put.
            allow_arbitrage: keep quotes that contradict each other, for the fit to average.
        """
        given = dict(
            strike=strike,
            maturity=maturity,
            bid=bid,
            ask=ask,
            forward=forward,
            discount=discount,
            sign=sign,
        )
        columns = _columns(given)
        for name, column in columns.items():
            object.__setattr__(self, name, column)
        self._check("bid", self.bid >= 0, "be zero or positive")
        self._check("ask", self.ask >= self.bid, "be at least the bid (negative spread)")
        self._check("sign", np.abs(self.sign) == 1, "be 1 for a call or -1 for a put")
        if not allow_arbitrage:
            refuse_arbitrage(self)

    @classmethod
    def from_vols(
        cls,
        strike: object,
        maturity: object,
        *,
        bid: object,
        ask: object,
        forward: object,
        discount: object = 1.0,
        sign: object = 1.0,
        allow_arbitrage: bool = False,
    ) -> "Quotes":
        """The same from Black-Scholes volatilities `bid` and `ask`, decimals per year."""
        market = dict(strike=strike, maturity=maturity, forward=forward, discount=discount)
        columns = _columns(market | dict(sign=sign, bid=bid, ask=ask))
        for side in ("bid", "ask"):
            vol = columns[side]
            if not np.all(vol > 0):
                worst = vol[~(vol > 0)][0]
                raise ValueError(f"the volatility `{side}` must be positive, got {worst:g}.")
            columns[side] = _black(columns, vol)
        return cls(**columns, allow_arbitrage=allow_arbitrage)

    def __len__(self) -> int:
        return len(self.strike)

    def where(self, chosen: np.ndarray) -> "Quotes":
        """Some of the quotes, as they are."""
        columns = {name: column[chosen] for name, column in vars(self).items()}
        return Quotes(**columns, allow_arbitrage=True)

    @property
    def mid(self) -> Column:
        """Prices half-way between bid and ask."""
        return 0.5 * (self.bid + self.ask)

    @property
    def spread(self) -> Column:
        """Ask less bid."""
        return self.ask - self.bid

    def vols(self, prices: Column) -> Column:
        """Black-Scholes volatilities of prices, one a quote; `nan` where there is none."""
        with jax.enable_x64(True):
            spot, strike, tau, sign = map(
                jnp.asarray, (self.forward, self.strike, self.maturity, self.sign)
            )
            undiscounted = jnp.asarray(prices / self.discount)
            vols = implied_vol(undiscounted, spot=spot, strike=strike, tau=tau, sign=sign)
            return np.asarray(vols)

    def vega(self) -> Column:
        """How the prices rise with volatility, at the mid prices; 0 where these have none."""
        vol = self.vols(self.mid)
        known = vol > 0
        deviation = np.where(known, vol, 1.0) * np.sqrt(self.maturity)
        d1 = np.log(self.forward / self.strike) / deviation + 0.5 * deviation
        density = np.exp(-0.5 * d1**2) / np.sqrt(2.0 * np.pi)
        vega = self.discount * self.forward * density * np.sqrt(self.maturity)
        return np.where(known, vega, 0.0)

    def _check(self, name: str, holds: np.ndarray, rule: str) -> None:
        if not np.all(holds):
            i = int(np.argmin(holds))
            got = vars(self)[name][i]
            raise ValueError(f"`{name}` must {rule}, got {got:g} for {self.describe(i)}.")

    def describe(self, i: int) -> str:
        """Which quote the i-th is, in words."""
        kind = "call" if self.sign[i] > 0 else "put"
        return f"the {kind} of strike {self.strike[i]:g}, maturity {self.maturity[i]:g}"


def _columns(given: dict[str, object]) -> dict[str, Column]:
    """The columns as float64 arrays of one length, or a `ValueError` that names the wrong one."""
    arrays = {}
    for name, values in given.items():
        try:
            arrays[name] = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"`{name}` must be numbers, got {values!r}.") from None
        if arrays[name].ndim > 1:
            raise ValueError(f"`{name}` must be one column, got shape {arrays[name].shape}.")
    length = max((array.size for array in arrays.values() if array.ndim), default=1)
    for name, array in arrays.items():
        if array.ndim and array.size != length:
            raise ValueError(f"`{name}` must have {length} values, got {array.size}.")
        if not np.all(np.isfinite(array)):
            i = int(np.argmin(np.isfinite(np.atleast_1d(array))))
            got = np.atleast_1d(array)[i]
            raise ValueError(f"`{name}` must be finite, got {got} in quote {i + 1}.")
        if name in ("strike", "maturity", "forward", "discount") and not np.all(array > 0):
            i = int(np.argmin(np.atleast_1d(array)))
            got = np.atleast_1d(array)[i]
            raise ValueError(f"`{name}` must be positive, got {got:g} in quote {i + 1}.")
    if length == 0:
        raise ValueError("there are no quotes.")
    return {name: np.array(np.broadcast_to(array, length)) for name, array in arrays.items()}


def _black(columns: dict[str, Column], vol: Column) -> Column:
    names = ("strike", "maturity")
    with jax.enable_x64(True):
        strike, maturity = (jnp.asarray(columns[name]) for name in names)
        forward, zero = jnp.asarray(columns["forward"]), jnp.zeros(len(vol))
        sign = jnp.asarray(columns["sign"])
        value = formula(jnp.asarray(vol), forward, strike, maturity, zero, zero, sign)
    return np.maximum(np.asarray(value), 0.0) * columns["discount"]
