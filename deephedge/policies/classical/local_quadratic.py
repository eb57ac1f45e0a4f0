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
from deephedge.numerics.checks import at_least_one
from deephedge.policies.base import AbstractFittedPolicy, Account
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
    option's delta near maturity. The hedge is that of the sampled market's measure, and of its
    dates only.

    Reference: Föllmer and Schweizer (1989); Schweizer (1995), section on the discrete case;
    Potters, Bouchaud and Sestovic (2001), Hedged Monte-Carlo, for the joint regression.
    """

    times: Float[Array, " step"]
    means: Float[Array, "step feature"]
    scales: Float[Array, "step feature"]
    prices: Float[Array, "step basis"]
    hedges: Float[Array, "step asset basis"]
    degree: int = eqx.field(static=True)

    @classmethod
    def create(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        degree: int = 3,
        n_paths: int = 8192,
        key: PRNGKeyArray,
    ) -> "LocalQuadratic":
        """The hedge of a claim sold in a market, for those trading dates."""
        at_least_one(degree=degree, n_paths=n_paths)
        paths = simulate(market, times, n_paths, key=key)
        fields = _fit(claim, paths, degree)
        return cls(times[:-1], *fields, degree)

    def init(self) -> None:
        return None

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        k = jnp.argmin(jnp.abs(self.times - now.time))
        basis = _basis(_features(now), self.means[k], self.scales[k], self.degree)
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


def _features(now: Snapshot) -> Float[Array, " feature"]:
    return jnp.concatenate([safe.log(now.prices), now.factors, now.progress])


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
def _fit(claim: AbstractClaim, paths: Path, degree: int) -> tuple[Array, Array, Array, Array]:
    """Means, scales, and the coefficients of price and hedge, date by date."""
    progress = jax.vmap(claim.progress)(paths)
    paths = eqx.tree_at(lambda p: p.progress, paths, progress)
    owed = jax.vmap(lambda path: path.discount[-1] * claim.payoff(path))(paths)
    value = paths.discount[..., None] * paths.prices
    gains = value[:, 1:] * paths.accrual[:, 1:] / paths.accrual[:, :-1] - value[:, :-1]

    features = jax.vmap(jax.vmap(_features))(paths.snapshots())[:, :-1]
    means, scales = jnp.mean(features, axis=0), jnp.std(features, axis=0)
    # A feature that is the same on all paths (the price of the first date) says nothing.
    scales = jnp.where(scales > 1e-6 * (1.0 + jnp.abs(means)), scales, 1.0)
    known = jax.vmap(lambda x, m, s: jax.vmap(lambda f: _basis(f, m, s, degree))(x), (1, 0, 0))
    basis = known(features, means, scales)

    def back(later: Float[Array, " path"], step: tuple[Array, Array]):
        basis, gain = step
        n_paths, n_assets = gain.shape
        hedges = (gain[:, :, None] * basis[:, None, :]).reshape(n_paths, -1)
        size = jnp.sqrt(jnp.mean(hedges**2))
        columns = jnp.concatenate([basis, hedges / size], axis=1)
        found = jnp.linalg.lstsq(columns, later)[0]
        price, hedge = jnp.split(found, [basis.shape[1]])
        hedge = hedge / size
        return later - hedges @ hedge, (price, hedge.reshape(n_assets, -1))

    steps = (basis, jnp.moveaxis(gains, 1, 0))
    _, (prices, hedges) = lax.scan(back, owed, steps, reverse=True)
    return means, scales, prices, hedges
