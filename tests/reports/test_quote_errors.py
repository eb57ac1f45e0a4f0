"""The figure of a fit: a panel a maturity, the spread behind the errors of each model."""

import numpy as np
import pytest

from deephedge.calibration import Quotes
from deephedge.reports import quote_errors


@pytest.mark.slow
def test_each_maturity_has_a_panel_with_the_spread_and_a_curve_a_model():
    maturity, strike = (x.ravel() for x in np.meshgrid([0.1, 0.5], [110.0, 90.0, 100.0]))
    quotes = Quotes.from_vols(strike, maturity, bid=0.19, ask=0.21, forward=100.0)
    errors = {"one": 1e-4 * strike, "other": np.full(6, -0.01)}
    figure = quote_errors(quotes, errors)
    panels = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in panels] == ["36 days", "182 days"]
    lines = {line.get_label(): line for line in panels[1].lines}
    x, y = lines["one"].get_data()
    np.testing.assert_allclose(x, np.log([0.9, 1.0, 1.1]))
    np.testing.assert_allclose(y, [0.9, 1.0, 1.1])
    np.testing.assert_allclose(lines["other"].get_ydata(), -1.0)
    (band,) = panels[0].collections
    heights = band.get_paths()[0].vertices[:, 1]
    mid = 100.0 * quotes.vols(quotes.mid)[quotes.maturity == 0.1]
    ends = [np.min(19.0 - mid), np.max(21.0 - mid)]
    np.testing.assert_allclose([heights.min(), heights.max()], ends, atol=1e-9)
