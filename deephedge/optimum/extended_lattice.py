"""Prices on a recombining lattice: a tree by itself, or a market's returns on a grid."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets.black_scholes import BlackScholes
from deephedge.markets.kou import Kou
from deephedge.markets.merton import Merton
from deephedge.optimum.quadratic_step import growth
from deephedge.typing import Float

N_FREQUENCIES = 4096
"""Points of a return's law before the ends are cut."""

LEAST = 1e-9
"""Probability that the lattice of a market leaves out at each end of a return."""


@dataclasses.dataclass(frozen=True)
class Lattice:
    r"""Independent returns $R_j = e^{g + jh}$ with probability $p_j$, j = 0 ... m - 1.

    Prices are discounted, dividends reinvested: $X_k = X_0 e^{kg + ih}$, i = 0 ... k(m - 1).

    The law of one step, on the host in float64, for as many steps as are asked for. `Tree`, of
    `solve_tree`, has a last date and an interest rate, and is compiled and differentiated.
    """

    spot: float
    tick: float
    """h, the logarithm of the ratio of neighbouring returns."""
    lowest: float
    """g, the logarithm of the lowest return."""
    probabilities: Float[np.ndarray, " branch"]

    @property
    def returns(self) -> Float[np.ndarray, " branch"]:
        """R of each branch."""
        return np.exp(self.lowest + self.tick * np.arange(len(self.probabilities)))

    @classmethod
    def binomial(cls, *, spot: float, up: float, down: float, probability: float) -> "Lattice":
        """Cox, Ross and Rubinstein's: a return `up` with the probability, else `down`."""
        chances = np.array([1.0 - probability, probability])
        return cls(spot, math.log(up / down), math.log(down), chances)

    @classmethod
    def of_market(
        cls,
        market: BlackScholes | Merton | Kou,
        dt: float,
        *,
        per_deviation: int = 2,
    ) -> "Lattice":
        r"""A step's law at points `per_deviation` to a deviation of the diffusion.

        $p_j = \frac{h}{2\pi}\int_{-\pi/h}^{\pi/h}\varphi(u)e^{-iux_j}du$: the diffusion leaves
        nothing beyond, and the mean of any function smooth on the scale of the points is exact.
        A return of 1 is one of the points. With fewer than two to a deviation the integral would
        miss a part of the law.
        """
        if per_deviation < 2:
            raise ValueError(f"`per_deviation` must be 2 or more, got {per_deviation}.")
        with jax.enable_x64(True):
            vol, spot = float(np.ravel(market.vol)[0]), float(market.start().prices[0])
            tick = vol * math.sqrt(dt) / per_deviation
            n = N_FREQUENCIES
            u = 2.0 * np.pi * np.fft.fftfreq(n, d=1.0) / tick
            log = market.log_characteristic(
                jnp.asarray(u + 0j), jnp.asarray(dt), jnp.zeros(0, jnp.float64)
            )
            law = np.fft.fft(np.exp(np.asarray(log) + 1j * u * float(growth(market)) * dt)) / n
        law = np.maximum(np.fft.fftshift(law.real), 0.0)
        kept = np.flatnonzero((np.cumsum(law) > LEAST) & (np.cumsum(law[::-1])[::-1] > LEAST))
        chances = law[kept[0] : kept[-1] + 1]
        lowest = (kept[0] - n // 2) * tick
        return cls(spot, tick, lowest, chances / chances.sum())
