"""Quantiles learned from draws, one law's draws against another's quantiles."""

import jax.numpy as jnp
import numpy as np

from deephedge.typing import Array, Float, Scalar


def levels(n_quantiles: int, dtype: jnp.dtype) -> Float[Array, " quantile"]:
    r"""The middles of so many equal shares of probability: $(i - \tfrac12)/N$."""
    return jnp.asarray((np.arange(n_quantiles) + 0.5) / n_quantiles, dtype)


def quantile_huber(
    quantiles: Float[Array, " quantile"], draws: Float[Array, " draw"], kink: Scalar
) -> Scalar:
    r"""How badly quantiles at `levels` fit the draws: least where they are those of their law.

    $$\frac1N\sum_i E\,\bigl|\tau_i - 1_{Z < q_i}\bigr|\,\frac{H_k(Z - q_i)}{k},
    \qquad H_k(u) = \begin{cases} u^2/2 & |u| \le k \\ k(|u| - k/2) & |u| > k,\end{cases}$$

    with `kink` k, in the units of the draws. Where k is small beside their spread it is quantile
    regression with slopes that do not jump; a large k finds expectiles instead.

    Reference: Dabney, Rowland, Bellemare and Munos (2018), Distributional reinforcement learning
    with quantile regression, equations 8 to 10; Koenker and Bassett (1978).
    """
    above = draws[None, :] - quantiles[:, None]
    share = levels(quantiles.shape[0], quantiles.dtype)[:, None]
    size = jnp.abs(above)
    near = jnp.minimum(size, kink)
    huber = near * (size - 0.5 * near) / kink
    return jnp.mean(jnp.where(above < 0, 1.0 - share, share) * huber)
