"""Bad input gives one clear message with name, rule and value, from Python and from the shell."""

import jax
import numpy as np
import pytest

from deephedge.calibration import Quotes, calibrate
from deephedge.claims import BarrierOption, Call, DoubleBarrierOption, OneTouch, UpAndOutCall
from deephedge.cli.app import command
from deephedge.costs import NoCost
from deephedge.markets import (
    CEV,
    SABR,
    BlackScholes,
    Garch,
    Heston,
    Kou,
    LocalVolatility,
    RoughBergomi,
)
from deephedge.pricing import SSVI, FiniteDifference, MonteCarlo, pricer_for
from deephedge.rollout import HedgingProblem, time_grid

BS = BlackScholes(spot=100.0, vol=0.2)
UP = BarrierOption(100.0, 90.0, 1.0, call=True, up=True, knock_in=False)
HESTON = dict(
    spot=100.0, variance=0.04, mean_reversion=2.0, long_variance=0.04, vol_of_variance=0.5
)
ROUGH = dict(spot=100.0, forward_variance=0.04, vol_of_vol=1.5, correlation=-0.7)
K = dict(maturity=1.0, forward=100.0)


def problem(claim):
    return HedgingProblem(BS, claim, NoCost(), time_grid(1.0, 4), close_out=False)


API = {
    "negative vol": (
        lambda: BlackScholes(spot=100.0, vol=-0.2), "`vol` must be zero or positive, got -0.2"),
    "vol not finite": (
        lambda: BlackScholes(spot=100.0, vol=np.nan), "`vol` must be zero or positive, got nan"),
    "spot of zero": (lambda: BlackScholes(spot=0.0, vol=0.2), "`spot` must be positive, got"),
    "matrix not positive definite": (
        lambda: BlackScholes(spot=[1.0, 1.0], vol=[0.2, 0.2], correlation=[[1, 1.2], [1.2, 1]]),
        "`correlation` must be symmetric and positive definite .* got \\[\\[1.0, 1.2\\]"),
    "matrix not square": (
        lambda: BlackScholes(spot=[1.0, 1.0], vol=[0.2, 0.2], correlation=[[1.0, 0.2]]),
        "`correlation` must be a square matrix, got shape"),
    "correlation of Heston": (
        lambda: Heston(**HESTON, correlation=-1.5), "`correlation` must be between -1 and 1, got"),
    "negative variance": (
        lambda: Heston(**{**HESTON, "variance": -0.04}, correlation=0.0),
        "`variance` must be zero or positive, got -0.04"),
    "hurst": (lambda: RoughBergomi(**ROUGH, hurst=1.2), "`hurst` must be between 0 and 1, got 1.2"),
    "exponent of SABR": (
        lambda: SABR(spot=1.0, alpha=0.2, exponent=1.5, vol_of_vol=0.4, correlation=0.0),
        "`exponent` must be at most 1, got 1.5"),
    "scale of CEV": (
        lambda: CEV(spot=1.0, scale=-2.0, exponent=0.5), "`scale` must be zero or positive, got"),
    "base of GARCH": (
        lambda: Garch(spot=1.0, variance=0.04, base=-1e-4, news=0.1, memory=0.8),
        "`base` must be positive, got -0.0001"),
    "a chance beyond one": (
        lambda: Kou(spot=1.0, vol=0.2, intensity=1.0, up_probability=1.2, up_size=0.1,
                    down_size=0.1), "`up_probability` must be .* got 1.2"),
    "local vols that are negative": (
        lambda: LocalVolatility(1.0, -np.ones((3, 3)), [1.0, 2.0, 3.0], [-0.1, 0.0, 0.1]),
        "`vols` must be positive, got"),
    "nodes out of order": (
        lambda: LocalVolatility(1.0, np.ones((3, 3)), [1.0, 3.0, 2.0], [-0.1, 0.0, 0.1]),
        "`maturities` must increase, got"),
    "negative strike": (lambda: Call(strike=-1.0, maturity=1.0), "`strike` must be .* got -1"),
    "maturity of zero": (lambda: Call(strike=1.0, maturity=0.0), "`maturity` must be positive"),
    "text for a number": (
        lambda: Call(strike="low", maturity=1.0), "`strike` must be a number, got 'low'"),
    "barriers in the wrong order": (
        lambda: DoubleBarrierOption(100.0, 120.0, 80.0, 1.0, call=True, knock_in=False),
        "`lower` must be below `upper`, 80, got 120"),
    "barrier on the wrong side": (
        lambda: pricer_for(BS, UP), "`barrier` must be above the spot 100, got 90: the claim"),
    "barrier on the wrong side of a hedge": (
        lambda: problem(UpAndOutCall(80.0, 90.0, 1.0)), "`barrier` must be above the spot 100"),
    "touched at once": (
        lambda: pricer_for(BS, OneTouch(120.0, 1.0, up=False)),
        "`barrier` must be below the spot 100, got 120"),
    "outside both barriers": (
        lambda: problem(DoubleBarrierOption(100.0, 105.0, 120.0, 1.0, call=True, knock_in=False)),
        "`lower` must be below the spot 100, got 105"),
    "butterfly arbitrage": (
        lambda: Quotes([90.0, 100.0, 110.0], bid=[12.0, 9.0, 2.0], ask=[12.1, 9.1, 2.1], **K),
        r"must be convex .* the call of strike 100, maturity 1 is bid .* pass `allow_arb"),
    "calendar arbitrage": (
        lambda: Quotes(100.0, [0.5, 1.0], bid=[8.0, 5.0], ask=[8.1, 5.1], forward=100.0),
        r"must rise with maturity .*calendar arbitrage"),
    "a call below its intrinsic value": (
        lambda: Quotes(80.0, bid=10.0, ask=11.0, **K), "`ask` must be at least its intrinsic val"),
    "bid above ask": (
        lambda: Quotes(100.0, bid=9.0, ask=8.0, **K), "`ask` must be at least the bid .* got 8 "),
    "a surface with butterflies": (
        lambda: SSVI([1.0, 2.0], [0.04, 0.08], rho=-0.9, eta=1.9, gamma=0.4),
        r"`eta` must be at most 2 / .*got 1.9 at rho -0.9.*butterfly arbitrage"),
    "a surface with calendar arbitrage": (
        lambda: SSVI([1.0, 2.0], [0.08, 0.04], rho=-0.5, eta=1.0, gamma=0.4),
        "`at_the_money` must be positive and increasing, got"),
    "too few quotes": (
        lambda: calibrate(Heston.example(), Quotes(100.0, bid=8.0, ask=8.2, **K)),
        "`quotes` must be more than the 5 free parameters, got 1"),
    "no paths": (
        lambda: MonteCarlo(BS, n_paths=0, n_steps=1, key=jax.random.key(0)),
        "`n_paths` must be at least 1, got 0"),
    "too few dates": (
        lambda: FiniteDifference(vol=0.2, n_steps=2),
        "`n_steps` must be a multiple of 2 and at least 8, got 2; pass `n_steps=8`"),
    "no steps": (lambda: time_grid(1.0, 0), "`n_steps` must be at least 1, got 0"),
}  # fmt: skip


