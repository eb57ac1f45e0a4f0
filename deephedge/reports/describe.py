"""A hedging problem in plain words, from its fields."""

import dataclasses

import numpy as np

from deephedge.pricing import AbstractPricer
from deephedge.rollout import HedgingProblem


def describe(problem: HedgingProblem) -> list[tuple[str, str]]:
    """What was hedged: pairs of a subject and what is to be said of it."""
    last = float(problem.times[-1])
    premium = problem.premium
    received = (
        f"priced at the start of each path by {_object(premium)}"
        if isinstance(premium, AbstractPricer)
        else f"{float(premium):.6g} received at the start"
    )
    closing = "charged" if problem.close_out else "not charged"
    rows = [
        ("Sold", _object(problem.claim)),
        ("Market", _object(problem.market)),
        ("Trading", f"at {problem.n_steps} dates over {last:.4g} years"),
        ("Costs", f"{_object(problem.cost)}; closing the hedge at maturity is {closing}"),
        ("Premium", received),
    ]
    if problem.impact is not None:
        rows.append(("Impact of the hedge on prices", _object(problem.impact)))
    if problem.financing is not None:
        rows.append(("Financing", _object(problem.financing)))
    if problem.execution is not None:
        rows.append(("Execution", _object(problem.execution)))
    return rows


def _object(thing: object) -> str:
    """The class and its fields: `Call, strike 100, maturity 0.25`."""
    if not dataclasses.is_dataclass(thing):
        return str(thing)
    fields = ((f.name, thing.__dict__[f.name]) for f in dataclasses.fields(thing))
    words = [f"{name.replace('_', ' ')} {_value(value)}" for name, value in fields]
    return ", ".join([type(thing).__name__, *(word for word in words if "\n" not in word)])


def _value(value: object) -> str:
    if dataclasses.is_dataclass(value):
        return f"({_object(value)})"
    if isinstance(value, tuple | list):
        return ", ".join(_value(entry) for entry in value)
    if isinstance(value, str | bool) or value is None:
        return str(value)
    array = np.asarray(value)
    if array.size == 1:
        return f"{array.item():.6g}"
    if array.size <= 8:
        return str(array.tolist())
    return f"of shape {array.shape}"
