"""How sure a least-squares fit is of its parameters."""

from collections.abc import Sequence

import numpy as np

from deephedge.typing import Float


def standard_errors(
    names: Sequence[str],
    jacobian: Float[np.ndarray, "quote parameter"],
    errors: Float[np.ndarray, " quote"],
    penalty: Float[np.ndarray, "term parameter"] | None = None,
) -> dict[str, float]:
    r"""Roots of the diagonal of $s^2 (J'J + P'P)^{-1}$; infinite where nothing tells.

    $s^2 = e'e / (n - \operatorname{tr} J (J'J + P'P)^{-1} J')$, the trace being the number of
    parameters where there is no penalty. P holds the slopes of the `penalty`'s roots: a normal
    belief, of variance $s^2$ for each of them. The errors then hold on average over parameters so
    believed in, and count the penalty's bias; they are no errors of parameters of any other kind.

    Reference: Wahba (1983), Bayesian confidence intervals for the cross-validated smoothing spline.
    """
    n_quotes, n_free = jacobian.shape
    rows = jacobian if penalty is None else np.concatenate([jacobian, penalty])
    size = np.linalg.norm(rows, axis=0)
    unit = np.where(size > 0, size, 1.0)
    left, singular, directions = np.linalg.svd(rows / unit, full_matrices=False)
    told = singular > 1e-10 * singular[0]
    shares = directions**2
    variance = (shares[told] / singular[told, None] ** 2).sum(axis=0)
    variance = np.where((shares[~told] > 1e-6).any(axis=0), np.inf, variance)
    # Directions that nothing tells count as parameters all the same.
    untold = n_free - np.sum(told)
    spent = untold + np.sum(left[:n_quotes, told] ** 2)
    spread = np.sqrt(np.sum(errors**2) / (n_quotes - spent))
    return {
        name: float(spread * x) for name, x in zip(names, np.sqrt(variance) / unit, strict=True)
    }


def sampling_errors(
    names: Sequence[str],
    jacobian: Float[np.ndarray, "quote parameter"],
    batches: Float[np.ndarray, "batch quote"],
    errors: dict[str, float],
) -> dict[str, float]:
    r"""The errors with those that simulated prices bring added in squares.

    A batch of paths with weighted errors $e_b$ would move the fit by $-(J'J)^{-1}J'(e_b - \bar
    e)$; the variance of the mean of n such moves is theirs over n.
    """
    if batches.shape[0] < 2:
        return errors
    size = np.linalg.norm(jacobian, axis=0)
    unit = np.where(size > 0, size, 1.0)
    moves = np.linalg.lstsq(jacobian / unit, (batches - batches.mean(axis=0)).T, rcond=1e-10)[0]
    own = np.var(moves / unit[:, None], axis=1, ddof=1) / batches.shape[0]
    return {
        name: float(np.hypot(errors[name], np.sqrt(x))) for name, x in zip(names, own, strict=True)
    }
