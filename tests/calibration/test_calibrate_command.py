"""`deephedge calibrate`: parameters with standard errors from a CSV file of quotes."""

import json
import math

import numpy as np
import pytest

from deephedge.calibration import Quotes, read_quotes
from deephedge.cli.app import command

HEADER = "strike,maturity,forward,discount,type,bid_vol,ask_vol"
ROWS = [
    f"{k},{t},{100 + t},{math.exp(-0.03 * t)!r},{'put' if k < 100 else 'call'},0.249,0.251"
    for t in (0.25, 1.0)
    for k in (85, 95, 105, 115)
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "quotes.csv"
    path.write_text("\n".join([HEADER, *ROWS]))
    return path


@pytest.mark.slow
def test_black_scholes_is_fitted_to_a_flat_surface(file, capsys):
    arguments = ["calibrate", str(file), "--model=black-scholes", "--start", "vol=0.4", "--json"]
    assert command(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["parameters"]["vol"] == pytest.approx(0.25, abs=1e-5)
    assert 0 <= found["standard_errors"]["vol"] < 1e-5
    assert found["between_bid_and_ask"] == 1.0 and found["converged"]


@pytest.mark.slow
def test_the_table_names_parameter_error_and_fit(file, capsys):
    assert command(["calibrate", str(file), "--model=black-scholes", "--free=vol"]) == 0
    words = capsys.readouterr().out
    assert "vol" in words and "standard error" in words and "100 % between bid and ask" in words


@pytest.mark.slow
def test_every_kind_of_model_is_fitted_to_a_flat_surface(file, capsys):
    for arguments in (["--model=sabr", "--start=exponent=1"], ["--model=cev"]):
        code = command(["calibrate", str(file), *arguments, "--json"])
        found = json.loads(capsys.readouterr().out)
        fits = found.get("smiles", [found])
        assert code == 0 and all(fit["converged"] for fit in fits)
        if "smiles" in found:
            assert [fit["maturity"] for fit in fits] == [0.25, 1.0]
            assert all(fit["rmse_vol"] < 1e-4 for fit in fits)
        else:
            assert 0.15 < found["parameters"]["scale"] / 10.0 < 0.35


SKEWED = [
    f"{k},{t},100,1,{'put' if k < 100 else 'call'},{vol - 0.001!r},{vol + 0.001!r}"
    for t in (0.25, 1.0)
    for k in (80, 88, 95, 100, 106, 113)
    for vol in [0.25 - 0.15 * math.log(k / 100.0) / math.sqrt(0.5 + t)]
]


@pytest.mark.slow
@pytest.mark.parametrize("model", ["local-volatility", "rough-bergomi"])
def test_a_skew_is_fitted_and_drawn(model, file, tmp_path, capsys):
    file.write_text("\n".join([HEADER, *SKEWED]))
    plot = tmp_path / "errors.png"
    assert command(["calibrate", str(file), f"--model={model}", "--plot", str(plot), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["converged"] and found["quotes"] == 12
    assert found["rmse_vol"] < 0.004
    if model == "local-volatility":
        assert found["between_bid_and_ask"] > 0.8
        # Fewer quotes than nodes: smoothness tells the rest.
        assert len(found["parameters"]) > 12
        assert all(0.0 < error < 0.5 for error in found["standard_errors"].values())
    else:
        assert {f"forward_variance[{i}]" for i in range(3)} <= set(found["parameters"])
        assert found["parameters"]["correlation"] < -0.3
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_prices_and_vols_are_the_same_quotes(file):
    by_vol = read_quotes(file)
    priced = [
        f"{k},{t},{f!r},{d!r},{'C' if s > 0 else 'P'},{bid!r},{ask!r}"
        for k, t, f, d, s, bid, ask in zip(
            by_vol.strike.tolist(),
            by_vol.maturity.tolist(),
            by_vol.forward.tolist(),
            by_vol.discount.tolist(),
            by_vol.sign.tolist(),
            by_vol.bid.tolist(),
            by_vol.ask.tolist(),
            strict=True,
        )
    ]
    file.write_text("\n".join(["strike,maturity,forward,discount,type,bid,ask", *priced]))
    by_price = read_quotes(file)
    assert isinstance(by_price, Quotes) and len(by_price) == 8
    np.testing.assert_array_equal(by_price.mid, by_vol.mid)
    np.testing.assert_array_equal(by_price.sign, by_vol.sign)


def refused(capsys, message, *arguments):
    assert command(["calibrate", *map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_bad_input_costs_one_line_and_exit_code_2(file, tmp_path, capsys):
    refused(capsys, "no such file", tmp_path / "none.csv")
    refused(capsys, "--plot: must end in .png, .pdf, .svg", file, f"--plot={tmp_path / 'a.gif'}")
    refused(capsys, "--plot: there is no folder", file, f"--plot={tmp_path / 'no' / 'a.png'}")
    refused(capsys, "--max-steps: must be at least 1, got 0", file, "--max-steps=0")
    refused(capsys, "unknown model 'hestn'; did you mean heston?", file, "--model=hestn")
    refused(
        capsys, "`--model` must have calls that can be fitted, got garch", file, "--model=garch"
    )
    refused(capsys, "`--free` must be left out for SABR", file, "--model=sabr", "--free=alpha")
    refused(capsys, "unknown parameter 'beta'", file, "--model=sabr", "--start=beta=1")
    refused(capsys, "unknown parameter 'kappa'", file, "--start=kappa=1")
    refused(capsys, "must be NAME=VALUE", file, "--start=variance")
    refused(capsys, "`variance` must be zero or positive, got -1", file, "--start=variance=-1")
    refused(capsys, "`free` must name parameters of Heston", file, "--free=kappa")
    for rows, message in (
        ([HEADER.replace("strike", "k"), *ROWS], "there is no column 'strike'"),
        ([HEADER.replace("bid_vol", "low"), *ROWS], "there must be one choice of bid and ask"),
        ([HEADER, ROWS[0].replace("85", "low")], "`strike` must be a number, got 'low' in row 1"),
        ([HEADER, ROWS[0].replace("put", "both")], "`type` must be call or put, got 'both'"),
        ([HEADER, ROWS[0].replace("0.251", "0.2")], "(negative spread)"),
        ([HEADER, *ROWS[:3], ROWS[1].replace("0.249,0.251", "0.4,0.5")], "--allow-arbitrage"),
        ([HEADER], "there are no quotes"),
        ([], "the file is empty"),
    ):
        file.write_text("\n".join(rows))
        refused(capsys, message, file)
