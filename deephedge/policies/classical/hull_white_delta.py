"""The minimum-variance delta as a quadratic in the Black-Scholes delta."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Path, Snapshot
from deephedge.numerics import safe
from deephedge.numerics.checks import real
from deephedge.policies.base import AbstractTargetPolicy
from deephedge.policies.greeks import model_delta, model_vega, quoted_formula, vol_of
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.typing import Array, Float, Scalar

SHORTEST = 14 / 365
"""Years to maturity below which an observation is not used in a fit, as in the paper."""

EXTREME = 0.05
"""Absolute deltas this near to 0 or 1 are not used in a fit, as in the paper."""


class HullWhiteDelta(AbstractTargetPolicy):
    r"""Hold the Black-Scholes delta, corrected for what volatility does when the price moves.

    $$\Delta = \delta + \frac{\mathcal V}{S\sqrt\tau}\,(a + b\,\delta + c\,\delta^2)$$

    with $\delta$ and vega $\mathcal V$ of Black and Scholes at the volatility at which the option
    trades (see `PractitionerDelta`), and a, b, c `level`, `linear` and `quadratic`: numbers without
    unit, found by `fit` from past prices of options.

    Reference: Hull and White (2017), Optimal delta hedging for options, Journal of Banking and
    Finance 82, equations 4 and 6.
    """

    claim: Call | Put
    pricer: AbstractPricer
    level: Scalar = eqx.field(converter=real("level"))
    linear: Scalar = eqx.field(converter=real("linear"))
    quadratic: Scalar = eqx.field(converter=real("quadratic"))
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)

    def observe(self, now: Snapshot) -> Float[Array, " asset"]:
        formula = quoted_formula(
            self.pricer, self.claim, now, rate=self.rate, dividend=self.dividend
        )
        delta, unit = _delta_and_unit(formula, self.claim, now)
        correction = unit * (self.level + self.linear * delta + self.quadratic * delta**2)
        return jnp.zeros_like(now.prices).at[self.claim.asset].set(delta + correction)

    @classmethod
    def fit(
        cls,
        claim: Call | Put,
        pricer: AbstractPricer,
        paths: Path,
        *,
        rate: float = 0.0,
        dividend: float = 0.0,
        marks: Float[Array, "path time"] | None = None,
    ) -> "HullWhiteDelta":
        r"""Coefficients by least squares from moves of the option and its underlier.

        $$\Delta V - \delta\,\Delta S \approx \frac{\mathcal V\,\Delta S}{S\sqrt\tau}\,
        (a + b\,\delta + c\,\delta^2)$$

        over all steps of all paths with more than `SHORTEST` left and a delta not `EXTREME`.
        `marks` are the option's prices along the paths; left out, they are the pricer's.
        """
        terms = {"rate": jnp.asarray(rate, float), "dividend": jnp.asarray(dividend, float)}
        found = observed(claim, pricer, paths, marks, terms)
        value, spot, delta, unit = (np.asarray(x) for x in found)
        move, delta, unit = np.diff(spot), delta[:, :-1], unit[:, :-1]
        left = float(claim.maturity) - np.asarray(paths.time)[:, :-1]
        inside = (np.abs(delta) > EXTREME) & (np.abs(delta) < 1.0 - EXTREME)
        used = (left > SHORTEST) & inside
        if np.count_nonzero(used) < 30:
            raise ValueError(
                "`paths` must have at least 30 steps with two weeks left and a delta between "
                f"{EXTREME} and {1 - EXTREME}, got {np.count_nonzero(used)}."
            )
        missed = np.diff(value) - delta * move
        columns = [unit * move * delta**n for n in range(3)]
        matrix = np.stack([column[used] for column in columns], axis=1)
        level, linear, quadratic = np.linalg.lstsq(matrix, missed[used], rcond=None)[0]
        return cls(claim, pricer, float(level), float(linear), float(quadratic), **terms)

    @classmethod
    def example(cls) -> "HullWhiteDelta":
        """A typical member, for tests and documentation."""
        claim, pricer = Call.example(), BlackScholesFormula.example()
        return cls(claim, pricer, level=-0.25, linear=0.4, quadratic=-0.5)


@eqx.filter_jit
def observed(
    claim: Call | Put,
    pricer: AbstractPricer,
    paths: Path,
    marks: Float[Array, "path time"] | None,
    terms: dict[str, Scalar],
) -> tuple[Array, Array, Array, Array]:
    """The option's price, the spot, delta and the unit of the correction, all along the paths.

    What `fit` is on: `terms` are its `rate` and `dividend`.
    """

    def one(now: Snapshot, mark: Scalar | None) -> tuple[Array, ...]:
        value = pricer.price(claim, now) if mark is None else mark
        vol = vol_of(claim, value, now, **terms)
        delta, unit = _delta_and_unit(BlackScholesFormula(vol=vol, **terms), claim, now)
        return value, now.prices[claim.asset], delta, unit

    # Path by path: a pricer by transforms would fill the memory with all at once.
    return jax.lax.map(lambda path: jax.vmap(one)(*path), (paths.snapshots(), marks))


def _delta_and_unit(
    formula: BlackScholesFormula, claim: Call | Put, now: Snapshot
) -> tuple[Scalar, Scalar]:
    r"""Delta, and the unit of the correction, $\mathcal V/(S\sqrt\tau)$."""
    delta = model_delta(formula, claim, now)[claim.asset]
    size = now.prices[claim.asset] * safe.sqrt(claim.tau(now))
    return delta, safe.divide(model_vega(formula, claim, now), size)
