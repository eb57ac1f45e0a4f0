"""The hedge that makes the squared error of every single step least, by regression."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.simulate import simulate
from deephedge.numerics import safe
from deephedge.numerics.checks import at_least_one, positive
from deephedge.policies.base import AbstractFittedPolicy, Account
from deephedge.pricing.listed import AbstractListed
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

FARTHEST = 4.0
"""Deviations from the mean beyond which a feature counts as if it were there."""

KNOTS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Deviations from the mean at which the hinges of the basis bend."""


class LocalQuadratic(AbstractFittedPolicy):
    r"""Föllmer and Schweizer's locally risk-minimising hedge, on polynomials of the snapshot.

    Backwards over the dates, with $Y_n$ the payoff, $\Delta X_k$ the gain of one share over step k
    (dividends included) and $\varphi$ the basis, all in today's money,

    $$(\alpha_k, \beta_k) = \arg\min \sum_{\text{paths}} \bigl(Y_{k+1} - \alpha\cdot\varphi_k -
    (\beta\,\varphi_k)\cdot\Delta X_k\bigr)^2, \qquad Y_k = Y_{k+1} - (\beta_k\varphi_k)\cdot
    \Delta X_k;$$

    the holdings are $\beta_k\varphi_k$, the price $\alpha_k\cdot\varphi_k$. The basis is all
    monomials up to `degree` of the log-prices, factors and progress, standardised date by date,
    and for each of these the hinges $(x - q)^+$ at nine knots q, which follow the bend of an
    option's delta near maturity. Prices of listed contracts are no features: the others tell them.
    The hedge is that of the sampled market's measure, and of its dates only.

    Gains of contracts that move alike are nearly proportional, and a few thousand paths do not
    tell how much to hold of each: plain least squares then holds astronomical positions against
    each other. So the squares of all coefficients but the constant's are added to the mean square,
    times `ridge`, the gains of each contract scaled to a mean square of 1: a combination of columns
    of mean square $\lambda$ has its coefficient shrunk by $\lambda/(\lambda + \text{ridge})$. A
    larger `ridge` leaves more risk and trades less; where the paths are draws of a short record,
    less is trusted. Costs are not seen.

    Reference: Föllmer and Schweizer (1989); Schweizer (1995), section on the discrete case;
    Potters, Bouchaud and Sestovic (2001), Hedged Monte-Carlo, for the joint regression; Hoerl and
    Kennard (1970), Ridge regression.
    """

    times: Float[Array, " step"]
    means: Float[Array, "step feature"]
    scales: Float[Array, "step feature"]
    prices: Float[Array, "step basis"]
    hedges: Float[Array, "step asset basis"]
    degree: int = eqx.field(static=True)
    n_prices: int = eqx.field(static=True)
    """How many of the prices are features: those of the assets, without listed contracts."""

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        degree: int = 3,
        n_paths: int = 8192,
        ridge: float = 1e-3,
        key: PRNGKeyArray,
    ) -> "LocalQuadratic":
        """The hedge of a claim sold in a market, for those trading dates."""
        at_least_one(degree=degree, n_paths=n_paths)
        penalty = positive("ridge")(ridge)
        n_prices = market.start().prices.shape[0]
        if isinstance(market, AbstractListed):
            n_prices -= len(market.instruments)
        paths = simulate(market, times, n_paths, key=key)
        fields = _fit(claim, paths, penalty, degree, n_prices)
        return cls(times[:-1], *fields, degree, n_prices)

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        k = jnp.argmin(jnp.abs(self.times - now.time))
        features = _features(now, self.n_prices)
        basis = _basis(features, self.means[k], self.scales[k], self.degree)
        return self.hedges[k] @ basis

    def act(
        self, seen: Float[Array, " asset"], account: Account, memory: None
    ) -> tuple[Float[Array, " asset"], None]:
        return seen, None

    @property
    def price(self) -> Scalar:
        """What the hedge costs at the first date, in today's money."""
        basis = _basis(self.means[0], self.means[0], self.scales[0], self.degree)
        return self.prices[0] @ basis

    @classmethod
    def example(cls) -> "LocalQuadratic":
        """A typical member, for tests and documentation."""
        claim = Call.example()
        times = jnp.linspace(0.0, claim.maturity, 6)
        key = jax.random.key(0)
        return cls.create(BlackScholes.example(), claim, times, degree=2, n_paths=256, key=key)