@pytest.mark.parametrize("make, message", API.values(), ids=API)
def test_from_python(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert "\n" not in str(error.value)


BARRIER = ("barrier-option", "--strike=100", "--maturity=1", "--call=true", "--knock-in=false")
SHELL = {
    "barrier on the wrong side": (
        ("price", *BARRIER, "--up=true", "--barrier=90", "--vol=0.2"),
        "`barrier` must be above the spot 100, got 90"),
    "the same by simulation": (
        ("price", *BARRIER, "--up=false", "--barrier=110", "--model=rough-bergomi", "--hurst=0.1",
         "--forward-variance=0.04", "--vol-of-vol=1", "--correlation=-0.5"),
        "`barrier` must be below the spot 100, got 110"),
    "negative vol": (
        ("greeks", "call", "--strike=100", "--maturity=1", "--vol=-0.2"),
        "--vol: `vol` must be zero or positive, got -0.2"),
}  # fmt: skip


@pytest.mark.parametrize("arguments, message", SHELL.values(), ids=SHELL)
def test_from_the_shell(arguments, message, capsys):
    assert command(list(arguments)) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


ROWS = {
    "butterfly": ("90,1,100,12,12.1", "100,1,100,9,9.1", "110,1,100,2,2.1"),
    "calendar": ("100,0.5,100,8,8.1", "100,1,100,5,5.1"),
}


@pytest.mark.parametrize("kind", ROWS)
def test_quotes_that_contradict_each_other_from_the_shell(kind, tmp_path, capsys):
    file = tmp_path / "quotes.csv"
    file.write_text("\n".join(["strike,maturity,forward,bid,ask", *ROWS[kind]]))
    assert command(["calibrate", str(file), "--model=black-scholes"]) == 2
    error = capsys.readouterr().err
    assert f"{kind} arbitrage" in error and "pass `--allow-arbitrage`" in error
    assert error.count("\n") == 1
