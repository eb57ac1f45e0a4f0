"""Points of a sweep that optuna proposes, each in the light of those before it."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from deephedge.cli.tables import StudyError


def proposed(
    axes: Mapping[str, Any], n_trials: int, seed: int, values: Callable[[], list[float]]
) -> Iterator[dict[str, Any]]:
    """`n_trials` points, by a tree of Parzen estimators.

    Trial k depends on the seed, on k and on what the trials before it found, so that a sweep that
    is started again proposes the same points.

    Args:
        values: what the points so far have found, in their order; less is better.

    Reference: Bergstra, Bardenet, Bengio and Kégl (2011), Algorithms for hyper-parameter
    optimization.
    """
    if n_trials < 1:
        raise StudyError((), f"--trials: must be at least 1, got {n_trials}.")
    try:
        optuna = importlib.import_module("optuna")
    except ImportError:
        raise StudyError(
            (), "--trials: needs optuna; install it with: pip install 'deephedge[sweep]'."
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    kinds = {key: _kind(optuna, key, axis) for key, axis in axes.items()}
    done: list[dict[str, Any]] = []
    for trial in range(n_trials):
        study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed + trial))
        for point, value in zip(done, values(), strict=True):
            study.add_trial(
                optuna.trial.create_trial(params=point, distributions=kinds, value=value)
            )
        done.append(study.ask(kinds).params)
        yield {key: done[-1][key] for key in axes}


def _kind(optuna: Any, key: str, axis: Any) -> Any:
    """A list of values, or a range of numbers."""
    if isinstance(axis, list):
        return optuna.distributions.CategoricalDistribution(axis)
    low, high = axis["low"], axis["high"]
    whole = isinstance(low, int) and isinstance(high, int)
    kinds = optuna.distributions
    kind = kinds.IntDistribution if whole else kinds.FloatDistribution
    try:
        return kind(**axis)
    except (TypeError, ValueError) as error:
        raise StudyError(("sweep", key), f"must be a range {{low, high, log}}: {error}") from None
