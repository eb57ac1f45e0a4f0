"""Simulation with claims of known price as controls."""

from collections.abc import Iterable

import equinox as eqx
import jax.numpy as jnp
from jax import lax

from deephedge.claims.asian import GeometricAsianCall
from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import Snapshot
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.geometric_asian import GeometricAsianFormula
from deephedge.pricing.greeks import USUAL, greeks_of
from deephedge.pricing.monte_carlo import MonteCarlo
from deephedge.typing import Array, Float, Scalar


class ControlVariate(AbstractPricer):
    r"""Monte Carlo less what the same draws get wrong in claims whose price is known.

    $$V = \bar Y - \beta^\top(\bar X - x), \qquad \beta = \Sigma_X^{-1}\,\Sigma_{XY}$$

    with $\bar Y$ and $\bar X$ the simulated prices of the claim and of the controls, x the known
    ones, and the covariances those of the draws. Several controls regress together. The standard
    error is that of the residuals. $\beta$ costs a bias of order one over the number of paths.
    The known prices must be those of the simulated law: of the same model, without error of the
    time step, and watched at the same dates.

    Args:
        simulation: prices the claim and the controls.
        controls: claims, each with the pricer that knows it.

    Reference: Glasserman (2003), section 4.1; Kemna and Vorst (1990).
    """

    simulation: MonteCarlo
    controls: tuple[tuple[AbstractClaim, AbstractPricer], ...] = eqx.field(converter=tuple)

    def __check_init__(self):
        if not self.controls:
            raise ValueError("`controls` must hold a claim and its pricer or more, got none.")
        draws = self.simulation.n_paths // (2 if self.simulation.pairs else 1)
        if draws < len(self.controls) + 2:
            raise ValueError(
                f"`simulation` must have more independent draws than controls, got {draws}."
            )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        return self.estimate(claim, now)[0]

    def estimate(self, claim: AbstractClaim, now: Snapshot) -> tuple[Scalar, Scalar]:
        """The price and its standard error."""
        known = jnp.stack([pricer.price(control, now) for control, pricer in self.controls])
        claims = (claim, *[control for control, _ in self.controls])
        return _controlled(self.simulation.independent(claims, now), known)

    def estimate_greeks(
        self,
        claim: AbstractClaim,
        now: Snapshot,
        names: Iterable[str] = USUAL,
        *,
        asset: int = 0,
    ) -> dict[str, tuple[Scalar, Scalar]]:
        """Each Greek with its standard error, by the controls' own Greek. See `greeks`."""
        names = tuple(names)
        claims = (claim, *[control for control, _ in self.controls])
        paths = self.simulation.greeks_by_path(claims, now, names, asset=asset)
        known = [
            greeks_of(lambda p, n, c=control: p.price(c, n), pricer, now, names, asset=asset)
            for control, pricer in self.controls
        ]
        return {
            name: _controlled(
                self.simulation.paired(paths[name]), jnp.stack([x[name] for x in known])
            )
            for name in names
        }

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["ControlVariate", Snapshot]:
        simulation, moved = self.simulation.shifted(now, vol=vol, rate=rate)
        controls = tuple(
            (control, pricer.shifted(now, vol=vol, rate=rate)[0])
            for control, pricer in self.controls
        )
        return ControlVariate(simulation, controls), moved

    @classmethod
    def example(cls) -> "ControlVariate":
        """A typical member, for tests and documentation."""
        simulation = MonteCarlo.example()
        known = GeometricAsianFormula(vol=0.2, rate=0.02, dividend=0.01, n_dates=4)
        return cls(simulation, [(GeometricAsianCall.example(), known)])


def _controlled(
    draws: Float[Array, "draw claim"], known: Float[Array, " control"]
) -> tuple[Scalar, Scalar]:
    """The mean of the first column by the others, and its standard error."""
    centred = lax.stop_gradient(draws - jnp.mean(draws, axis=0, keepdims=True))
    gram = centred[:, 1:].T @ centred[:, 1:]
    # A control that does not move, or repeats another, gets no weight instead of no number.
    slope = jnp.linalg.pinv(gram, hermitian=True) @ (centred[:, 1:].T @ centred[:, 0])
    value = jnp.mean(draws[:, 0]) - slope @ (jnp.mean(draws[:, 1:], axis=0) - known)
    residuals = centred[:, 0] - centred[:, 1:] @ slope
    n, k = centred.shape[0], known.shape[0]
    return value, jnp.sqrt(jnp.sum(residuals**2) / ((n - 1 - k) * n))
