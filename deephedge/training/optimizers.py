"""The update rules that training uses unless it is given another."""

import functools

import optax

from deephedge.numerics.checks import refuse_other

SCHEDULES = ("cosine", "constant", "warmup")
"""How the learning rate goes: to zero by a cosine, not at all, or up for a tenth and then down."""


@functools.cache
def default_optimizer(
    n_steps: int, learning_rate: float = 0.01, schedule: str = "cosine", accumulate: int = 1
) -> optax.GradientTransformation:
    """Adam with a schedule over the run; by default a cosine decay to zero.

    Args:
        schedule: "cosine", "constant", or "warmup": from a tenth of the rate up over the first
            tenth of the run, then the cosine.
        accumulate: how many gradients are averaged before the weights move once.
    """
    n_moves = max(n_steps // accumulate, 1)
    match schedule:
        case "cosine":
            rate = optax.cosine_decay_schedule(learning_rate, n_moves)
        case "constant":
            rate = optax.constant_schedule(learning_rate)
        case "warmup":
            rate = optax.warmup_cosine_decay_schedule(
                0.1 * learning_rate, learning_rate, max(n_moves // 10, 1), max(n_moves, 2)
            )
        case _:
            raise ValueError(f"`schedule` must be one of {', '.join(SCHEDULES)}, got {schedule!r}.")
    adam = optax.adam(rate)
    if accumulate == 1:
        return adam
    return optax.MultiSteps(adam, every_k_schedule=accumulate).gradient_transformation()


@functools.lru_cache(maxsize=64)
def clipped(
    optimizer: optax.GradientTransformation, clip_norm: float
) -> optax.GradientTransformation:
    """The same object for the same rule: a compiled update is found again by it."""
    refuse_other("optimizer", optimizer, optax.GradientTransformation, "optax.adam(0.01)")
    return optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)
