"""The variance of a GARCH model with known parameters, filtered from returns."""

import equinox as eqx
import jax.numpy as jnp

from deephedge.markets.garch import Garch
from deephedge.numerics import safe
from deephedge.numerics.checks import non_negative, positive
from deephedge.policies.forecasts.base import AbstractForecast
from deephedge.typing import Scalar


class GarchFilter(AbstractForecast):
    r"""GARCH(1,1), and with `leverage` the model of Glosten, Jagannathan and Runkle.

    $$h_t = \omega + (\alpha + \gamma 1\{r_t < 0\})\,r_t^2/\Delta_t + \beta h_{t-1}$$

    with variances per year: $\omega$ `base`, $\alpha$ `news`, $\beta$ `memory`, $\gamma$
    `leverage`, as in the market `Garch`; `start` is $\sqrt{h_0}$. One step is one of the model's
    days. Returns are taken as they are, without the model's small mean.

    Reference: Bollerslev (1986), equation 2; Glosten, Jagannathan and Runkle (1993).
    """

    start: Scalar = eqx.field(converter=positive("start"))
    base: Scalar = eqx.field(converter=positive("base"))
    news: Scalar = eqx.field(converter=non_negative("news"))
    memory: Scalar = eqx.field(converter=non_negative("memory"))
    leverage: Scalar = eqx.field(converter=non_negative("leverage"), default=0.0)

    @classmethod
    def of(cls, model: Garch) -> "GarchFilter":
        """The filter that knows the parameters of a market."""
        return cls(
            start=jnp.sqrt(model.variance),
            base=model.base,
            news=model.news,
            memory=model.memory,
            leverage=model.leverage,
        )

    def init(self) -> Scalar:
        return self.start**2

    def update(self, squared: Scalar, log_return: Scalar, memory: Scalar) -> Scalar:
        news = self.news + jnp.where(log_return < 0, self.leverage, 0.0)
        return self.base + news * squared + self.memory * memory

    def vol(self, memory: Scalar) -> Scalar:
        return safe.sqrt(memory)

    @classmethod
    def example(cls) -> "GarchFilter":
        """A typical member, for tests and documentation."""
        return cls(start=0.2, base=0.0012, news=0.06, memory=0.91)
