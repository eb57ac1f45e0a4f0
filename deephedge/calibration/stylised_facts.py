"""What daily returns have in common, whatever the share."""

import jax
import jax.numpy as jnp

from deephedge.typing import Array, Float, Scalar


@jax.jit
def stylised_facts(returns: Float[Array, " step"]) -> dict[str, Scalar]:
    r"""The regularities of one record of daily log-returns, each as a number.

    * `excess_kurtosis`, `skewness`: of one day.
    * `excess_kurtosis_20`: of sums over 20 days; nearer to 0 (aggregational Gaussianity).
    * `autocorrelation`: the mean of those of returns at lags 1 to 5; near 0.
    * `clustering_1`, `clustering_20`, `clustering_60`: the mean autocorrelation of $|r|$ at lags
      1 to 5, 16 to 25 and 51 to 70: positive, and slow to decay.
    * `leverage`: the mean correlation of $r_t$ with $r_{t+k}^2$ for k of 1 to 10; negative.

    Reference: Cont (2001), Empirical properties of asset returns.
    """
    size = jnp.abs(returns)
    n = returns.shape[0] // 20 * 20
    monthly = jnp.sum(returns[:n].reshape(-1, 20), axis=1)
    return {
        "excess_kurtosis": _moment(returns, 4) - 3.0,
        "skewness": _moment(returns, 3),
        "excess_kurtosis_20": _moment(monthly, 4) - 3.0,
        "autocorrelation": _mean_correlation(returns, returns, range(1, 6)),
        "clustering_1": _mean_correlation(size, size, range(1, 6)),
        "clustering_20": _mean_correlation(size, size, range(16, 26)),
        "clustering_60": _mean_correlation(size, size, range(51, 71)),
        "leverage": _mean_correlation(returns, returns**2, range(1, 11)),
    }


def _moment(x: Float[Array, " step"], order: int) -> Scalar:
    centred = x - jnp.mean(x)
    return jnp.mean(centred**order) / jnp.mean(centred**2) ** (order / 2)


def _mean_correlation(x: Float[Array, " step"], y: Float[Array, " step"], lags: range) -> Scalar:
    """The mean over the lags k of the correlation of $x_t$ with $y_{t+k}$."""
    n = x.shape[0]
    x, y = x - jnp.mean(x), y - jnp.mean(y)
    size = n * jnp.sqrt(jnp.mean(x**2) * jnp.mean(y**2))
    # All lags at once: a product of transforms is a convolution, here on padded series.
    products = jnp.fft.irfft(jnp.conj(jnp.fft.rfft(x, 2 * n)) * jnp.fft.rfft(y, 2 * n))
    return jnp.mean(products[lags.start : lags.stop]) / size
