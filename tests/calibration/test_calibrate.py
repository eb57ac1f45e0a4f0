"""Calibration finds the parameters that made the quotes, and says how sure it is of them."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

from deephedge.calibration import BySeries, Domain, Quotes, calibrate, domains
from deephedge.calibration.problem import Problem
from deephedge.calibration.standard_errors import standard_errors
from deephedge.claims import Call
from deephedge.markets import Bates, BlackScholes, DoubleHeston, Heston, Kou, Merton
from deephedge.pricing import Fourier

RATE, DIVIDEND, SPOT = 0.03, 0.01, 100.0
MATURITIES = np.array([0.1, 0.5, 2.0])
SHAPES = np.linspace(-1.5, 1.5, 7)
MATURITY, SHAPE = (x.ravel() for x in np.meshgrid(MATURITIES, SHAPES, indexing="ij"))
FORWARD = SPOT * np.exp((RATE - DIVIDEND) * MATURITY)
STRIKE = FORWARD * np.exp(0.2 * SHAPE * np.sqrt(MATURITY))
SIGN = np.where(STRIKE < FORWARD, -1.0, 1.0)
MARKET = dict(forward=FORWARD, discount=np.exp(-RATE * MATURITY), sign=SIGN)
HESTON = Heston(
    spot=SPOT,
    variance=0.05,
    mean_reversion=2.0,
    long_variance=0.06,
    vol_of_variance=0.6,
    correlation=-0.65,
    rate=RATE,
    dividend=DIVIDEND,
)
HESTON_START = dataclasses.replace(
    HESTON,
    variance=0.02,
    mean_reversion=1.0,
    long_variance=0.03,
    vol_of_variance=0.3,
    correlation=-0.2,
)
MERTON = Merton(
    spot=SPOT,
    vol=0.15,
    intensity=0.7,
    jump_mean=-0.12,
    jump_vol=0.1,
    rate=RATE,
    dividend=DIVIDEND,
)
MERTON_START = dataclasses.replace(MERTON, vol=0.2, intensity=0.5, jump_mean=-0.1, jump_vol=0.15)


@eqx.filter_jit
def call_prices(pricer, strikes, maturities):
    now = pricer.model.start()
    return jax.vmap(lambda k, t: pricer.price(Call(strike=k, maturity=t), now))(strikes, maturities)


def quotes_of(model, half_spread=0.01):
    """Quotes around the prices of a model."""
    pricer = Fourier(model, n_terms=2048, width=20.0)
    calls = np.asarray(call_prices(pricer, jnp.asarray(STRIKE), jnp.asarray(MATURITY)))
    mid = np.where(SIGN > 0, calls, calls - MARKET["discount"] * (FORWARD - STRIKE))
    low = np.maximum(mid - half_spread, 0.0)
    return Quotes(STRIKE, MATURITY, bid=low, ask=2.0 * mid - low, **MARKET)


def errors_in(found, truth):
    return [abs(value / float(vars(truth)[name]) - 1.0) for name, value in found.parameters.items()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "weight", ["spread", *(pytest.param(x, marks=pytest.mark.slow) for x in ("vega", "price"))]
)
def test_merton_is_recovered_from_its_own_prices(weight):
    found = calibrate(MERTON_START, quotes_of(MERTON), weight=weight)
    assert found.converged and found.message == "converged."
    assert max(errors_in(found, MERTON)) < 1e-4
    assert found.inside == 1.0
    assert np.max(np.abs(found.vol_errors)) < 1e-6
    assert float(found.model.spot) == SPOT and float(found.model.rate) == RATE


@pytest.mark.slow
def test_heston_fits_quantlib_prices():
    today = ql.Date(15, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, count)) for r in (0.0, 0.0)]
    parameters = (0.05, 2.0, 0.06, 0.6, -0.65)
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    engine = ql.AnalyticHestonEngine(
        ql.HestonModel(ql.HestonProcess(*curves, spot, *parameters)), 1e-12, 100_000
    )
    strikes, days = np.array([0.85, 0.92, 1.0, 1.08, 1.15]), (73, 365)
    prices = []
    for day in days:
        for strike in strikes:
            payoff = ql.PlainVanillaPayoff(ql.Option.Call, strike)
            option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + day))
            option.setPricingEngine(engine)
            prices.append(option.NPV())
    quotes = Quotes(
        np.tile(strikes, 2), np.repeat(days, 5) / 365, bid=prices, ask=prices, forward=1.0
    )
    found = calibrate(HESTON_START, quotes)
    assert found.converged
    assert list(found.parameters) == [
        "variance",
        "mean_reversion",
        "long_variance",
        "vol_of_variance",
        "correlation",
    ]
    assert float(found.model.correlation) == pytest.approx(-0.65, rel=1e-4)
    assert max(errors_in(found, HESTON)) < 1e-4


@pytest.mark.slow
def test_standard_errors_cover_the_truth():
    # 50 markets with independent errors of the prices: 95 % intervals hold about 95 % of the time.
    exact, noise = quotes_of(MERTON), np.random.default_rng(0).normal(size=(50, len(STRIKE)))
    mids = exact.mid + 0.005 * noise
    covered, sizes = [], []
    for mid in mids:
        quotes = Quotes(
            STRIKE, MATURITY, bid=mid - 0.02, ask=mid + 0.02, **MARKET, allow_arbitrage=True
        )
        found = calibrate(MERTON, quotes)
        for name, error in found.standard_errors.items():
            covered.append(abs(found.parameters[name] - float(vars(MERTON)[name])) < 2.11 * error)
            sizes.append(error / abs(float(vars(MERTON)[name])))
    assert 0.88 < np.mean(covered) < 0.99
    assert np.max(sizes) < 0.5


def test_standard_errors_of_a_straight_line_are_the_textbook_ones():
    x = np.arange(6.0)
    design = np.stack([np.ones(6), x], axis=1)
    errors = np.array([0.1, -0.2, 0.1, 0.2, -0.3, 0.1])
    got = standard_errors(["level", "slope"], design, errors)
    spread = np.sqrt(np.sum(errors**2) / 4)
    assert got["slope"] == pytest.approx(spread / math.sqrt(17.5), rel=1e-12)
    assert got["level"] == pytest.approx(spread * math.sqrt(1 / 6 + 6.25 / 17.5), rel=1e-12)


def test_what_the_quotes_do_not_tell_has_no_finite_error():
    design = np.stack([np.arange(5.0), np.arange(5.0), np.ones(5)], axis=1)
    got = standard_errors(["a", "b", "c"], design, np.full(5, 0.1))
    assert got["a"] == math.inf and got["b"] == math.inf and got["c"] < 1.0


@pytest.mark.slow
def test_black_scholes_fits_a_flat_surface_and_says_how_badly_a_smile():
    flat = Quotes.from_vols(STRIKE, MATURITY, bid=0.25, ask=0.25, **MARKET)
    start = BlackScholes(spot=SPOT, vol=0.4)
    found = calibrate(start, flat)
    assert found.parameters["vol"] == pytest.approx(0.25, abs=1e-8)
    assert found.model.vol.shape == (1,)
    assert "between bid and ask" in str(found)
    smiling = calibrate(start, quotes_of(MERTON))
    assert smiling.inside < 0.5
    assert smiling.standard_errors["vol"] > 1e-3


@pytest.mark.slow
def test_only_what_is_free_moves_and_a_fit_that_stops_early_says_so():
    found = calibrate(MERTON_START, quotes_of(MERTON), free=("vol",), max_steps=2)
    assert set(found.parameters) == {"vol"}
    assert float(found.model.intensity) == float(MERTON_START.intensity)
    assert not found.converged
    assert "not converged in 2 steps" in found.message


@pytest.mark.slow
def test_the_slope_of_the_errors_is_finite_and_right():
    quotes = quotes_of(MERTON)
    problem = Problem.create(
        MERTON, quotes, np.ones(len(quotes)), tuple(domains(MERTON).items()), BySeries(256, 12.0)
    )
    slopes = jax.jit(jax.jacfwd(lambda x: problem.errors(x)))
    for far in (-30.0, -3.0, 0.0, 3.0):
        x = problem.unbounded(MERTON_START).at[1:].add(far if far < 0 else 0.1 * far)
        slope = slopes(x)
        assert np.all(np.isfinite(slope))
    h = 1e-5
    bump = jnp.array([h, 0.0, 0.0, 0.0])
    errors = jax.jit(lambda x: problem.errors(x))
    central = (errors(x + bump) - errors(x - bump)) / (2 * h)
    np.testing.assert_allclose(slope[:, 0], central, rtol=1e-5, atol=1e-7)


@pytest.mark.slow
def test_bates_is_recovered_from_its_own_prices():
    bates = dataclasses.replace(Bates.example(), spot=SPOT, rate=RATE, dividend=DIVIDEND)
    start = dataclasses.replace(
        bates,
        variance=1.2 * float(bates.variance),
        mean_reversion=0.8 * float(bates.mean_reversion),
        correlation=0.8 * float(bates.correlation),
        intensity=1.3 * float(bates.intensity),
    )
    found = calibrate(start, quotes_of(bates), method=BySeries(n_terms=1024))
    assert found.converged
    assert max(errors_in(found, bates)) < 1e-4


@pytest.mark.parametrize("kind", [Bates, BlackScholes, DoubleHeston, Heston, Kou, Merton])
def test_every_number_of_a_model_has_a_domain_that_holds_its_example(kind):
    model = kind.example()
    numbers = {name for name, value in vars(model).items() if isinstance(value, jax.Array)}
    found = domains(model)
    assert set(found) == numbers - {"spot", "rate", "dividend", "drift"}
    for name, domain in found.items():
        assert all(x in domain for x in np.ravel(vars(model)[name]).tolist())


def test_domains_are_those_of_the_fields():
    line, half = Domain(-math.inf, math.inf), Domain(0.0, math.inf)
    assert domains(MERTON) == dict(vol=half, intensity=half, jump_mean=line, jump_vol=half)
    assert domains(HESTON)["correlation"] == Domain(-1.0, 1.0)


@pytest.mark.parametrize(
    "domain", [Domain(0.0, math.inf), Domain(-1.0, 1.0), Domain(1.0, math.inf)]
)
def test_a_domain_is_mapped_one_to_one(domain):
    x = jnp.linspace(-8.0, 8.0, 33)
    value = domain.value(x)
    assert jnp.all(jnp.diff(value) > 0)
    assert all(float(v) in domain for v in value)
    np.testing.assert_allclose(domain.unbounded(value), x, rtol=1e-6, atol=1e-6)


def refused(message, model, quotes, **options):
    with pytest.raises(ValueError, match=message) as error:
        calibrate(model, quotes, **options)
    assert "\n" not in str(error.value)


def test_bad_input_is_refused():
    quotes = quotes_of(MERTON)
    refused("`free` must name parameters of Merton .*got 'kappa'", MERTON, quotes, free=("kappa",))
    refused("`free` must name at least one", MERTON, quotes, free=())
    refused("`weight` must be spread, vega or price", MERTON, quotes, weight="equal")
    still = dataclasses.replace(MERTON, intensity=0.0)
    refused("`intensity` must start between 0 and inf", still, quotes)
    few = Quotes([90.0, 100.0], 1.0, bid=[14.0, 8.0], ask=[14.5, 8.5], forward=100.0)
    refused("`quotes` must be more than the 4 free", MERTON, few)
    mids = Quotes(STRIKE, MATURITY, bid=quotes.mid, ask=quotes.mid, **MARKET)
    refused("pass `weight='vega'`", MERTON, mids, weight="spread")
