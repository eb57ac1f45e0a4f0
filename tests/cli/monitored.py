"""A position and a stream in a folder, monitored, and the engine's ledger of the same path."""

import dataclasses
import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.cli.app import command
from deephedge.cli.position import open_position
from deephedge.markets import Path
from deephedge.rollout import HedgingProblem, replay


class Monitored:
    """Writes streams beside a position, and monitors them."""

    def __init__(self, folder, text, header):
        self.state = folder / "position.state.json"
        self.position = folder / "position.toml"
        self.folder, self.text, self.header = folder, text, header

    def __call__(self, lines, *options, text=None, market=None, header=None, form="--json"):
        self.position.write_text(text or self.text)
        stream = self.folder / "quotes.csv"
        stream.write_text("\n".join([header or self.header, *lines]) + "\n")
        return command(["monitor", str(self.position), market or str(stream), form, *options])


def printed(capsys):
    out, err = capsys.readouterr()
    return [json.loads(line) for line in out.splitlines()], err


def replayed(desk, times, spots, factors, marks=None):
    """The engine's ledger on the path of the quotes, for the same position.

    `marks` are quotes of the listed contracts, not a number where there are none.
    """
    position = open_position(desk.position)
    problem = position.problem
    # The grid of the quotes instead of the two dates of a position, and its cash as the premium.
    problem = HedgingProblem(
        **{f.name: vars(problem)[f.name] for f in dataclasses.fields(problem)}
        | {"times": times, "premium": position.cash}
    )
    prices = jnp.asarray(spots.reshape(len(times), -1))
    path = Path(
        time=jnp.asarray(times),
        prices=prices,
        factors=jnp.asarray(factors),
        discount=jnp.exp(-position.rate * jnp.asarray(times)),
        accrual=jnp.exp(position.dividend * jnp.asarray(times))[:, None] * jnp.ones_like(prices),
        progress=jnp.zeros((len(times), 0)),
    )
    if position.listed is not None:
        path = with_marks(position.listed, path, marks)
    ledger = replay(problem, position.policy, jax.tree.map(lambda x: x[None], path))
    return jax.tree.map(lambda x: np.asarray(x[0]), ledger)


def with_marks(listed, path, marks):
    """The path with the listed contracts at their quotes, and as cash once they have expired."""
    path = eqx.filter_jit(listed.extend)(path)
    discount = np.asarray(path.discount)
    own = np.where(np.isnan(marks), np.asarray(path.prices[:, 1:]), marks)
    for column, contract in zip(own.T, listed.instruments, strict=True):
        last = int(np.sum(np.asarray(path.time) <= float(contract.claim.maturity) + 1e-9)) - 1
        column[last:] = column[last] * discount[last] / discount[last:]
    return dataclasses.replace(path, prices=path.prices.at[:, 1:].set(own))


def agree(reports, ledger):
    """Trades, holdings, costs and wealth to 1e-10, and the parts of the P&L add up."""
    np.testing.assert_allclose([x["trade"] for x in reports], ledger.trades, atol=1e-10)
    np.testing.assert_allclose([x["holdings"] for x in reports[:-1]], ledger.holdings, atol=1e-10)
    np.testing.assert_allclose([x["cost"] for x in reports], ledger.costs, atol=1e-10)
    after = np.append(ledger.wealth[:-1] - ledger.costs[:-1], ledger.wealth[-1])
    np.testing.assert_allclose([x["wealth"] for x in reports], after, atol=1e-10)
    assert reports[-1]["worth"] == pytest.approx(ledger.wealth[-1] - ledger.payoff, abs=1e-10)
    steps = [x["step"] for x in reports]
    np.testing.assert_allclose(np.cumsum(steps), [x["pnl"] for x in reports], atol=1e-10)
    parts = [sum(x["attribution"].values()) for x in reports]
    np.testing.assert_allclose(parts, steps, atol=1e-12)
