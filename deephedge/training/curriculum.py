"""What training meets first: the same problem at a lower cost."""

from deephedge.training.settings import Schedule


def rising_cost(first: float, n_steps: int) -> Schedule:
    r"""A cost that rises in a line from `first` times itself to the whole within `n_steps`.

    Step k is charged $\min(1, f + (1 - f) k / n)$ of the cost. Without costs every policy is a
    smooth function of its weights, and a network learns what to hold before it learns when not to
    trade; at the whole cost from the start it may learn not to trade at all.

    Reference: Bengio, Louradour, Collobert and Weston (2009), Curriculum learning.
    """
    if not (0.0 <= first <= 1.0 and n_steps >= 1):
        raise ValueError(
            f"`first` must be from 0 to 1 and `n_steps` at least 1, got {first} and {n_steps}."
        )
    return lambda step: min(1.0, first + (1.0 - first) * step / n_steps)
