"""`deephedge price` reaches every claim and model by their fields, and refuses nonsense."""

import json
import subprocess
import sys

import pytest

from deephedge.cli.app import command
from deephedge.cli.contract import hyphened

BARRIER = (
    *("barrier-option", "--strike=100", "--barrier=120", "--maturity=1"),
    *("--call=true", "--up=true", "--knock-in=false"),
)
KOU = (
    *("--model=Kou", "--vol=0.15", "--intensity=1", "--up-probability=0.4"),
    *("--up-size=0.05", "--down-size=0.1"),
)
SABR = ("--model=SABR", "--alpha=2", "--exponent=0.5", "--vol-of-vol=0.4", "--correlation", "-0.3")
TWO = ("--spot=[100, 95]", "--vol=[0.2, 0.3]", "--correlation=[[1, 0.5], [0.5, 1]]")
HERSTATT = ("--maturity=0.5", "--strike=100")


def answer(capsys, *arguments):
    code = command([*arguments, "--json"])
    captured = capsys.readouterr()
    assert code == 0, captured.err
    return json.loads(captured.out)


def test_a_closed_form_is_found_by_the_claim(capsys):
    got = answer(capsys, "price", *BARRIER, "--vol=0.2", "--rate=0.03")
    assert got["method"] == "BarrierFormula"
    # Reiner and Rubinstein (1991) by QuantLib's AnalyticBarrierEngine.
    assert got["price"] == pytest.approx(quantlib_up_and_out(), rel=1e-9)


def quantlib_up_and_out():
    import QuantLib as ql  # noqa: N813

    today = ql.Date(15, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count, calendar = ql.Actual365Fixed(), ql.NullCalendar()
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.0, 0.03)]
    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, calendar, 0.2, count))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, 100.0)
    exercise = ql.EuropeanExercise(today + 365)
    option = ql.BarrierOption(ql.Barrier.UpOut, 120.0, 0.0, payoff, exercise)
    process = ql.BlackScholesMertonProcess(spot, *curves, vol)
    option.setPricingEngine(ql.AnalyticBarrierEngine(process))
    return option.NPV()


@pytest.mark.slow
def test_each_model_and_claim_gets_its_method(capsys):
    few = ("--n-paths=512", "--n-steps=4")
    for arguments, method in (
        (("call", *HERSTATT, *SABR), "HaganFormula"),
        (("SpreadOption", "--strike=5", "--maturity=1", *TWO), "KirkFormula"),
        ((*BARRIER, *KOU, *few), "MonteCarlo"),
    ):
        got = answer(capsys, "price", *arguments)
        assert got["method"] == method
        assert 0 < got["price"] < 30
        assert ("standard_errors" in got) == (method == "MonteCarlo")


@pytest.mark.slow
def test_early_exercise_and_markets_that_only_start_at_time_0(capsys):
    put = ("american-put", *HERSTATT, "--n-paths=1024", "--n-steps=8")
    got = answer(capsys, "greeks", *put, *SABR)
    assert got["method"] == "LongstaffSchwartz" and got["standard_errors"]["price"] > 0
    assert -1 < got["delta"] < 0 and "gamma" not in got
    rough = ("--model=rough-bergomi", "--vol-of-vol=1.5", "--hurst=0.1", "--correlation=-0.7")
    got = answer(capsys, "price", "call", *HERSTATT, *rough, "--forward-variance=0.05",
                 "--n-paths=4000", "--n-steps=16")  # fmt: skip
    assert got["method"] == "Simulation"
    assert abs(got["price"] - 6.0) < 4 * got["standard_errors"]["price"] + 0.5


def test_objects_inside_objects_are_written_as_toml(capsys):
    two = '[{type="BlackScholes",spot=100,vol=0.2},{type="BlackScholes",spot=95,vol=0.3}]'
    parts = ("--model=correlated", f"--parts={two}", "--correlation=[[1,0.5],[0.5,1]]")
    simulation = ("--n-paths=4096", "--n-steps=1", "--method=monte-carlo", "--draws=sobol")
    got = answer(capsys, "price", "exchange-option", "--maturity=1", *parts, *simulation)
    exact = answer(capsys, "price", "exchange-option", "--maturity=1", *TWO)
    assert exact["method"] == "MargrabeFormula"
    assert abs(got["price"] - exact["price"]) < 4 * got["standard_errors"]["price"]


def test_a_method_can_be_asked_for(capsys):
    call = ("call", *HERSTATT, "--vol=0.2")
    formula = answer(capsys, "price", *call)
    grid = answer(capsys, "price", *call, "--method=finite-difference", "--n-prices=401")
    assert formula["method"] == "BlackScholesFormula" and grid["method"] == "FiniteDifference"
    assert grid["price"] == pytest.approx(formula["price"], rel=1e-3)


