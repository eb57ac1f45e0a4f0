"""The SPY chain of 15 July 2022."""

import importlib.util

import numpy as np
import pytest

from deephedge.data import spy_chain


def test_the_chain_is_the_one_described():
    pytest.importorskip("stochvolmodels")
    chain = spy_chain()
    assert len(chain) == 427
    assert len(np.unique(chain.maturity)) == 4
    assert np.all(chain.ask > chain.bid) and np.all(chain.bid > 0.1)
    np.testing.assert_array_equal(chain.sign, np.where(chain.strike < chain.forward, -1.0, 1.0))
    assert np.all((chain.forward > 382) & (chain.forward < 385))
    assert np.all((chain.discount > 0.98) & (chain.discount < 1))


def test_volatility_falls_with_the_strike_across_the_money():
    pytest.importorskip("stochvolmodels")
    chain = spy_chain()
    for maturity in np.unique(chain.maturity):
        rows = chain.maturity == maturity
        near = rows & (abs(chain.strike / chain.forward - 1) < 0.05)
        assert np.polyfit(chain.strike[near], chain.bid[near], 1)[0] < 0


def test_without_the_package_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match="pip install 'deephedge"):
        spy_chain()
