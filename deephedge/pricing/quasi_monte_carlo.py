"""Simulation by low-discrepancy points, with honest standard errors."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.brownian_bridge import brownian_bridge
from deephedge.numerics.draws import AbstractSource, Draws, sobol
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.greeks import USUAL, greeks
from deephedge.pricing.monte_carlo import BATCH, MonteCarlo
from deephedge.typing import PRNGKeyArray, PyTree, Scalar


class QuasiMonteCarlo(AbstractPricer):
    r"""The mean of `n_scrambles` Monte Carlo prices, each by its own scrambled Sobol points.

    $$V = \frac1R\sum_{r=1}^R \bar Y_r, \qquad s = \frac{\mathrm{std}(\bar Y_r)}{\sqrt R}$$

    The points of one scrambling are not independent, and their spread says nothing about the
    error. The scramblings are: each price is unbiased, and their spread is an honest standard
    error (itself known to one part in $\sqrt{2(R - 1)}$).

    Args:
        n_paths: of each scrambling; a power of two.
        n_steps: equal steps between `now` and maturity.
        n_scrambles: at least 2.
        draws: a kind of randomised points, by default Sobol's by Brownian bridge.

    Reference: Owen (1998); L'Ecuyer and Lemieux (2002), Recent advances in randomized
    quasi-Monte Carlo methods.
    """

    simulation: MonteCarlo
    sources: AbstractSource
    """That of each scrambling, along a leading axis."""

    def __init__(
        self,
        model: AbstractModel,
        *,
        n_paths: int,
        n_steps: int,
        key: PRNGKeyArray,
        n_scrambles: int = 16,
        draws: Draws = brownian_bridge(sobol),  # noqa: B008
        batch_size: int = BATCH,
    ):
        if n_scrambles < 2:
            raise ValueError(f"`n_scrambles` must be at least 2, got {n_scrambles}.")
        if n_paths < 1 or n_paths & (n_paths - 1):
            raise ValueError(
                f"`n_paths` must be a power of two, got {n_paths}; "
                f"pass `n_paths={2 ** max(n_paths, 1).bit_length()}`."
            )
        each = [
            MonteCarlo(
                model, n_paths=n_paths, n_steps=n_steps, key=k, draws=draws, batch_size=batch_size
            )
            for k in jax.random.split(key, n_scrambles)
        ]
        self.simulation = each[0]
        self.sources = jax.tree.map(lambda *x: jnp.stack(x), *[one.source for one in each])

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        return self.estimate(claim, now)[0]

    def estimate(self, claim: AbstractClaim, now: Snapshot) -> tuple[Scalar, Scalar]:
        """The price and its standard error."""
        return _summary(self._each(lambda one: one.price(claim, now)))

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
        values = self._each(lambda one: greeks(one, claim, now, names, asset=asset))
        return {name: _summary(values[name]) for name in names}

    def _each(self, function) -> PyTree:
        """A function of the simulation by every scrambling."""
        return lax.map(
            lambda source: function(eqx.tree_at(lambda s: s.source, self.simulation, source)),
            self.sources,
        )

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["QuasiMonteCarlo", Snapshot]:
        simulation, now = self.simulation.shifted(now, vol=vol, rate=rate)
        return eqx.tree_at(lambda p: p.simulation, self, simulation), now

    @classmethod
    def example(cls) -> "QuasiMonteCarlo":
        """A typical member, for tests and documentation."""
        key = jax.random.key(0)
        return cls(BlackScholes.example(), n_paths=256, n_steps=4, key=key, n_scrambles=4)


def _summary(values) -> tuple[Scalar, Scalar]:
    return jnp.mean(values), jnp.std(values, ddof=1) / values.shape[0] ** 0.5
