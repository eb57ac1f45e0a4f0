"""The chain of 15 July 2022: what is fitted to it, and how the figure shows it."""

import importlib.util
import pathlib

import numpy as np
import pytest

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"


def load(name):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the package with the quotes warns as it is imported
def test_a_surface_without_arbitrage_is_within_half_a_point_of_the_real_chain(tmp_path):
    pytest.importorskip("stochvolmodels")
    study = load("spy_chain_calibration")
    quotes = study.chain()
    assert len(quotes) == 427 and len(np.unique(quotes.maturity)) == 4
    fit = study.ssvi(quotes)
    assert 100.0 * np.sqrt(np.mean(fit.vol_errors**2)) < 0.5
    assert np.all(np.isfinite(fit.vol_errors)) and 0.0 < np.mean(fit.inside) < 1.0
    assert "SSVI" in study.table({"SSVI": fit})
    drawing = study.figure(quotes, {"SSVI": fit})
    assert len(drawing.axes) == 4
    assert {line.get_label() for line in drawing.axes[0].lines} >= {"SSVI"}
