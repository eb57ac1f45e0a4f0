"""A market learned from recorded returns."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from deephedge.markets.base import (
    AbstractModel,
    Path,
    Snapshot,
    at_start,
    flat_discount,
    one_asset_path,
)
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, optional, positive, real
from deephedge.numerics.perceptron import Perceptron, silent_network
from deephedge.numerics.running import partial_sums
from deephedge.numerics.sinh_arcsinh import SinhArcsinh
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

VOL_DECAYS = (0.6, 0.85, 0.94, 0.985)
"""Share of the past a day in each average of squared returns: 2.5, 7, 17 and 67 days."""

TREND_DECAYS = (0.5, 0.9)
"""The same for the averages of returns."""

REACH = 3.0
"""The logarithm of volatility stays within this of that of `level`."""


class ConditionalFlow(AbstractModel):
    r"""Daily returns whose law is a network's function of the returns before.

    One step is one trading day of $\Delta$ years, whatever its length; $z$ is its one normal:

    $$\log\frac{S_{t+1}}{S_t} = (r - q)\Delta + y, \quad y = \sigma_t\sqrt\Delta\,x_t(z)
    - \log E\,e^{\sigma_t\sqrt\Delta\,x_t}$$

    where the volatility $\sigma_t$ and the two shapes of the law of $x_t$, a `SinhArcsinh` with
    mean 0 and mean square 1, are a network's outputs, from exponentially weighted averages of
    $y^2/\Delta$ over four horizons (`vols`, their roots) and of $y/\sqrt\Delta$ over two
    (`trends`). With a network that is silent, $\sigma_t$ is the average over 17 days, as in
    RiskMetrics. Discounted prices are martingales; a `drift` in place of $r - q$ makes the law
    the real-world one. Everything is differentiable, in the network's weights too.

    The factors are $\sigma_t$, `vols` and `trends`, so that a path can start again from any date.
    Made from a record of prices by `fit_conditional_flow`; `save_market` keeps it.

    Today's normal moves later laws, and the price not affinely, so that Monte Carlo has no
    second-order Greeks here (they are not a number).

    Reference: Papamakarios et al. (2021), Normalizing flows; Corsi (2009) for the horizons.
    """

    spot: Scalar = eqx.field(converter=positive("spot"))
    vols: Float[Array, " horizon"] = eqx.field(converter=non_negative("vols"))
    trends: Float[Array, " trend"] = eqx.field(converter=real("trends"))
    level: Scalar = eqx.field(converter=positive("level"))
    network: Perceptron
    rate: Scalar = eqx.field(converter=real("rate"), default=0.0)
    dividend: Scalar = eqx.field(converter=real("dividend"), default=0.0)
    drift: Scalar | None = eqx.field(converter=optional(real("drift")), default=None)

    def __check_init__(self):
        for name, got, decays in (
            ("vols", self.vols, VOL_DECAYS),
            ("trends", self.trends, TREND_DECAYS),
        ):
            if got.shape != (len(decays),):
                raise ValueError(f"`{name}` must be {len(decays)} numbers, got {got.shape}.")

    @property
    def normals_per_step(self) -> int:
        return 1

    def start(self) -> Snapshot:
        return at_start(self.spot[None], self._factors(self.vols, self.trends))

    def path(self, times: Float[Array, " time"], normals: Float[Array, "step normal"]) -> Path:
        growth = self.rate - self.dividend if self.drift is None else self.drift

        def step(state: tuple[Array, Array], inputs: tuple[Scalar, Scalar]):
            root, z = inputs
            vol, law = self.law(*state)
            excess = vol * root * law(z) - law.log_moment(vol * root)
            state = following(*state, excess / root)
            return state, (excess, self._factors(*state))

        dt = jnp.diff(times)
        start = (self.vols, self.trends)
        _, (excess, factors) = lax.scan(step, start, (jnp.sqrt(dt), normals[:, 0]))
        log_growth = partial_sums(excess + growth * dt)
        return one_asset_path(
            times,
            self.spot * jnp.exp(log_growth),
            discount=flat_discount(times, self.rate),
            dividend=self.dividend,
            factors=jnp.concatenate([self._factors(*start)[None], factors]),
        )

    def law(
        self, vols: Float[Array, " horizon"], trends: Float[Array, " trend"]
    ) -> tuple[Scalar, SinhArcsinh]:
        """Volatility per year of the next day, and the law of its standardised return."""
        relative = safe.log(vols / self.level, floor=1e-3)
        features = jnp.concatenate([relative, trends / (vols[-1] + 0.1 * self.level)])
        out = self.network(features)
        log_vol = REACH * jnp.tanh((relative[2] + out[0]) / REACH)
        # The tail is 0.8 for a silent network, and always above 0.55: prices have means.
        law = SinhArcsinh(
            skew=0.5 * jnp.tanh(out[1]), tail=0.55 + jax.nn.sigmoid(out[2] - 1.0986123)
        )
        return self.level * jnp.exp(log_vol), law

    def log_density(
        self,
        vols: Float[Array, " horizon"],
        trends: Float[Array, " trend"],
        excess: Scalar,
        dt: Scalar,
    ) -> Scalar:
        r"""Of the next day's log-return less its growth, $y$."""
        vol, law = self.law(vols, trends)
        scale = vol * jnp.sqrt(dt)
        z, slope = law.inverse((excess + law.log_moment(scale)) / scale)
        return -0.5 * (z**2 + jnp.log(2.0 * jnp.pi * scale**2)) + slope

    def _factors(
        self, vols: Float[Array, " horizon"], trends: Float[Array, " trend"]
    ) -> Float[Array, " factor"]:
        return jnp.concatenate([self.law(vols, trends)[0][None], vols, trends])

    def at(self, now: Snapshot) -> "ConditionalFlow":
        vols, trends = jnp.split(now.factors[1:], [len(VOL_DECAYS)])
        return dataclasses.replace(self, spot=now.prices[0], vols=vols, trends=trends, drift=None)

    def shifted(
        self, now: Snapshot, *, vol: Scalar, rate: Scalar
    ) -> tuple["ConditionalFlow", Snapshot]:
        """`vol` moves the averages over every horizon; the network does the rest."""
        vols, trends = jnp.split(now.factors[1:], [len(VOL_DECAYS)])
        factors = self._factors(jnp.maximum(vols + vol, 0.0), trends)
        return (
            dataclasses.replace(self, rate=self.rate + rate),
            dataclasses.replace(now, factors=factors),
        )

    @classmethod
    def untrained(
        cls, *, spot: object, level: object, key: PRNGKeyArray, width: int = 16, depth: int = 1
    ) -> "ConditionalFlow":
        """The start of training: RiskMetrics volatility, mildly heavy tails."""
        level = positive("level")(level)
        n_in, dtype = len(VOL_DECAYS) + len(TREND_DECAYS), level.dtype
        return cls(
            spot=spot,
            vols=jnp.full(len(VOL_DECAYS), level),
            trends=jnp.zeros(len(TREND_DECAYS), dtype),
            level=level,
            network=silent_network(n_in, 3, width=width, depth=depth, dtype=dtype, key=key),
        )

    @classmethod
    def example(cls) -> "ConditionalFlow":
        """A typical member, for tests and documentation."""
        market = cls.untrained(spot=100.0, level=0.2, key=jax.random.key(0), width=4)
        return dataclasses.replace(market, rate=real("rate")(0.02), dividend=real("dividend")(0.01))


def following(
    vols: Float[Array, " horizon"], trends: Float[Array, " trend"], move: Scalar
) -> tuple[Float[Array, " horizon"], Float[Array, " trend"]]:
    r"""The averages a day later, after the `move` $y/\sqrt\Delta$."""
    slow, fast = (jnp.asarray(x, vols.dtype) for x in (VOL_DECAYS, TREND_DECAYS))
    vols = safe.sqrt(slow * vols**2 + (1.0 - slow) * move**2)
    return vols, fast * trends + (1.0 - fast) * move
