"""A few paths on which everything moves, and a rule that holds nothing on them."""

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.markets import Path
from deephedge.policies import AbstractTargetPolicy

N_PATHS, N_STEPS, MATURITY = 3, 8, 0.5


class Still(AbstractTargetPolicy):
    """Holds nothing."""

    def observe(self, now):
        return 0.0 * now.prices


def stochastic_paths(seed: int = 0) -> Path:
    """Two assets with random prices, random interest and random dividends on uneven dates."""
    rng = np.random.default_rng(seed)
    steps = rng.uniform(0.5, 1.5, (1, N_STEPS))
    time = np.concatenate([[[0.0]], np.cumsum(steps / steps.sum(), axis=1) * MATURITY], axis=1)
    moves = rng.normal(0.0, 0.06, (N_PATHS, N_STEPS, 2))
    prices = np.array([100.0, 40.0]) * np.exp(_cumulative(moves))
    interest = rng.uniform(-0.01, 0.03, (N_PATHS, N_STEPS))
    dividends = rng.uniform(0.0, 0.02, (N_PATHS, N_STEPS, 2))
    arrays = {
        "time": np.broadcast_to(time, (N_PATHS, N_STEPS + 1)),
        "prices": prices,
        "factors": np.zeros((N_PATHS, N_STEPS + 1, 0)),
        "discount": np.exp(-_cumulative(interest)),
        "accrual": np.exp(_cumulative(dividends)),
        "progress": np.zeros((N_PATHS, N_STEPS + 1, 0)),
    }
    one = {name: jnp.asarray(x[0]) for name, x in arrays.items()}
    structure = jax.tree.structure(Path(**one))
    return jax.tree.unflatten(structure, [jnp.asarray(x) for x in arrays.values()])


def _cumulative(moves: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(moves[:, :1]), np.cumsum(moves, axis=1)], axis=1)
