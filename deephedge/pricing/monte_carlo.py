"""Any claim in any model by simulation, with standard errors, also of the Greeks."""

from collections.abc import Callable, Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import AbstractSource, Draws, antithetic
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.greeks import USUAL, greeks_of
from deephedge.pricing.pathwise import path_value
from deephedge.typing import Array, Float, Int, PRNGKeyArray, PyTree, Scalar

BATCH = 16_384
"""Paths in memory at once, unless told otherwise."""


class MonteCarlo(AbstractPricer):
    r"""The mean of the discounted payoff over simulated paths.

    $$V_t = E_t\Bigl[\frac{D_T}{D_t}\,\text{payoff}\Bigr]$$

    under the model restarted from `now`. The same draws serve every price, so differences and
    derivatives are those of one smooth function. See `path_value` for which Greeks are unbiased:
    all of them, of a payoff that says where it jumps (`AbstractClaim.jumps`), in a model whose
    steps are affine in their own normals, as all but bootstrapped shocks are. See `smoothed` for
    a cheaper and biased way with payoffs that jump.

    Args:
        n_steps: dates between `now` and maturity, whatever the time left. For a claim on the
            final price in a model that is exact at any step, 1 is best.
        draws: `antithetic`, `pseudo` or `sobol`.
        batch_size: paths in memory at once.
    """

    model: AbstractModel
    source: AbstractSource
    n_paths: int = eqx.field(static=True)
    n_steps: int = eqx.field(static=True)
    pairs: bool = eqx.field(static=True)
    batch_size: int = eqx.field(static=True)

    def __init__(
        self,
        model: AbstractModel,
        *,
        n_paths: int,
        n_steps: int,
        key: PRNGKeyArray,
        draws: Draws = antithetic,
        batch_size: int = BATCH,
    ):
        at_least_one(n_paths=n_paths, n_steps=n_steps, batch_size=batch_size)
        self.pairs = draws is antithetic
        if self.pairs and n_paths % 2:
            raise ValueError(
                f"`n_paths` must be even with antithetic draws, got {n_paths}; "
                f"pass `n_paths={n_paths + 1}`."
            )
        dtype = model.start().prices.dtype
        self.model = model
        self.source = draws(key, n_paths, n_steps, model.normals_per_step, dtype)
        self.n_paths, self.n_steps, self.batch_size = n_paths, n_steps, batch_size

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        return jnp.mean(self._values(claim, now))

    def estimate(self, claim: AbstractClaim, now: Snapshot) -> tuple[Scalar, Scalar]:
        """The price and its standard error."""
        return self._summary(self._values(claim, now))

    def estimate_greeks(
        self,
        claim: AbstractClaim,
        now: Snapshot,
        names: Iterable[str] = USUAL,
        *,
        asset: int = 0,
    ) -> dict[str, tuple[Scalar, Scalar]]:
        """Each Greek with its standard error. See `greeks` for the names."""
        names = tuple(names)
        values = self.greeks_by_path((claim,), now, names, asset=asset)
        return {name: self._summary(values[name][:, 0]) for name in names}

    def greeks_by_path(
        self,
        claims: tuple[AbstractClaim, ...],
        now: Snapshot,
        names: tuple[str, ...],
        *,
        asset: int = 0,
    ) -> dict[str, Float[Array, "path claim"]]:
        """Each Greek of several claims along each path: their means are the Greeks."""

        def one(normals: Float[Array, "step normal"]) -> dict[str, Array]:
            def values(pricer: AbstractPricer, now: Snapshot, claim: AbstractClaim) -> Scalar:
                assert isinstance(pricer, MonteCarlo)  # what its own `shifted` gives
                return path_value(pricer.model, claim, now, normals)

            each = [
                greeks_of(lambda p, n, c=claim: values(p, n, c), self, now, names, asset=asset)
                for claim in claims
            ]
            return {name: jnp.stack([x[name] for x in each]) for name in names}

        return self._each(one)

    def independent(
        self, claims: tuple[AbstractClaim, ...], now: Snapshot
    ) -> Float[Array, "draw claim"]:
        """What several claims pay along each independent draw, in cash of `now`."""

        def one(normals: Float[Array, "step normal"]) -> Float[Array, " claim"]:
            return jnp.stack([path_value(self.model, claim, now, normals) for claim in claims])

        return self.paired(self._each(one))

    def paired(self, values: Float[Array, "path claim"]) -> Float[Array, "draw claim"]:
        """One row per independent draw: an antithetic pair is one."""
        return jnp.mean(values.reshape(-1, 2, values.shape[1]), axis=1) if self.pairs else values

    def shifted(self, now: Snapshot, *, vol: Scalar, rate: Scalar) -> tuple["MonteCarlo", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return eqx.tree_at(lambda p: p.model, self, model), now

    def _values(self, claim: AbstractClaim, now: Snapshot) -> Float[Array, " path"]:
        return self._each(lambda normals: path_value(self.model, claim, now, normals))

    def _each(self, one: Callable[[Float[Array, "step normal"]], PyTree]) -> PyTree:
        """`one` of every path, in bounded memory also where a gradient is taken."""

        def at(index: Int[Array, ""]) -> PyTree:
            return one(self.source(index))

        batch_size = min(self.batch_size, self.n_paths)
        return lax.map(jax.checkpoint(at), jnp.arange(self.n_paths), batch_size=batch_size)

    def _summary(self, values: Float[Array, " path"]) -> tuple[Scalar, Scalar]:
        """Mean and standard error."""
        draws = self.paired(values[:, None])[:, 0]
        return jnp.mean(draws), jnp.std(draws, ddof=1) / draws.shape[0] ** 0.5

    @classmethod
    def example(cls) -> "MonteCarlo":
        """A typical member, for tests and documentation."""
        return cls(BlackScholes.example(), n_paths=1024, n_steps=4, key=jax.random.key(0))
