"""The numbers of three deltas, from the S&P 500 of 1999 to 2003 alone.

`sp500_every_hedge` and `sp500_every_strategy.py` try them on 2014 to 2018. Quoted volatility is
not on record before 2014, so that its moves cannot be regressed on those of the index. Heston's
model is fitted to the closes by likelihood instead, and the rest follows from it: the move of the
implied volatility of a short option per unit of log-price, rho sigma / (4 vol), is Bartlett's
slope; Hull and White's quadratic is fitted to a month's call along 512 paths of the model.

    python experiments/sp500_deltas.py
"""

import datetime

import jax
import numpy as np

from deephedge.calibration import fit_heston
from deephedge.claims import Call
from deephedge.data import sp500
from deephedge.markets import Heston, simulate
from deephedge.policies import HullWhiteDelta
from deephedge.pricing import Fourier
from deephedge.rollout import time_grid

FIRST, LAST = datetime.date(1999, 1, 1), datetime.date(2003, 12, 31)

HESTON = Heston(
    spot=100.0,
    variance=0.0527,
    mean_reversion=4.554,
    long_variance=0.0527,
    vol_of_variance=0.474,
    correlation=-0.906,
)
"""As fitted (standard errors 1.4, 0.010, 0.063, 0.035); it starts at the long run's variance."""


def fitted() -> dict[str, float]:
    """The numbers, by name."""
    closes = sp500().column("close").loc[str(FIRST) : str(LAST)]
    found = fit_heston(closes.to_numpy(), dt=1 / 252)
    names = ("mean_reversion", "long_variance", "vol_of_variance", "correlation")
    numbers = {name: found.parameters[name] for name in names}
    errors = {name: found.standard_errors[name] for name in names}
    print("Heston", {name: f"{numbers[name]:.4f} ± {errors[name]:.4f}" for name in names})
    model = Heston(spot=100.0, variance=numbers["long_variance"], **numbers)
    vol = numbers["long_variance"] ** 0.5
    numbers["slope"] = numbers["correlation"] * numbers["vol_of_variance"] / (4.0 * vol)
    claim = Call(strike=100.0, maturity=1 / 12)
    paths = simulate(model, time_grid(1 / 12, 21), 512, key=jax.random.key(0))
    delta = HullWhiteDelta.fit(claim, Fourier(model), paths)
    return numbers | {
        name: float(np.asarray(vars(delta)[name])) for name in ("level", "linear", "quadratic")
    }


if __name__ == "__main__":
    for name, value in fitted().items():
        print(f"{name} {value:.5f}")
