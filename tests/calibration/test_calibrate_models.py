"""SABR, rough Bergomi and local volatility are recovered from their own prices."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.calibration import (
    ByFormula,
    ByForwardEquation,
    BySeries,
    BySimulation,
    Quotes,
    calibrate,
    calibrate_sabr,
    domains,
    fit_surface,
    local_volatility,
)
from deephedge.calibration.calibrate import at_ends, method_for
from deephedge.calibration.methods import Grid
from deephedge.calibration.standard_errors import sampling_errors
from deephedge.claims import Call
from deephedge.markets import (
    CEV,
    SABR,
    Garch,
    Heston,
    LocalVolatility,
    RoughBergomi,
)
from deephedge.pricing import SSVI, HaganFormula, MonteCarlo

MATURITIES, SHAPES = np.array([0.1, 0.3, 0.6]), np.linspace(-2.0, 1.2, 9)
MATURITY, SHAPE = (x.ravel() for x in np.meshgrid(MATURITIES, SHAPES, indexing="ij"))
FORWARD = 100.0
STRIKE = FORWARD * np.exp(0.2 * SHAPE * np.sqrt(MATURITY))
SIGN = np.where(STRIKE < FORWARD, -1.0, 1.0)
GRID = Grid(
    jnp.asarray(MATURITIES), jnp.full(3, FORWARD), jnp.asarray((STRIKE / FORWARD).reshape(3, 9))
)


def quotes_at(calls, half_spread=0.02, noise=0.0):
    """Quotes around undiscounted calls in units of the forward, with independent errors."""
    calls = FORWARD * np.asarray(calls).ravel()
    mid = np.where(SIGN > 0, calls, calls - (FORWARD - STRIKE))
    mid = mid + noise * np.random.default_rng(0).normal(size=mid.shape)
    bid, ask = np.maximum(mid - half_spread, 0.0), mid + half_spread
    return Quotes(
        STRIKE, MATURITY, bid=bid, ask=ask, forward=FORWARD, sign=SIGN, allow_arbitrage=True
    )


def within(found, truth, deviations=4.0):
    assert found.converged
    for name, value in found.parameters.items():
        field, _, place = name.partition("[")
        entry = np.asarray(vars(truth)[field])[
            tuple(map(int, place[:-1].split(","))) if place else ()
        ]
        assert abs(value - float(entry)) < deviations * found.standard_errors[name], name


SABR_TRUTH = SABR(spot=FORWARD, alpha=2.2, exponent=0.5, vol_of_vol=0.9, correlation=-0.5)


@pytest.mark.slow
def test_sabr_is_recovered_at_every_maturity_within_its_standard_errors():
    calls = jax.jit(lambda: method_for(SABR_TRUTH).calls(SABR_TRUTH, GRID))()
    quotes = quotes_at(calls, noise=0.005)
    fits = calibrate_sabr(quotes, exponent=0.5)
    assert list(fits) == MATURITIES.tolist()
    for maturity, found in fits.items():
        within(found, SABR_TRUTH)
        assert found.inside == 1.0
        assert found.standard_errors["correlation"] < 0.05
        pricer = HaganFormula(found.model)
        row = int(np.argmax(quotes.maturity == maturity))
        call = Call(strike=STRIKE[row], maturity=maturity)
        price = float(pricer.price(call, found.model.start()))
        assert price - (FORWARD - STRIKE[row]) == pytest.approx(found.prices[0], abs=1e-6)


@pytest.mark.slow
def test_conditional_simulation_agrees_with_the_series_under_heston():
    heston = dataclasses.replace(Heston.example(), rate=0.0, dividend=0.0)
    grid = Grid(GRID.maturity[1:2], GRID.forward[1:2], GRID.moneyness[1:2, ::4])
    exact = jax.jit(lambda: BySeries().calls(heston, grid))()
    batches = jax.jit(
        lambda: BySimulation(jax.random.key(0), n_paths=2048, n_steps=16).batches(heston, grid)
    )()
    error = np.std(batches, axis=0, ddof=1) / np.sqrt(batches.shape[0])
    assert np.max(error) < 5e-4
    assert np.all(np.abs(np.mean(batches, axis=0) - exact) < 4.0 * error + 1e-5)


@pytest.mark.slow
def test_rough_bergomi_is_recovered_within_its_standard_errors():
    truth = RoughBergomi(
        spot=FORWARD,
        forward_variance=[0.04, 0.05, 0.06],
        curve_times=[0.0, 0.3, 0.6],
        vol_of_vol=1.8,
        hurst=0.12,
        correlation=-0.75,
    )
    keys = jax.random.split(jax.random.key(9), 16)
    calls = jax.jit(
        lambda: jax.lax.map(lambda key: BySimulation(key).calls(truth, GRID), keys).mean(axis=0)
    )()
    start = dataclasses.replace(
        truth, forward_variance=jnp.full(3, 0.05), vol_of_vol=1.3, hurst=0.2, correlation=-0.5
    )
    found = calibrate(start, quotes_at(calls), method=BySimulation(jax.random.key(1), n_paths=2048))
    within(found, truth)
    assert found.standard_errors["hurst"] < 0.06
    assert found.standard_errors["correlation"] < 0.05
    assert found.inside > 0.7


SURFACE = SSVI(maturity=MATURITIES, at_the_money=0.04 * MATURITIES, rho=-0.6, eta=1.0, gamma=0.4)
NODES = np.linspace(-0.5, 0.35, 12)


@pytest.mark.slow
def test_the_forward_equation_gives_black_prices_at_a_flat_volatility():
    flat = LocalVolatility(FORWARD, np.full((3, 3), 0.25), MATURITIES, [-0.5, 0.0, 0.5])
    worst = []
    for n_steps, n_prices in ((20, 201), (40, 401)):
        method = ByForwardEquation(n_steps, n_prices)
        quotes = quotes_at(jax.jit(lambda method=method: method.calls(flat, GRID))())
        worst.append(np.max(np.abs(quotes.vols(quotes.mid) - 0.25)))
    # Of second order in both steps together.
    assert worst[1] < 0.3 * worst[0] and worst[1] < 1e-4


@pytest.mark.slow
def test_dupire_through_a_fitted_surface_reprices_the_quotes_between_bid_and_ask():
    k, vols = np.log(STRIKE / FORWARD), SURFACE.vol
    mid = np.asarray(vols(jnp.asarray(np.log(STRIKE / FORWARD)), jnp.asarray(MATURITY)))
    quotes = Quotes.from_vols(
        STRIKE, MATURITY, bid=mid - 0.002, ask=mid + 0.002, forward=FORWARD, sign=SIGN
    )
    surface = fit_surface(quotes)
    fitted = surface.vol(jnp.asarray(k), jnp.asarray(MATURITY))
    np.testing.assert_allclose(np.asarray(fitted), quotes.vols(quotes.mid), atol=2e-4)
    model = local_volatility(surface, spot=FORWARD)
    calls = jax.jit(lambda: ByForwardEquation(n_steps=80, n_prices=601).calls(model, GRID))()
    repriced = quotes_at(calls).mid
    assert np.mean((repriced > quotes.bid) & (repriced < quotes.ask)) == 1.0


@pytest.mark.slow
def test_the_forward_equation_agrees_with_simulation_of_the_same_model():
    model = local_volatility(
        SURFACE, spot=FORWARD, maturities=[0.05, 0.1, 0.3, 0.6], log_moneyness=NODES
    )
    calls = jax.jit(lambda: ByForwardEquation(n_steps=60, n_prices=601).calls(model, GRID))()
    for column in (2, 5, 7):
        strike = float(STRIKE[18 + column])
        pricer = MonteCarlo(model, n_paths=100_000, n_steps=120, key=jax.random.key(0))
        value, error = jax.jit(
            lambda pricer=pricer, strike=strike: pricer.estimate(
                Call(strike=strike, maturity=0.6), model.start()
            )
        )()
        assert float(error) < 0.05
        assert abs(float(value) - FORWARD * float(calls[2, column])) < 4.0 * float(error)


@pytest.mark.slow
def test_local_volatilities_are_recovered_within_their_standard_errors():
    dates, k = [0.1, 0.3, 0.6], np.array([-0.3, -0.12, 0.0, 0.12])
    truth = LocalVolatility(
        FORWARD, 0.2 - 0.25 * k[None, :] + np.array([0.02, 0.0, 0.01])[:, None], dates, k
    )
    calls = jax.jit(lambda: ByForwardEquation().calls(truth, GRID))()
    start = dataclasses.replace(truth, vols=jnp.full((3, 4), 0.22))
    found = calibrate(start, quotes_at(calls, noise=0.005))
    within(found, truth)
    assert found.inside == 1.0
    assert found.standard_errors["vols[1, 1]"] < 0.03


def test_sampling_errors_are_added_in_squares():
    design, rng = np.stack([np.ones(40), np.arange(40.0)], axis=1), np.random.default_rng(0)
    batches = rng.normal(size=(400, 40))
    got = sampling_errors(["level", "slope"], design, batches, {"level": 0.0, "slope": 3.0})
    exact = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) / 400)
    assert got["level"] == pytest.approx(exact[0], rel=0.15)
    assert got["slope"] == pytest.approx(np.hypot(3.0, exact[1]), rel=1e-3)


def test_a_parameter_at_the_end_of_its_domain_is_named():
    known = domains(SABR_TRUTH)
    names, values = ["alpha", "correlation"], np.array([0.2, -0.999999])
    said = at_ends(names, values, known, np.array([False, False]))
    assert said == " `correlation` has run to the end of its domain, -1."
    said = at_ends(names, values, known, np.array([False, True]))
    assert said.endswith("end of its domain, -1: the best fit is at it, or beyond.")


def refused(message, model, quotes, **options):
    with pytest.raises((TypeError, ValueError), match=message) as error:
        calibrate(model, quotes, **options)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_models_without_a_method_and_wrong_methods_are_refused():
    quotes = quotes_at(np.maximum(1.0 - np.asarray(GRID.moneyness), 0.0) + 0.05)
    refused(
        "must have a formula for calls, got RoughBergomi; pass `method=BySim",
        RoughBergomi.example(),
        quotes,
    )
    refused("must have a formula for calls, got Garch", Garch.example(), quotes, free=("news",))
    refused(
        "needs a model with a characteristic function, got SABR; use",
        SABR_TRUTH,
        quotes,
        method=BySeries(),
    )
    refused(
        "HaganFormula does not know CEV",
        CEV.example(),
        quotes,
        free=("scale",),
        method=ByFormula(HaganFormula),
    )
    refused(
        "needs a LocalVolatility, got SABR",
        SABR_TRUTH,
        quotes,
        free=("alpha",),
        method=ByForwardEquation(),
    )
    with pytest.raises(ValueError, match="`n_paths` must be a multiple of 64, got 100; pass"):
        BySimulation(jax.random.key(0), n_paths=100)
