"""The study of renewed floors reaches its overlay and its forecast by name."""

import pathlib

from deephedge.cli.resolve import open_study
from deephedge.policies import CPPI, RegimeFilter, Renewed, VolatilityTarget

FILE = pathlib.Path(__file__).parents[2] / "experiments/studies/renewed_floors.toml"


def test_overlay_and_forecast_are_built_from_the_study():
    policies = open_study(FILE).policies
    renewed, target = policies["floor_renewed"], policies["regime_target"]
    assert isinstance(renewed, Renewed) and isinstance(renewed.policy, CPPI)
    assert float(renewed.policy.floor) == 0.7
    assert isinstance(target, VolatilityTarget) and isinstance(target.forecast, RegimeFilter)
    assert float(target.forecast.vols[1]) == 0.2277