def test_a_study_file_can_be_priced_and_its_terms_overridden(tmp_path, capsys):
    file = tmp_path / "study.toml"
    file.write_text(
        '[market]\ntype = "BlackScholes"\nspot = 100.0\nvol = 0.2\n'
        '[claim]\ntype = "Call"\nstrike = 100.0\nmaturity = 0.5\n'
        "[problem]\nn_steps = 10\nclose_out = false\n"
    )
    plain = answer(capsys, "price", "--study", str(file))
    assert plain == answer(capsys, "price", "call", *HERSTATT, "--vol=0.2")
    higher = answer(capsys, "price", "--study", str(file), "--strike=110")
    assert higher == answer(capsys, "price", "call", "--maturity=0.5", "--strike=110", "--vol=0.2")
    refused(capsys, "unknown option", "price", "--study", str(file), "--hurst=0.1")
    file.write_text('[claim]\ntype = "Call"\nstrike = -1.0\nmaturity = 0.5\n')
    refused(capsys, f"{file}: --strike: `strike` must be", "price", "--study", str(file),
            "--vol=0.2")  # fmt: skip
    file.write_text("[claim")
    refused(capsys, "is not TOML", "price", "--study", str(file))
    refused(capsys, "there is no such file", "price", "--study", str(tmp_path / "none.toml"))


def refused(capsys, message, *arguments):
    assert command(list(map(str, arguments))) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1 and "Traceback" not in error


CALL = ("call", *HERSTATT)
HESTON = (
    *("--model=heston", "--variance=0.04", "--mean-reversion=2", "--long-variance=0.04"),
    "--vol-of-variance=0.5",
)
WRONG = {
    "negative vol": ((*CALL, "--vol=-0.2"), "--vol: `vol` must be zero or positive, got -0.2"),
    "no vol": (CALL, "--vol: must be given"),
    "text for a number": ((*CALL, "--vol=low"), "--vol: `vol` must be a number, got 'low'"),
    "correlation beyond one": (
        (*CALL, *HESTON, "--correlation=1.5"),
        "--correlation: `correlation` must be between -1 and 1, got 1.5",
    ),
    "correlation not positive definite": (
        ("exchange-option", "--maturity=1", "--spot=[100,95]", "--vol=[0.2,0.3]",
         "--correlation=[[1,1.5],[1.5,1]]"),
        "`correlation` must be symmetric and positive definite with a unit diagonal, got [[1.0",
    ),
    "a vol too few": (
        ("exchange-option", "--maturity=1", "--spot=[100,95]", "--vol=0.2"),
        "`vol` must have one value per asset",
    ),
    "one asset for a claim on two": (
        ("exchange-option", "--maturity=1", "--vol=0.2"),
        "is paid on asset 1, but the market has 1; use `BlackScholes(spot=[...]",
    ),
    "maturity in the past": (("call", "--strike=100", "--maturity=-1", "--vol=0.2"),
                             "--maturity: `maturity` must be positive, got -1"),
    "unknown claim": (("cal", *HERSTATT), "unknown claim 'cal'; did you mean call?"),
    "unknown model": ((*CALL, "--model=hestn"), "unknown model 'hestn'; did you mean heston?"),
    "unknown method": ((*CALL, "--vol=0.2", "--method=fourrier"), "did you mean fourier?"),
    "unknown option": ((*CALL, "--vool=0.2"), "--vool: unknown option; did you mean vol?"),
    "method of another model": (
        (*CALL, *SABR, "--method=barrier-formula"), "--method: BarrierFormula does not know SABR"
    ),
    "method of another claim": (
        (*CALL, "--vol=0.2", "--method=barrier-formula"),
        "BarrierFormula prices options with one barrier, got Call; use `MonteCarlo",
    ),
    "no paths": ((*CALL, "--vol=0.2", "--n-paths=0"),
                 "--n-paths: must be a whole number above zero, got 0"),
    "unknown draws": (
        (*CALL, "--vol=0.2", "--method=monte-carlo", "--draws=halton"),
        "--draws: must be antithetic, pseudo, sobol, got 'halton'",
    ),
    "odd paths": (
        (*CALL, "--vol=0.2", "--method=monte-carlo", "--n-paths=5"),
        "`n_paths` must be even with antithetic draws, got 5; pass `n_paths=6`",
    ),
    "no claim": ((), "name a claim, such as Call"),
    "a market without restart": (
        ("american-put", *HERSTATT, "--model=rough-bergomi", "--vol-of-vol=1.5", "--hurst=0.1",
         "--correlation=-0.7", "--forward-variance=0.05"),
        "RoughBergomi cannot start again from a later date",
    ),
}  # fmt: skip


@pytest.mark.parametrize("arguments, message", WRONG.values(), ids=WRONG)
def test_bad_input_costs_one_line_and_exit_code_2(arguments, message, capsys):
    refused(capsys, message, "price", *arguments)


@pytest.mark.parametrize(
    "name, words",
    [("UpAndOutCall", "up-and-out-call"), ("CEV", "cev"), ("CIRRates", "cir-rates"),
     ("HestonADI", "heston-adi"), ("SABR", "sabr")],
)  # fmt: skip
def test_names_are_spelt_with_hyphens(name, words):
    assert hyphened(name) == words


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from deephedge.cli.app import command\n"
        "try: command(['price', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'jax', 'numpy', 'scipy', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--model" in done.stdout
