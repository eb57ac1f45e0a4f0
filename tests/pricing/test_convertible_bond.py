"""Convertible bonds against closed forms, their bounds, QuantLib and simulated paths."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call, ConvertibleBond, shifted_barrier
from deephedge.markets import BlackScholes, Defaultable, Heston, Path, simulate
from deephedge.pricing import (
    BlackScholesFormula,
    ConvertibleDifference,
    MonteCarlo,
    greeks,
)
from deephedge.pricing.diffusion import backward_steps, diffusion
from deephedge.pricing.obstacle import advance_between

MODEL = {"vol": 0.25, "rate": 0.05, "dividend": 0.0}
HAZARD = MODEL | {"intensity": 0.03, "loss": 0.4}
PLAIN = ConvertibleBond(ratio=1.0, maturity=5.0)
FULL = ConvertibleBond(
    ratio=1.0,
    maturity=5.0,
    coupon=0.04,
    n_coupons=10,
    recovery=0.4,
    call_price=115.0,
    call_start=2.0,
    put_price=105.0,
    put_dates=[3.0],
)


def at(spot, time=0.0):
    now = BlackScholes(spot=spot, vol=0.2).start()
    return dataclasses.replace(now, time=jnp.asarray(time))


def value(claim, spot=100.0, time=0.0, **model):
    now = at(spot, time)
    return float(jax.jit(lambda: ConvertibleDifference(**model).price(claim, now))())


@pytest.mark.slow
def test_without_conversion_it_is_a_bond_that_may_default():
    bond = ConvertibleBond(ratio=0.0, maturity=5.0, coupon=0.03, n_coupons=5, recovery=0.4)
    rate, intensity = 0.05, 0.03
    years = np.arange(1.0, 6.0)
    both = rate + intensity
    coupons = np.sum(3.0 * np.exp(-both * years))
    recovered = 40.0 * intensity / both * (1.0 - np.exp(-both * 5.0))
    exact = coupons + 100.0 * np.exp(-both * 5.0) + recovered
    assert value(bond, **HAZARD) == pytest.approx(exact, abs=1e-3)


@pytest.mark.slow
def test_without_default_and_dividends_it_is_a_bond_and_a_call():
    claim, spots = ConvertibleBond(ratio=0.8, maturity=5.0), jnp.asarray([70.0, 100.0, 150.0])
    pricer, formula = ConvertibleDifference(**MODEL), BlackScholesFormula(**MODEL)
    ours = jax.jit(jax.vmap(lambda s: pricer.price(claim, at(s))))(spots)
    option = jax.vmap(lambda s: formula.price(Call(125.0, 5.0), at(s)))(spots)
    np.testing.assert_allclose(ours, 100.0 * np.exp(-0.25) + 0.8 * option, atol=2e-3)


@pytest.mark.slow
def test_with_default_to_nothing_it_is_the_same_at_a_higher_rate():
    # The stock grows by the intensity, and everything is discounted by it.
    claim = PLAIN
    near = BlackScholesFormula(vol=0.25, rate=0.08).price(Call(100.0, 5.0), at(100.0))
    exact = 100.0 * np.exp(-0.4) + float(near)
    ours = value(claim, **(MODEL | {"intensity": 0.03, "loss": 1.0}))
    assert ours == pytest.approx(exact, abs=2e-3)


@pytest.mark.slow
def test_rights_of_the_holder_raise_it_and_those_of_the_issuer_lower_it():
    for spot in (60.0, 100.0, 130.0):
        no_call = dataclasses.replace(FULL, call_price=None)
        no_put = dataclasses.replace(FULL, put_price=0.0)
        full, free, unsold = (value(c, spot, **HAZARD) for c in (FULL, no_call, no_put))
        assert full <= free + 1e-9
        assert unsold <= full + 1e-9
        assert full >= spot
    # Callable now at less than the shares: forced conversion.
    assert value(FULL, 140.0, time=2.5, **HAZARD) == pytest.approx(140.0, abs=1e-9)
    assert value(FULL, 112.0, time=2.5, **HAZARD) <= 115.0
    # The moment before the put, the coupon of that day included.
    assert value(FULL, 20.0, time=2.999999, **HAZARD) == pytest.approx(109.0, abs=1e-3)


@pytest.mark.slow
def test_every_step_ends_within_bounds_that_meet_and_its_derivatives_are_those_of_its_values():
    # Above the call price conversion and call pay the same. Were such nodes ever let go, the
    # search for those at rest would go round in circles, and end anywhere.
    nodes = jnp.exp(jnp.linspace(3.8, 5.6, 201))
    dt, implicit = backward_steps(jnp.asarray(0.9), 60)

    def bounds(tau):
        floor = nodes * jnp.exp(0.075 * tau)
        return floor, jnp.maximum(112.0 * jnp.exp(0.07 * tau), floor)

    def rolled(vol):
        def step(values, inputs):
            tau, dt, implicit = inputs
            held, before = bounds(tau), bounds(tau - dt)
            income = 2.0 * jnp.exp(0.07 * tau) * jnp.ones_like(nodes)
            matrix = diffusion(nodes, vol)
            values = advance_between(matrix, values, dt, implicit, held, before, income)
            return values, (values - held[0], held[1] - values)

        start = jnp.maximum(nodes, 100.0)
        return jax.lax.scan(step, start, (jnp.cumsum(dt), dt, implicit))

    def along(function, vol):
        return jax.jvp(function, (vol,), (jnp.ones_like(vol),))[1]

    def volga(vol):
        return along(lambda x: along(lambda y: rolled(y)[0], x), vol)

    vol, h = jnp.asarray(0.3), 1e-3
    values, spare = jax.jit(jax.vmap(rolled))(vol + h * jnp.arange(-2.0, 3.0))
    # A bound gives way by up to two hundredths of a gap between nodes, here 1.
    assert min(float(jnp.min(x)) for x in spare) > -0.02
    first, second = jax.jit(lambda v: (along(lambda x: rolled(x)[0], v), volga(v)))(vol)
    slope = jnp.asarray([1.0, -8.0, 0.0, 8.0, -1.0]) @ values / (12.0 * h)
    curve = jnp.asarray([-1.0, 16.0, -30.0, 16.0, -1.0]) @ values / (12.0 * h**2)
    np.testing.assert_allclose(first, slope, atol=1e-5 * float(jnp.max(jnp.abs(slope))))
    np.testing.assert_allclose(second, curve, atol=1e-3 * float(jnp.max(jnp.abs(curve))))


@pytest.mark.slow
def test_under_a_call_prices_over_vol_and_time_are_smooth_and_derivatives_are_their_slopes():
    # While nodes passed the kink at 112 as the grid moved: prices 4e-4 off, vega 4 to 50 %.
    bond = ConvertibleBond(ratio=1.0, maturity=1.0, call_price=112.0, recovery=0.4)
    pricer = ConvertibleDifference(0.3, 0.02, 0.04, intensity=0.05, loss=0.3)

    def price(spot, by):
        moved = dataclasses.replace(pricer, vol=pricer.vol + by[0])
        return moved.price(bond, at(spot, 0.3 + by[1]))

    def along(spot):
        prices = jax.lax.map(lambda by: price(spot, by), shifts)
        slopes = jax.vmap(lambda d: twice(lambda x: price(spot, x * d)))(jnp.asarray(ways))
        return prices.reshape(-1, 2).T, slopes

    def twice(function):
        def slope(x):
            return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]

        zero = jnp.zeros(())
        return jnp.stack(jax.jvp(slope, (zero,), (jnp.ones_like(zero),)))

    steps, ways = np.linspace(-0.03, 0.03, 25), np.diag([1.0, 2.0])
    shifts = jnp.asarray(np.multiply.outer(steps, ways).reshape(-1, 2))
    spots = jnp.asarray([90.0, 100.0, 105.0, 110.0, 111.5])
    prices, slopes = jax.jit(lambda: jax.lax.map(along, spots))()
    rows = np.asarray(prices).reshape(-1, steps.size).T
    trend = np.polyfit(steps, rows, 5)
    smooth = np.stack([np.polyval(curve, steps) for curve in trend.T]).T
    np.testing.assert_allclose(rows, smooth, rtol=1e-7)
    slopes = np.asarray(slopes).reshape(-1, 2).T
    np.testing.assert_allclose(slopes[0], trend[-2], rtol=2e-3)
    np.testing.assert_allclose(slopes[1, ::2], 2.0 * trend[-3, ::2], rtol=2e-2)


@pytest.mark.slow
def test_the_error_is_of_second_order():
    option = BlackScholesFormula(**MODEL).price(Call(100.0, 5.0), at(90.0))
    exact = 100.0 * np.exp(-0.25) + float(option)

    def error(n):
        pricer = ConvertibleDifference(**MODEL, n_steps=n, n_prices=4 * n + 1)
        return abs(float(pricer.price(PLAIN, at(90.0))) - exact)

    orders = np.diff(-np.log2([error(n) for n in (50, 100, 200)]))
    assert np.all(np.abs(orders - 2.0) < 0.3), orders


@pytest.mark.slow
def test_greeks_are_finite_and_central_differences():
    pricer = ConvertibleDifference(**HAZARD, n_steps=80, n_prices=201)
    names = ("delta", "gamma", "vega", "theta", "rho", "vanna", "speed", "ultima")
    got = jax.jit(lambda: greeks(pricer, FULL, at(90.0), names))()
    assert np.all(np.isfinite([float(x) for x in got.values()]))
    price = jax.jit(lambda s: pricer.price(FULL, at(s)))
    low, middle, high = (float(price(90.0 + x)) for x in (-0.5, 0.0, 0.5))
    assert float(got["delta"]) == pytest.approx(high - low, abs=2e-3)
    assert float(got["gamma"]) == pytest.approx((high - 2 * middle + low) / 0.25, abs=2e-3)

    def by_default(intensity, loss):
        moved = dataclasses.replace(pricer, intensity=intensity, loss=loss)
        return moved.price(FULL, at(90.0))

    point = (pricer.intensity, pricer.loss)
    forward = jax.jit(jax.jacfwd(by_default, argnums=(0, 1)))(*point)
    backward = jax.jit(jax.grad(by_default, argnums=(0, 1)))(*point)
    np.testing.assert_allclose(forward, backward, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("spot", [80.0, 110.0])
def test_without_default_it_is_that_of_quantlib(spot):
    ql = pytest.importorskip("QuantLib")
    today = ql.Date(2, 1, 2025)
    ql.Settings.instance().evaluationDate = today
    count = ql.Actual365Fixed()
    end = today + 5 * 365

    def curve(level):
        return ql.YieldTermStructureHandle(ql.FlatForward(today, level, count))

    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.25, count))
    quote = ql.QuoteHandle(ql.SimpleQuote(spot))
    process = ql.BlackScholesMertonProcess(quote, curve(0.03), curve(0.05), vol)
    schedule = ql.Schedule([today, end])
    bond = ql.ConvertibleZeroCouponBond(
        ql.AmericanExercise(today, end), 1.0, [], today, 0, count, schedule, 100.0
    )
    spread = ql.QuoteHandle(ql.SimpleQuote(0.0))
    bond.setPricingEngine(ql.BinomialCRRConvertibleEngine(process, 4000, spread))
    ours = value(PLAIN, spot, vol=0.25, rate=0.05, dividend=0.03)
    assert ours == pytest.approx(bond.NPV(), abs=0.01)


@pytest.mark.slow
def test_both_sides_boundaries_earn_the_price_on_simulated_paths():
    market = Defaultable(
        BlackScholes(spot=95.0, vol=0.25, rate=0.05, dividend=0.02), intensity=0.04, loss=0.3
    )
    pricer = ConvertibleDifference.for_model(market)
    claim = dataclasses.replace(FULL, default_factor=0)
    exercised = pricer.exercised(claim)
    # Seen on 40 dates a year, a price passes the boundary before the issuer calls.
    moved = shifted_barrier(
        exercised.boundary, vol=jnp.asarray(0.25), dt=jnp.asarray(1 / 40), up=False
    )
    exercised = dataclasses.replace(exercised, boundary=moved)
    simulation = MonteCarlo(market, n_paths=20_000, n_steps=200, key=jax.random.key(1))
    mean, error = simulation.estimate(exercised, market.start())
    price = float(pricer.price(claim, market.start()))
    assert float(error) < 0.2
    assert abs(float(mean) - price) < 4.0 * float(error) + 2e-3 * price


@pytest.mark.slow
def test_a_defaulted_market_falls_once_and_goes_on():
    market = Defaultable(BlackScholes(100.0, 0.2, rate=0.05), intensity=0.5, loss=0.6)
    times = jnp.linspace(0.0, 1.0, 5)
    paths = simulate(market, times, 20_000, key=jax.random.key(0))
    alive = np.asarray(paths.factors[:, -1, -1]) == 0.0
    expected = np.exp(-0.5)
    assert abs(alive.mean() - expected) < 4.0 * np.sqrt(expected * (1 - expected) / 20_000)
    assert np.all(np.diff(np.asarray(paths.factors[:, :, -1]), axis=1) >= 0.0)
    # A survivor grows by the intensity times the loss more.
    growth = np.log(np.asarray(paths.prices)[alive, -1, 0] / 100.0)
    error = growth.std() / np.sqrt(alive.sum())
    assert abs(growth.mean() - (0.05 - 0.02 + 0.3)) < 4.0 * error
    later = Defaultable(Heston.example(), intensity=0.5, loss=0.6, defaulted=1.0)
    rest = simulate(later, times, 16, key=jax.random.key(1))
    same = simulate(Heston.example(), times, 16, key=jax.random.key(1))
    assert rest.factors.shape == (16, 5, 2)
    assert np.all(np.asarray(rest.factors[:, :, 1]) == 1.0)
    assert same.prices.shape == rest.prices.shape


def path(prices, flags, times):
    times = jnp.asarray(times)
    ones = jnp.ones_like(times)
    columns = [jnp.asarray(x, dtype=float)[:, None] for x in (prices, flags)]
    empty = jnp.zeros((times.shape[0], 0))
    return Path(times, *columns, jnp.exp(-0.1 * times), ones[:, None], empty)


def test_cash_along_a_path_waits_with_interest():
    claim = dataclasses.replace(
        FULL,
        maturity=1.0,
        n_coupons=2,
        call_start=0.5,
        put_dates=jnp.asarray([0.75]),
        boundary=jnp.asarray([150.0, 150.0]),
        put_boundary=jnp.asarray([60.0]),
        default_factor=0,
    )
    times, fine = [0.0, 0.25, 0.5, 0.75, 1.0], [0, 0, 0, 0, 0]
    half = 4.0 * np.exp(0.05)
    cases = [
        ([100, 90, 95, 80, 99], fine, half + 4.0 + 100.0),
        ([100, 90, 95, 80, 130], fine, half + 4.0 + 130.0),
        ([100, 160, 95, 80, 99], fine, 160.0 * np.exp(0.075)),
        ([100, 90, 95, 55, 99], fine, half + 105.0 * np.exp(0.025)),
        ([100, 90, 95, 30, 20], [0, 0, 0, 1, 1], half + 40.0 * np.exp(0.025)),
    ]
    payoff = eqx.filter_jit(claim.payoff)
    for prices, flags, owed in cases:
        assert float(payoff(path(prices, flags, times))) == pytest.approx(owed, rel=1e-12)


def test_bad_terms_are_refused():
    with pytest.raises(ValueError, match=r"`boundary` .* ConvertibleBond ends; use `Conv"):
        PLAIN.payoff(path([100, 90], [0, 0], [0.0, 1.0]))
    with pytest.raises(ValueError, match="`n_coupons` must be at least 1"):
        ConvertibleBond(ratio=1.0, maturity=1.0, coupon=0.1)
    with pytest.raises(ValueError, match="`put_dates` must be before the maturity 1"):
        ConvertibleBond(ratio=1.0, maturity=1.0, put_dates=[2.0])
    with pytest.raises(ValueError, match="`loss` must be below 1, got 1"):
        Defaultable(BlackScholes.example(), intensity=0.1, loss=1.0)
