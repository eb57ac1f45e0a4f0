"""`[financing]` and `[execution]` in a study, and the new costs by their names."""

import tomllib

import pytest
from friction_studies import STUDY, refused, run, written

from deephedge.cli.resolve import open_study
from deephedge.costs import CashSpread, Commission, CostSum, PowerImpact, VegaSpread

FRICTIONS = """
[financing]
type = "Financing"
borrow_spread = 0.02
short_fee = [0.01]

[execution]
type = "Execution"
lot = 0.01
delay = true
slippage = 0.001
"""

COSTS = """
[cost]
type = "CostSum"
costs = [
    { type = "CashSpread", half_spread = 0.01 },
    { type = "Commission", per_contract = 0.65, minimum = 1.0 },
    { type = "PowerImpact", coefficient = 0.01, volume = 100.0 },
    { type = "VegaSpread", claims = [{ type = "Call", strike = 100.0, maturity = 0.5 }], \
assets = [0], pricer = { type = "BlackScholesFormula", vol = 0.2 }, vol_points = 0.5 },
]
"""


def test_the_frictions_of_a_study_are_those_of_its_problem_and_stay_in_the_resolved_study(tmp_path):
    resolved = open_study(written(tmp_path, STUDY + FRICTIONS))
    financing, execution = resolved.problem.financing, resolved.problem.execution
    assert financing is not None and float(financing.borrow_spread) == pytest.approx(0.02)
    assert execution is not None and execution.delay and execution.lot is not None
    tables = resolved.tables()
    assert tables["financing"]["short_fee"] == [0.01]
    assert tables["financing"]["lend_spread"] == 0.0
    assert tables["execution"] == {
        "type": "Execution",
        "delay": True,
        "mean_slippage": 0.0,
        "lot": 0.01,
        "slippage": 0.001,
    }
    without = open_study(written(tmp_path, STUDY))
    assert without.problem.financing is None and without.problem.execution is None
    assert not {"financing", "execution"} & set(without.tables())


def test_every_new_cost_is_reached_by_its_name(tmp_path):
    text = STUDY.replace('[cost]\ntype = "NoCost"\n', COSTS)
    cost = open_study(written(tmp_path, text)).problem.cost
    assert isinstance(cost, CostSum)
    assert [type(c) for c in cost.costs] == [CashSpread, Commission, PowerImpact, VegaSpread]


@pytest.mark.slow
def test_a_run_shows_the_carry_beside_the_cost_and_repeats_from_its_resolved_study(tmp_path):
    with_both = run(written(tmp_path, STUDY + FRICTIONS), tmp_path / "both")
    policies = with_both["policies"]
    assert policies["none"]["carry"]["value"] == policies["none"]["cost"]["value"] == 0.0
    assert policies["delta"]["carry"]["value"] > 0.0
    report = (tmp_path / "both" / "report.html").read_text()
    assert "Financing, borrow spread 0.02" in report and "Execution, lot 0.01" in report
    resolved = tmp_path / "both" / "study.toml"
    assert tomllib.loads(resolved.read_text())["execution"]["delay"] is True
    assert run(resolved, tmp_path / "again")["policies"] == policies
    without = run(written(tmp_path, STUDY), tmp_path / "without")
    assert "carry" not in without["policies"]["delta"]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("[financing]\nborrow_spread = 0.1", "financing: must have a `type`"),
        ('[financing]\ntype = "Finance"', "financing.type: .*did you mean Financing"),
        (
            '[financing]\ntype = "Financing"\nborrow_spread = -0.1',
            "financing.borrow_spread: .*zero or positive.*-0.1",
        ),
        (
            '[financing]\ntype = "Financing"\nborow_spread = 0.1',
            "financing.borow_spread: .*did you mean borrow_spread",
        ),
        (
            '[financing]\ntype = "Financing"\nshort_fee = [0.1, 0.2]',
            "financing: .*one short_fee, or one for each of the 1 assets, got 2",
        ),
        ('[execution]\ntype = "Execution"\ndelay = 1', "execution.delay: .*true or false"),
        ('[execution]\ntype = "Execution"\nlot = -1', "execution.lot: .*zero or positive"),
        (
            '[execution]\ntype = "Execution"\nslippage = [0.1, 0.2]',
            "execution: .*one slippage, or one for each of the 1 assets, got 2",
        ),
        ("[executon]\nlot = 1", "executon: unknown key; did you mean execution"),
    ],
)
def test_a_bad_table_names_the_key_and_the_rule(table, expected, tmp_path, capsys):
    refused(tmp_path, capsys, STUDY + table, expected)
