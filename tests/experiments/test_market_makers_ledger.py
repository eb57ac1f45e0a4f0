"""The market maker's ledger: the text's hedges, costs and gains, and what they add up to."""

import importlib.util
import pathlib

import numpy as np
import pytest

FILE = pathlib.Path(__file__).parents[2] / "experiments" / "market_makers_ledger.py"


def load():
    spec = importlib.util.spec_from_file_location(FILE.stem, FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_text_s_own_numbers_lose_fifteen_hundred():
    ledger, parts = load().ledger()
    trades = np.asarray(ledger.trades)[:, 0]
    assert [round(float(x), 6) for x in trades[:2]] == [-6000.0, -500.0]
    assert np.count_nonzero(np.abs(trades) > 0.5) == 40
    assert float(parts.cost) == -2000.0
    assert round(float(parts.gamma)) == 500
    assert round(float(ledger.pnl)) == -1500
    assert abs(float(parts.total - ledger.pnl)) < 1e-10


@pytest.mark.slow
def test_the_simulated_book_loses_its_costs():
    findings = load().experiment(smoke=True)
    assert findings
    for finding in findings:
        assert finding.holds, finding