def _features(now: Snapshot, n_prices: int) -> Float[Array, " feature"]:
    return jnp.concatenate([safe.log(now.prices[:n_prices]), now.factors, now.progress])


def _basis(
    features: Float[Array, " feature"],
    mean: Float[Array, " feature"],
    scale: Float[Array, " feature"],
    degree: int,
) -> Float[Array, " basis"]:
    """The constant, the other monomials in rising order, the hinges."""
    x = jnp.clip((features - mean) / scale, min=-FARTHEST, max=FARTHEST)
    terms = [
        jnp.prod(jnp.stack([x[i] for i in chosen]))
        for n in range(1, degree + 1)
        for chosen in itertools.combinations_with_replacement(range(x.shape[0]), n)
    ]
    hinges = jnp.maximum(x[:, None] - jnp.asarray(KNOTS, x.dtype)[None, :], 0.0)
    return jnp.concatenate([jnp.ones_like(x[:1]), jnp.stack(terms), hinges.ravel()])


@eqx.filter_jit
def _fit(
    claim: AbstractClaim, paths: Path, ridge: Scalar, degree: int, n_prices: int
) -> tuple[Array, Array, Array, Array]:
    """Means, scales, and the coefficients of price and hedge, date by date."""
    progress = jax.vmap(claim.progress)(paths)
    paths = eqx.tree_at(lambda p: p.progress, paths, progress)
    owed = jax.vmap(lambda path: path.discount[-1] * claim.payoff(path))(paths)
    value = paths.discount[..., None] * paths.prices
    gains = value[:, 1:] * paths.accrual[:, 1:] / paths.accrual[:, :-1] - value[:, :-1]

    known_at = jax.vmap(jax.vmap(lambda now: _features(now, n_prices)))
    features = known_at(paths.snapshots())[:, :-1]
    means, scales = jnp.mean(features, axis=0), jnp.std(features, axis=0)
    # A feature that is the same on all paths (the price of the first date) says nothing.
    scales = jnp.where(scales > 1e-6 * (1.0 + jnp.abs(means)), scales, 1.0)
    known = jax.vmap(lambda x, m, s: jax.vmap(lambda f: _basis(f, m, s, degree))(x), (1, 0, 0))
    basis = known(features, means, scales)

    def back(later: Float[Array, " path"], step: tuple[Array, Array]):
        basis, gain = step
        n_paths, n_assets = gain.shape
        sizes = jnp.sqrt(jnp.mean(gain**2, axis=0))
        sizes = jnp.where(sizes > 0, sizes, 1.0)  # a contract that was paid out gains nothing
        hedges = ((gain / sizes[None, :])[:, :, None] * basis[:, None, :]).reshape(n_paths, -1)
        found = _ridge_regression(jnp.concatenate([basis, hedges], axis=1), later, ridge)
        price, hedge = jnp.split(found, [basis.shape[1]])
        return later - hedges @ hedge, (price, hedge.reshape(n_assets, -1) / sizes[:, None])

    steps = (basis, jnp.moveaxis(gains, 1, 0))
    _, (prices, hedges) = lax.scan(back, owed, steps, reverse=True)
    return means, scales, prices, hedges


def _ridge_regression(
    columns: Float[Array, "path column"], wanted: Float[Array, " path"], ridge: Scalar
) -> Float[Array, " column"]:
    """Coefficients of the least mean square plus the penalty; that of column 0, of 1s, is free."""
    level, n_paths = jnp.mean(wanted), columns.shape[0]
    penalty = jnp.full_like(columns[0], ridge).at[0].set(0.0)
    products = columns.T @ columns / n_paths + jnp.diag(penalty)
    found = jnp.linalg.solve(products, columns.T @ (wanted - level) / n_paths)
    return found.at[0].add(level)
