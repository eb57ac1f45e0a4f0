"""Early exercise in any model by least squares Monte Carlo."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.claims.american import AbstractEarlyExercise
from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractModel, Path, Snapshot
from deephedge.markets.black_scholes import BlackScholes
from deephedge.numerics.checks import at_least_one
from deephedge.numerics.draws import antithetic
from deephedge.pricing.base import AbstractPricer
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

Coefficients = Float[Array, "date feature"]


class LongstaffSchwartz(AbstractPricer):
    r"""The value of a rule of exercise that is learned by regression on simulated paths.

    From maturity back, the cash that a path will still bring is regressed on functions of the
    price over the strike, $x$, and of the model's factors $f$, over the paths in the money:
    $$1,\; e^{-x/2} L_n(x)\ (n < \text{degree}),\; f_j,\; f_j x$$
    with Laguerre's polynomials $L_n$. The holder exercises where that pays more than the fitted
    cash. The price is the mean over *fresh* paths, so that its expectation is never above the
    value with exercise at these dates; see `dual_bound` for a price that is never below.

    Derivatives are pathwise, with the rule held: the best rule's own change is of second order.

    Args:
        n_paths: for the regression, and again for the price; in memory at once. Even.
        n_steps: exercise dates, where the claim does not name its own.
        degree: number of Laguerre polynomials.

    Reference: Longstaff and Schwartz (2001).
    """

    model: AbstractModel
    key: PRNGKeyArray
    n_paths: int = eqx.field(static=True)
    n_steps: int = eqx.field(static=True, default=50)
    degree: int = eqx.field(static=True, default=3)

    def __check_init__(self):
        at_least_one(n_steps=self.n_steps, degree=self.degree)
        if self.n_paths < 2 or self.n_paths % 2:
            raise ValueError(
                f"`n_paths` must be even, for antithetic pairs, got {self.n_paths}; "
                f"pass `n_paths={self.n_paths + 1}`."
            )

    def price(self, claim: AbstractClaim, now: Snapshot) -> Scalar:
        return self.estimate(claim, now)[0]

    def estimate(self, claim: AbstractClaim, now: Snapshot) -> tuple[Scalar, Scalar]:
        """The price and its standard error."""
        claim = early_exercise(claim, "LongstaffSchwartz")
        live = claim.tau(now) > 0
        # Double where: at expiry, a life of a year that nobody reads.
        now = eqx.tree_at(lambda n: n.time, now, jnp.where(live, now.time, claim.maturity - 1.0))
        learning, pricing = jax.random.split(self.key)
        rule = lax.stop_gradient(self.rule(claim, now, self.paths(claim, now, learning)))
        paths = self.paths(claim, now, pricing)
        cash = jnp.mean(self.cash(claim, now, rule, paths).reshape(-1, 2), axis=1)
        value, error = jnp.mean(cash), jnp.std(cash, ddof=1) / cash.shape[0] ** 0.5
        at_once = jnp.maximum(claim.intrinsic(now.prices[claim.asset]), 0.0)
        if claim.any_time:
            value = jnp.maximum(value, at_once)
        return jnp.where(live, value, at_once), jnp.where(live, error, 0.0)

    def paths(self, claim: AbstractEarlyExercise, now: Snapshot, key: PRNGKeyArray) -> Path:
        """Paths from `now` along the exercise dates, in antithetic pairs."""
        dates, _ = claim.dates(now, self.n_steps)
        times = jnp.concatenate([now.time[None], dates])
        n_normals = self.model.normals_per_step
        source = antithetic(key, self.n_paths, dates.shape[0], n_normals, times.dtype)
        model = self.model.at(now)
        return jax.vmap(lambda i: model.path(times, source(i)))(jnp.arange(self.n_paths))

    def rule(self, claim: AbstractEarlyExercise, now: Snapshot, paths: Path) -> Coefficients:
        """The fitted value of waiting at each date but the last, per unit of strike."""
        gain, permitted = gains(claim, now, paths)
        features = self.features(claim, paths)[:, 1:-1]

        def back(cash: Array, inputs: tuple[Array, ...]) -> tuple[Array, Array]:
            gain, features, allowed = inputs
            inside = gain > 0
            rows = jnp.where(inside[:, None], features, 0.0)
            fit = least_squares(rows, jnp.where(inside, cash, 0.0))
            exercised = inside & allowed & (gain >= features @ fit)
            return jnp.where(exercised, gain, cash), fit

        inputs = (gain[:, :-1].T, jnp.moveaxis(features, 1, 0), permitted[:-1])
        last = jnp.maximum(gain[:, -1], 0.0)
        return lax.scan(back, last, inputs, reverse=True)[1]

    def cash(
        self, claim: AbstractEarlyExercise, now: Snapshot, rule: Coefficients, paths: Path
    ) -> Float[Array, " path"]:
        """What each path pays under the rule, in cash of `now`."""
        gain, permitted = gains(claim, now, paths)
        waiting = jnp.sum(self.features(claim, paths)[:, 1:-1] * rule[None], axis=2)
        stops = (gain[:, :-1] > 0) & (gain[:, :-1] >= waiting) & permitted[None, :-1]
        stops = jnp.concatenate([stops, jnp.ones_like(stops[:, :1])], axis=1)
        first = jnp.argmax(stops, axis=1)
        cash = jnp.take_along_axis(gain, first[:, None], axis=1)[:, 0]
        return jnp.maximum(cash, 0.0) * claim.strike

    def features(
        self, claim: AbstractEarlyExercise, paths: Path
    ) -> Float[Array, "path time feature"]:
        """The functions of the state that the regression is on."""
        x = paths.prices[:, :, claim.asset] / claim.strike
        weight = jnp.exp(-0.5 * x)
        polynomials = [jnp.ones_like(x), 1.0 - x]
        for n in range(1, self.degree):
            polynomials.append(
                ((2 * n + 1 - x) * polynomials[n] - n * polynomials[n - 1]) / (n + 1)
            )
        columns = [jnp.ones_like(x), *[weight * p for p in polynomials[: self.degree]]]
        for j in range(paths.factors.shape[2]):
            factor = paths.factors[:, :, j]
            columns += [factor, factor * x]
        return jnp.stack(columns, axis=2)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["LongstaffSchwartz", Snapshot]:
        model, now = self.model.shifted(now, vol=vol, rate=rate)
        return dataclasses.replace(self, model=model), now

    @classmethod
    def example(cls) -> "LongstaffSchwartz":
        """A typical member, for tests and documentation."""
        return cls(BlackScholes.example(), jax.random.key(0), n_paths=512, n_steps=4)


def gains(
    claim: AbstractEarlyExercise, now: Snapshot, paths: Path
) -> tuple[Float[Array, "path date"], Array]:
    """Exercise values at the dates in cash of `now` per unit of strike; whether it is allowed."""
    _, permitted = claim.dates(now, paths.time.shape[1] - 1)
    value = claim.intrinsic(paths.prices[:, 1:, claim.asset]) / claim.strike
    return value * paths.discount[:, 1:] / paths.discount[:, :1], permitted


def early_exercise(claim: AbstractClaim, pricer: str) -> AbstractEarlyExercise:
    """The claim itself, if it may be exercised early; otherwise a `TypeError` with a way out."""
    if not isinstance(claim, AbstractEarlyExercise):
        raise TypeError(
            f"{pricer} prices claims with early exercise, got {type(claim).__name__}; "
            "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)`."
        )
    return claim


def least_squares(
    rows: Float[Array, "path feature"], target: Float[Array, " path"]
) -> Float[Array, " feature"]:
    """Coefficients of least squares; directions that the data do not determine get none."""
    q, r = jnp.linalg.qr(rows)
    u, sizes, vt = jnp.linalg.svd(r)
    known = sizes > 1e2 * jnp.finfo(rows.dtype).eps * jnp.maximum(sizes[0], 1e-30)
    inverse = jnp.where(known, 1.0 / jnp.where(known, sizes, 1.0), 0.0)
    return vt.T @ (inverse * (u.T @ (q.T @ target)))
