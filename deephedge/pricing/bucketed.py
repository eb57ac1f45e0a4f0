"""Vega by maturity, and the derivative of a price by any parameter of its model."""

import dataclasses

import equinox as eqx
import jax

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.vol_term_structure import VolTermStructure
from deephedge.numerics import safe
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import black_scholes_price, european
from deephedge.typing import Array, Float, Scalar


class TermStructureFormula(AbstractPricer):
    r"""European claims under a volatility that depends on the date.

    The Black-Scholes price at the root mean square volatility of the time left,
    $\sqrt{\frac{1}{\tau}\int_t^T \sigma(s)^2 ds}$.

    Reference: Merton (1973).
    """

    model: VolTermStructure

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        claim, model = european(claim, "TermStructureFormula"), self.model
        tau = claim.tau(now)
        variance = model.total_variance(now.time + tau) - model.total_variance(now.time)
        return black_scholes_price(
            claim,
            spot=now.prices[claim.asset],
            tau=tau,
            vol=safe.sqrt(safe.divide(variance, tau)),
            rate=model.rate,
            dividend=model.dividend,
        )

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["TermStructureFormula", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    @classmethod
    def for_model(cls, model: AbstractMarket, asset: int = 0) -> "TermStructureFormula | None":
        return cls(model) if isinstance(model, VolTermStructure) and asset == 0 else None

    @classmethod
    def example(cls) -> "TermStructureFormula":
        """A typical member, for tests and documentation."""
        return cls(VolTermStructure.example())


def parameter_greeks(pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot) -> AbstractPricer:
    r"""$\partial V/\partial\theta$ for every parameter of the pricer and its model at once.

    The answer has the structure of the pricer, with the derivative by it in the place of every
    float array, `None` in that of anything else: `parameter_greeks(Fourier(heston), claim,
    now).model.vol_of_variance`, or the derivative by every node of a local volatility surface.
    By one reverse pass, whatever the number of parameters. What is known at `now`, the spot and
    the factors, is held: for those see `greeks`.
    """
    return eqx.filter_grad(lambda p: p.price(claim, now))(pricer)


def bucketed_vega(
    pricer: AbstractPricer, claim: AbstractClaim, now: Snapshot
) -> Float[Array, " bucket"]:
    r"""$\partial V/\partial\sigma_i$ by the volatility of each bucket of a `VolTermStructure`.

    Per unit of vol. The sum is the vega of a parallel shift. For any pricer that holds such a
    model: the closed form, or Monte Carlo for claims on the path.
    """
    parts = jax.tree.leaves(
        parameter_greeks(pricer, claim, now), is_leaf=lambda x: isinstance(x, VolTermStructure)
    )
    for part in parts:
        if isinstance(part, VolTermStructure):
            return part.vol
    raise TypeError(
        f"`pricer` must hold a VolTermStructure, got {type(pricer).__name__}; use "
        "`TermStructureFormula(VolTermStructure(...))`, or `parameter_greeks` for other models."
    )
