"""Every formula against tables of values of other routes, to 1e-10, and against printed ones.

The tables hold the extremes: a day and thirty years, rates of zero and below, volatilities of 1
and 300 %, correlations of 0.99, strikes ten deviations away. `make_tables.py` writes them.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from printed import PRINTED
from tables import AFFINE, CLOSED_FORMS, affine, carried, now, priced, read

from deephedge.claims import (
    AmericanCall,
    AmericanPut,
    Call,
    ExchangeOption,
    GeometricAsianCall,
)
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic
from deephedge.pricing import FiniteDifference, Fourier, MonteCarlo

# What is left of a spot of 100, or of one unit of cash, when it is taken from its like.
ROUNDING = {"barriers": 3e-14, "touches": 2e-16}
# The books' normal distribution is a polynomial, right to 7.5e-8: two terms, of images many more.
POLYNOMIAL = {"double_barriers": 6e-7}
SLOW = (
    "double_barriers",
    "constant_elasticity",
    "geometric_asians",
    "touches",
    "bates",
    "double_heston",
    "two_assets",
    "choosers_and_compounds",
    "lookbacks",
)


def _names(names):
    return [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in names]


def _check(name, rows):
    price, words = CLOSED_FORMS[name]
    printed = [
        (dict(zip([*rows[0]][:-1], inputs, strict=True)), text, source)
        for source, values in PRINTED.get(name, [])
        for *inputs, text in values
    ]
    got = priced([*rows, *[row | {"value": 0.0} for row, _, _ in printed]], price, words)
    expected = np.array([row["value"] for row in rows])
    error = np.abs(got[: len(rows)] - expected)
    allowed = 1e-10 * np.abs(expected) + ROUNDING.get(name, 0.0)
    wrong = np.flatnonzero(~(error <= allowed))
    assert wrong.size == 0, [(rows[i], got[i]) for i in wrong]
    for (row, text, source), value in zip(printed, got[len(rows) :], strict=True):
        cash = 15.0 if name == "touches" else 1.0
        half_unit = 0.5 * 10.0 ** -len(text.partition(".")[2])
        allowed = half_unit + POLYNOMIAL.get(name, 1.5e-7) * max(row["spot"], cash)
        assert abs(cash * value - float(text)) <= allowed, (source, row, value)


@pytest.mark.parametrize("name", _names(name for name in CLOSED_FORMS if name != "barriers"))
def test_closed_forms_are_right_to_ten_digits(name):
    _check(name, read(name))


KINDS = [(c, u, k) for c in (True, False) for u in (True, False) for k in (True, False)]


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k == KINDS[5] else pytest.mark.slow) for k in KINDS]
)
def test_barriers_are_right_to_ten_digits(kind):
    rows = [r for r in read("barriers") if (r["call"], r["up"], r["knock_in"]) == kind]
    assert len(rows) == 16
    _check("barriers", rows)


@pytest.mark.parametrize("name", _names(AFFINE))
def test_calls_by_fourier_are_right_to_eight_digits(name):
    """In units of a hundredth of the spot of 100; variance gamma from a year on: see the class."""

    def price(_, x):
        model = affine(name, x)
        claim = Call(strike=x["strike"], maturity=x["tau"])
        return Fourier(model, n_terms=32_768, width=40.0).price(claim, model.start())

    rows = read(name)
    got, expected = priced(rows, price), [row["value"] for row in rows]
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-8)


@pytest.mark.slow
def test_american_options_by_finite_differences_are_right_to_four_digits():
    def price(words, x):
        claim = (AmericanCall if words[0] else AmericanPut)(x["strike"], x["tau"])
        return FiniteDifference(**carried(x)).price(claim, now(x["spot"]))

    rows = read("americans")
    got, expected = priced(rows, price, ("call",)), [row["value"] for row in rows]
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def _black_scholes(row):
    """The market of a row, whose seen extreme or second asset is dropped or kept by the claim."""
    return BlackScholes(spot=row["spot"], **{n: row[n] for n in ("vol", "rate", "dividend")})


SIMULATED = [
    (name, i)
    for name, step in (
        ("europeans", 11),
        ("geometric_asians", 3),
        ("two_assets", 1),
        *((name, 3) for name in ("merton", "kou", "variance_gamma", "bates", "double_heston")),
    )
    for i in range(0, len(read(name)), step)
]
"""Some rows of each table whose claim or model Monte Carlo draws exactly or in steps."""


def _simulation(name, row):
    """The claim, the model and the number of steps; nothing where the table's row has none."""
    if name in AFFINE:
        numbers = {n: jnp.asarray(v) for n, v in row.items()}
        # A step holds 64 jumps.
        n_steps = 1 + int(row.get("intensity", 0.0) * row["tau"] / 10.0)
        if name in ("bates", "double_heston"):
            # The scheme has a bias in the step: a year and 64 steps keep it below the error.
            return (
                (Call(row["strike"], row["tau"]), affine(name, numbers), 64)
                if row["tau"] <= 1.0
                else None
            )
        return Call(row["strike"], row["tau"]), affine(name, numbers), n_steps
    if name == "two_assets":
        if row["claim"] != "ExchangeOption" or row["dividend"] != row["dividend_2"]:
            return None  # the market has one dividend yield for all its assets
        rho = row["correlation"]
        model = BlackScholes(
            spot=[row["spot"], row["spot_2"]],
            vol=[row["vol"], row["vol_2"]],
            rate=row["rate"],
            dividend=row["dividend"],
            correlation=[[1.0, rho], [rho, 1.0]],
        )
        return ExchangeOption(row["tau"]), model, 1
    if name == "geometric_asians":
        dates = int(row["n_dates"])
        claim = GeometricAsianCall(row["strike"], row["tau"])
        return (claim, _black_scholes(row), dates) if row["call"] and dates else None
    if row["claim"] == "Call" and row["pricer"] == "BlackScholesFormula":
        return Call(row["strike"], row["tau"]), _black_scholes(row), 1
    return None


@eqx.filter_jit
def _estimate(pricer, claim):
    return pricer.estimate(claim, pricer.model.start())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "index"), SIMULATED)
def test_monte_carlo_is_right_within_its_standard_error(name, index):
    row = read(name)[index]
    case = _simulation(name, row)
    if case is None or row.get("vol", 0.0) ** 2 * row["tau"] > 4.0:
        pytest.skip("nothing to simulate, or a payoff of no use to a mean: its variance explodes")
    claim, model, n_steps = case
    pricer = MonteCarlo(
        model, n_paths=65_536, n_steps=n_steps, key=jax.random.key(4), draws=antithetic
    )
    value, error = _estimate(pricer, claim)
    assert error < 0.02 * row["spot"]
    assert abs(value - row["value"]) < 4.0 * error + 1e-9
