"""A band for any book of options: what is learned does not depend on their order or number."""

import functools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim, AbstractEuropean
from deephedge.claims.portfolio import EuropeanPortfolio
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.policies.base import AbstractBandPolicy, AbstractTrainablePolicy
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott
from deephedge.policies.learned.band import centred, widened
from deephedge.policies.learned.features import STANDARD, Features
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, PRNGKeyArray

_N_INPUTS = 5
"""Numbers that describe a piece of the book."""


class SetNetwork(eqx.Module):
    """The perceptron that meets each option, and the one that reads their sum."""

    each: Perceptron
    read: Perceptron


class DeepSets(AbstractTrainablePolicy, AbstractBandPolicy):
    r"""Keep the holdings within $[m - w e^a,\; m + w e^b]$, with (a, b) from a sum over the book.

    $$(a, b) = \text{read}\Bigl(\phi, m, w,
    \sum_i u_i\,\text{each}(x_i)\Bigr)$$

    The book is cut into half-lines (`AbstractEuropean.pieces`): $u_i$ are the shares and the cash
    (over the strike) that piece i pays, $x_i$ its moneyness and side, and $\phi$ the features of
    the date. The sum is the same in any order, and an option of weight zero adds nothing: one
    network serves books of any options and any number of them. To learn it, draw the book anew
    for each group of paths (`training.ProblemFamily`), whose fields `weights` and `strike` this
    policy is told. An untrained policy is the band `base`.

    Reference: Zaheer et al. (2017), Deep sets, theorem 2.
    """

    network: SetNetwork
    features: Features
    base: AbstractBandPolicy
    book: AbstractEuropean

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        base: AbstractBandPolicy,
        width: int = 16,
        depth: int = 1,
        code: int = 8,
        features: Sequence[str] = STANDARD,
        key: PRNGKeyArray,
    ) -> "DeepSets":
        """An untrained policy for books such as `claim`, starting from the band `base`.

        Args:
            code: numbers that an option adds to the sum.
        """
        at_least_one(code=code)
        if not isinstance(claim, AbstractEuropean):
            raise ValueError(
                f"`claim` must be a European claim or a portfolio of them, got "
                f"{type(claim).__name__}."
            )
        pilot_key, each_key, last_key, read_key = jax.random.split(key, 4)
        seen = Features.fit(market, claim, times, names=features, key=pilot_key)
        dtype, n = times.dtype, seen.n_assets
        network = functools.partial(silent_network, width=width, depth=depth, dtype=dtype)
        each = network(_N_INPUTS, 2 * code, key=each_key)
        # This one must speak: only the last layer of the whole starts at zero.
        last = jax.random.normal(last_key, (width, 2 * code), dtype) / width**0.5
        each = eqx.tree_at(lambda x: x.weights[-1], each, last)
        read = network(seen.size + 2 * n + code, 2 * n, key=read_key)
        return cls(SetNetwork(each, read), seen, base, claim)

    def observe(self, now: Snapshot) -> tuple[Array, Array, Array, Array]:
        return self.features(now), *centred(self.base.band(now)), self._code(now)

    def edges(
        self, seen: tuple[Array, Array, Array, Array]
    ) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
        features, middle, half_width, code = seen
        out = self.network.read(jnp.concatenate([features, middle, half_width, code]))
        return widened(middle, half_width, out)

    def _code(self, now: Snapshot) -> Float[Array, " code"]:
        pieces, seen = self.book.pieces(), self.features
        left = jnp.maximum(1.0 - now.time / seen.maturity, 0.0)
        scale = seen.price_scale[self.book.asset]
        moneyness = safe.log(now.prices[self.book.asset] / pieces.strike) / scale
        sharp = jnp.tanh(moneyness / jnp.sqrt(left + 0.01))
        same = jnp.ones_like(moneyness)
        rows = jnp.stack([moneyness, sharp, pieces.sign, left * same, safe.sqrt(left) * same], 1)
        out = jax.vmap(self.network.each)(rows)
        by_share, by_cash = jnp.split(out, 2, axis=1)
        return pieces.shares @ by_share + (pieces.cash / pieces.strike) @ by_cash

    @classmethod
    def example(cls) -> "DeepSets":
        """A typical member, for tests and documentation."""
        book = EuropeanPortfolio.example()
        base = WhalleyWilmott(book, BlackScholesFormula.example(), cost_rate=0.001, aversion=1.0)
        times = jnp.linspace(0.0, book.maturity, 6)
        return cls.create(BlackScholes.example(), book, times, base=base, key=jax.random.key(0))
