"""`[impact]` in a study: the hedger's own trades move the price, and bad tables cost one line."""

import tomllib

import pytest
from friction_studies import STUDY, refused, run, written

from deephedge.cli.resolve import open_study

IMPACT = """
[impact]
type = "PermanentImpact"
rate = 0.05
"""

LEARNED = """
[policies.learned]
type = "NoTransactionBand"
base = { type = "WhalleyWilmott", aversion = 1.0, cost_rate = 0.001 }
width = 4
depth = 1

[training]
risk = "entropic"
n_steps = 4
n_paths = 64
validation_paths = 128
validate_every = 2
"""


def test_the_impact_of_a_study_is_that_of_its_problem_and_stays_in_the_resolved_study(tmp_path):
    resolved = open_study(written(tmp_path, STUDY + IMPACT))
    assert resolved.problem.impact is not None
    assert float(resolved.problem.impact.rate[0]) == pytest.approx(0.05)
    assert resolved.tables()["impact"] == {"type": "PermanentImpact", "rate": 0.05}
    without = open_study(written(tmp_path, STUDY))
    assert without.problem.impact is None and "impact" not in without.tables()


@pytest.mark.slow
def test_a_run_with_impact_charges_the_hedge_and_repeats_from_its_resolved_study(tmp_path):
    moved = run(written(tmp_path, STUDY + IMPACT + LEARNED), tmp_path / "moved")
    policies = moved["policies"]
    # Without a cost of trading, all that is paid is the slippage of one's own trades.
    assert policies["none"]["cost"]["value"] == 0.0
    assert policies["delta"]["cost"]["value"] > 1.0
    assert policies["learned"]["cost"]["value"] > 1.0
    resolved = tmp_path / "moved" / "study.toml"
    assert tomllib.loads(resolved.read_text())["impact"]["rate"] == 0.05
    report = (tmp_path / "moved" / "report.html").read_text()
    assert "PermanentImpact, rate 0.05" in report
    assert run(resolved, tmp_path / "again")["policies"] == policies


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("impact = 0.05", "impact: must be a table with a `type`, got 0.05"),
        ("[impact]\nrate = 0.05", "impact: must have a `type`"),
        ('[impact]\ntype = "Permanent"', "impact.type: .*did you mean PermanentImpact"),
        ('[impact]\ntype = "PermanentImpact"', "impact.rate: must be given"),
        (
            '[impact]\ntype = "PermanentImpact"\nrate = -0.1',
            "impact.rate: .*zero or positive.*-0.1",
        ),
        ('[impact]\ntype = "PermanentImpact"\nrat = 0.1', "impact.rat: .*did you mean rate"),
        (
            '[impact]\ntype = "PermanentImpact"\nrate = [0.1, 0.2]',
            "impact: .*one for each of the 1 assets, got 2",
        ),
        ("[impct]\nrate = 0.1", "impct: unknown key; did you mean impact"),
    ],
)
def test_a_bad_impact_names_the_key_and_the_rule(table, expected, tmp_path, capsys):
    # A plain key stands before the first table.
    text = f"{table}\n{STUDY}" if "[" not in table.split("=")[0] else STUDY + table
    refused(tmp_path, capsys, text, expected)
