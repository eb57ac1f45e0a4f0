"""Protection bought with listed options at the start, and held."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.base import Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import positive
from deephedge.policies.base import AbstractPolicy, Account
from deephedge.typing import Array, Bool, Float, Scalar

Package = tuple[tuple[int, Scalar], ...]
"""Numbers of columns of the prices, and how many units of each."""


class AbstractStaticProtection(AbstractPolicy):
    r"""Puts the whole wealth into one package of a stock and options on it, and holds.

    $$h_j = n\,u_j, \qquad n = \frac{W_0}{\sum_j u_j P_j}$$

    with $u_j$ the units of column j that one package has (`package`) and $P_j$ its price at the
    first date: column 0 is the first asset of a `Listed` market, and its options stand after its
    assets. What the purchase costs is borrowed. Wealth starts at the problem's premium, against
    the claim `NoClaim`. At the options' expiry and without dividends the wealth is
    $n\sum_j u_j P_j$ path by path, in whatever market: nothing is replicated, so nothing can fail
    but the seller of the options.
    """

    @abstractmethod
    def package(self) -> Package:
        """The columns in one package, and the units of each."""

    def __check_init__(self):
        columns = [column for column, _ in self.package()]
        if len(set(columns)) < len(columns) or min(columns) < 0:
            raise ValueError(
                "the columns of the stock and its options must be different numbers, 0 or more, "
                f"got {columns}."
            )

    def init(self) -> Bool[Array, ""]:
        return jnp.asarray(False)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        """Units of each asset that one unit of wealth, in today's money, buys."""
        package, n = self.package(), now.prices.shape[0]
        if any(column >= n for column, _ in package):
            raise ValueError(
                f"the options must be columns of the prices, below {n}, got "
                f"{[column for column, _ in package]}; "
                "list them with `Listed(market, instruments=[...])`."
            )
        units = jnp.zeros_like(now.prices)
        for column, number in package:
            units = units.at[column].set(number)
        return units * safe.divide(jnp.ones_like(now.discount), now.discount * units @ now.prices)

    def act(
        self, seen: Float[Array, " asset"], account: Account, memory: Bool[Array, ""]
    ) -> tuple[Float[Array, " asset"], Bool[Array, ""]]:
        bought = account.wealth * seen
        return jnp.where(memory, account.holdings, bought), jnp.asarray(True)


class ProtectivePut(AbstractStaticProtection):
    r"""The stock and a put on it: option-based portfolio insurance, bought.

    One package is a share and `cover` puts of strike K. With a cover of one

    $$W_T = n\,\max(S_T, K), \qquad n = \frac{W_0}{S_0 + P_0(K)},$$

    so that a share nK of the money is certain, and the upside is that of n shares. `asset` and
    `put` are columns of the prices.

    Reference: Leland (1980), Who should buy portfolio insurance?; Leland and Rubinstein (1988),
    The evolution of portfolio insurance.
    """

    asset: int = eqx.field(static=True, default=0)
    put: int = eqx.field(static=True, default=1)
    cover: Scalar = eqx.field(converter=positive("cover"), default=1.0)

    def package(self) -> Package:
        return (self.asset, jnp.ones_like(self.cover)), (self.put, self.cover)

    @classmethod
    def example(cls) -> "ProtectivePut":
        """A typical member, for tests and documentation."""
        return cls()


class Collar(AbstractStaticProtection):
    r"""The stock and a put on it, paid for by a call that is sold.

    One package is a share, `cover` puts of strike K and as many calls short, of a strike L above.
    With a cover of one

    $$W_T = n\,\min(\max(S_T, K), L), \qquad n = \frac{W_0}{S_0 + P_0(K) - C_0(L)}.$$

    At the strike of `zero_cost_call` n is $W_0/S_0$. `asset`, `put` and `call` are columns of the
    prices.

    Reference: McDonald (2013), Derivatives Markets, section 3.2; Israelov and Klein (2016), Risk
    and return of equity index collar strategies, for what it earns.
    """

    asset: int = eqx.field(static=True, default=0)
    put: int = eqx.field(static=True, default=1)
    call: int = eqx.field(static=True, default=2)
    cover: Scalar = eqx.field(converter=positive("cover"), default=1.0)

    def package(self) -> Package:
        one, cover = jnp.ones_like(self.cover), self.cover
        return (self.asset, one), (self.put, cover), (self.call, -cover)

    @classmethod
    def example(cls) -> "Collar":
        """A typical member, for tests and documentation."""
        return cls()


class PutSpreadCollar(AbstractStaticProtection):
    r"""The stock and a put spread on it, paid for by a call that is sold.

    One package is a share, `cover` puts of strike K, as many puts short of a strike J below, and
    as many calls short of a strike L above. With a cover of one

    $$W_T = n\,\bigl(\min(\max(S_T, K), L) - (J - S_T)^+\bigr):$$

    protected between J and K, and falling again with the stock below J, for which the call is
    sold further out. `asset`, `put`, `lower_put` and `call` are columns of the prices.

    Reference: McDonald (2013), Derivatives Markets, sections 3.2 and 3.4.
    """

    asset: int = eqx.field(static=True, default=0)
    put: int = eqx.field(static=True, default=1)
    lower_put: int = eqx.field(static=True, default=2)
    call: int = eqx.field(static=True, default=3)
    cover: Scalar = eqx.field(converter=positive("cover"), default=1.0)

    def package(self) -> Package:
        one, cover = jnp.ones_like(self.cover), self.cover
        long = (self.asset, one), (self.put, cover)
        return *long, (self.lower_put, -cover), (self.call, -cover)

    @classmethod
    def example(cls) -> "PutSpreadCollar":
        """A typical member, for tests and documentation."""
        return cls()
