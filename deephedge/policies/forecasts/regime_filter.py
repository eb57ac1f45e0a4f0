"""The volatility that the chances of hidden regimes imply, filtered from returns."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.numerics import hidden_markov, safe
from deephedge.numerics.checks import as_array, positive, real
from deephedge.policies.forecasts.base import AbstractForecast
from deephedge.typing import Array, Float, Scalar


def _chances(value: object) -> Array:
    """Chances of moving from row to column in a step."""
    array = as_array("transition", value)
    if isinstance(array, Tracer):
        return array
    got = np.asarray(array)
    square = got.ndim == 2 and got.shape[0] == got.shape[1]
    if not square or np.any(got < 0) or not np.allclose(got.sum(axis=1), 1.0, atol=1e-5):
        raise ValueError(
            "`transition` must be a square matrix of chances whose rows add up to 1, got "
            f"{got.tolist()}."
        )
    return array


class RegimeFilter(AbstractForecast):
    r"""Hamilton's filter: the volatility of the next step is a mixture over the regimes.

    $$\hat\sigma^2 = \sum_j p_j\,(\sigma_j^2 + (m_j - \bar m)^2\,\Delta), \qquad
    p' \propto (p \odot f(r))\,P$$

    with p the chances of the regimes in the next step, f the normal densities of the return over
    a step of `dt` years with `means` m and `vols` $\sigma$ per year, and P `transition`. Before
    any return the chances are those of the long run.

    Reference: Hamilton (1989), section 4.
    """

    means: Float[Array, " regime"] = eqx.field(converter=real("means"))
    vols: Float[Array, " regime"] = eqx.field(converter=positive("vols"))
    transition: Float[Array, "regime regime"] = eqx.field(converter=_chances)
    dt: Scalar = eqx.field(converter=positive("dt"), default=1 / 252)

    def __check_init__(self):
        n = self.transition.shape[0]
        if self.means.shape != (n,) or self.vols.shape != (n,):
            raise ValueError(
                f"`means` and `vols` must have a value per row of `transition`, {n}, got shapes "
                f"{self.means.shape} and {self.vols.shape}."
            )

    @property
    def start(self) -> Scalar:
        """Volatility per year in the long run."""
        return self.vol(self.init())

    def init(self) -> Float[Array, " regime"]:
        return hidden_markov.stationary(self.transition)

    def update(
        self, squared: Scalar, log_return: Scalar, memory: Float[Array, " regime"]
    ) -> Float[Array, " regime"]:
        deviations = self.vols * safe.sqrt(self.dt)
        density = hidden_markov.normal_log_density(
            log_return[None], self.means * self.dt, deviations
        )
        return hidden_markov.updated(memory, density[0])[0] @ self.transition

    def vol(self, memory: Float[Array, " regime"]) -> Scalar:
        spread = (self.means - jnp.sum(memory * self.means)) ** 2 * self.dt
        return safe.sqrt(jnp.sum(memory * (self.vols**2 + spread)))

    @classmethod
    def example(cls) -> "RegimeFilter":
        """A typical member, for tests and documentation."""
        moves = [[0.99, 0.01], [0.03, 0.97]]
        return cls(means=[0.1, -0.1], vols=[0.1, 0.3], transition=moves)  # pyright: ignore[reportCallIssue]
