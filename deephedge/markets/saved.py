"""Learned markets on disk: their arrays as safetensors, with a configuration beside them."""

import dataclasses
import pathlib

import jax

from deephedge.markets.conditional_flow import ConditionalFlow
from deephedge.numerics.checks import real
from deephedge.numerics.tensors import (
    load_configuration,
    load_tensors,
    read_tensors,
    save_tensors,
)

TYPE = ConditionalFlow.__name__


def save_market(path: pathlib.Path, market: ConditionalFlow, configuration: dict) -> None:
    """Write a learned market whole, with what a reader should know of its making.

    `configuration` is yours: the record, its dates, the seed. It must be what JSON can hold, and
    gets the market's class as its `type`.
    """
    save_tensors(path, market, {**configuration, "type": TYPE})


def load_market(
    path: str | pathlib.Path,
    *,
    spot: float | None = None,
    rate: float | None = None,
    dividend: float | None = None,
    keep_drift: bool = True,
) -> ConditionalFlow:
    """The market that `save_market` wrote: the same paths, bit for bit, in the same precision.

    In a study, `type = "Learned"` with the same arguments.

    Args:
        path: of the file, seen from where the program runs.
        spot: a price to start from instead of the record's last.
        rate: per year, instead of the saved one.
        dividend: per year, instead of the saved one.
        keep_drift: whether the record's mean growth stays; without it, discounted prices are
            martingales and no policy can earn on average.
    """
    if not isinstance(path, str | pathlib.Path):
        raise ValueError(f"`path` must be the path of a saved market, got {path!r}.")
    path = pathlib.Path(path)
    tensors = read_tensors(path, "a saved market")
    kind = load_configuration(path).get("type")
    if kind != TYPE:
        raise ValueError(f"`path` must be a file of a saved {TYPE}, got {path}, which has {kind}.")
    depth = sum(name.startswith("network.weights") for name in tensors) - 1
    template = ConditionalFlow.untrained(
        spot=1.0,
        level=1.0,
        width=tensors["network.weights[0]"].shape[1],
        depth=depth,
        key=jax.random.key(0),  # of weights that the file's replace
    )
    if "drift" in tensors:
        template = dataclasses.replace(template, drift=real("drift")(0.0))
    stated = {"spot": spot, "rate": rate, "dividend": dividend}
    changes = {name: value for name, value in stated.items() if value is not None}
    market = dataclasses.replace(load_tensors(path, template, "market"), **changes)
    return market if keep_drift else dataclasses.replace(market, drift=None)
