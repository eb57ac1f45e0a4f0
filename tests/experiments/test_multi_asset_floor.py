"""The study of a 70 % floor: its basket, its put, and the years since 2000."""

import importlib.util
import pathlib
import sys

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from deephedge.markets import Snapshot
from deephedge.policies import Account

FILE = pathlib.Path(__file__).parents[2] / "experiments/multi_asset_floor.py"


@pytest.fixture(scope="module")
def experiment():
    spec = importlib.util.spec_from_file_location("multi_asset_floor", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules["multi_asset_floor"] = module  # its dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["multi_asset_floor"]


def test_the_basket_and_its_put_take_all_the_wealth(experiment):
    weights = jnp.asarray(experiment.WEIGHTS)
    now = Snapshot(
        time=jnp.asarray(0.0),
        prices=jnp.asarray([50.0, 20.0, 80.0, 100.0, 3.0]),
        factors=jnp.asarray([0.2]),
        discount=jnp.asarray(0.9),
        accrual=jnp.ones(5),
        progress=jnp.zeros(0),
    )
    account = Account(jnp.zeros(5), jnp.asarray(90.0))
    held, _ = experiment.BasketAndPut(weights).step(now, account, None)
    value = np.asarray(held * now.prices)
    # Wealth of 100 in cash of the date; a put for every unit of the index.
    assert value.sum() == pytest.approx(100.0)
    np.testing.assert_allclose(value[:3] / value[:3].sum(), experiment.WEIGHTS, rtol=1e-12)
    assert value[:3].sum() / 100.0 == pytest.approx(float(held[4]))
    assert held[3] == 0


def test_the_index_earns_its_assets_and_their_dividends(experiment):
    closes = pd.DataFrame([[100.0, 100.0, 100.0], [110.0, 90.0, 120.0]])
    growth = experiment.basket_index(closes).iloc[1] / 100
    expected = 0.6 * 1.1 * np.exp(0.02 / 252) + 0.3 * 0.9 + 0.1 * 1.2
    assert growth == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_the_years_since_2000(experiment):
    found = experiment.study(short=True, resamples=8)
    table, intervals = found.table, found.intervals
    assert len(table) == 8 and table["volatility %"].between(2, 20).all()
    plain = table.loc["basket, unprotected"]
    assert plain["upside %"] == pytest.approx(100.0)
    assert intervals.loc["basket, unprotected", "excess value"] == pytest.approx(0.0, abs=1e-9)
    # A floor of 70 % of the wealth at each renewal, with no day's fall near a quarter on record.
    assert table.loc["CPPI, renewed yearly", "worst renewal %"] > -30.0
    assert table.loc["TIPP (ratchet)", "drawdown %"] < 30.0
    assert plain["drawdown %"] > 30.0
    # The claim of 1.5 % a year more than the basket: nothing that protects the same basket has it.
    same = ["three quarters of it", "basket and put", "CPPI, renewed yearly", "TIPP (ratchet)"]
    assert (intervals.loc[same, "excess value"] < 1.5).all()
    assert {"2000-02", "2008", "2011", "2015", "2018"} == set(found.episodes.columns)
