"""What path-dependent claims pay, on paths drawn by hand."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import (
    Autocallable,
    BarrierOption,
    Chooser,
    Cliquet,
    CompoundOption,
    CorridorVarianceSwap,
    DoubleBarrierOption,
    FloatingLookbackCall,
    FloatingLookbackPut,
    ForwardStartCall,
    GeometricAsianCall,
    GeometricAsianPut,
    LookbackPut,
    NoTouch,
    OneTouch,
    PowerOption,
    VarianceSwap,
    VolatilitySwap,
    shifted_barrier,
)
from deephedge.markets import BlackScholes, Path, simulate

RATE = 0.1


def path(prices) -> Path:
    """A year in equal steps, at a rate of 10 %."""
    prices = jnp.asarray(prices, dtype=float)
    times = jnp.linspace(0.0, 1.0, prices.shape[0])
    empty = jnp.zeros((prices.shape[0], 0))
    ones = jnp.ones_like(prices)[:, None]
    return Path(times, prices[:, None], empty, jnp.exp(-RATE * times), ones, empty)


WAVE = path([100.0, 130.0, 90.0, 110.0, 104.0])
RETURNS = np.log([130 / 100, 90 / 130, 110 / 90, 104 / 110])


def barrier(level, *, call=True, up=True, knock_in=False):
    return BarrierOption(100.0, level, 1.0, rebate=2.0, call=call, up=up, knock_in=knock_in)


@pytest.mark.parametrize(
    ("claim", "owed"),
    [
        (barrier(131.0), 4.0),
        (barrier(130.0), 2.0 * math.exp(RATE * 0.75)),
        (barrier(130.0, knock_in=True), 4.0),
        (barrier(131.0, knock_in=True), 2.0),
        (barrier(89.0, up=False), 4.0),
        (barrier(95.0, up=False), 2.0 * math.exp(RATE * 0.5)),
        (barrier(95.0, call=False, up=False, knock_in=True), 0.0),
        (DoubleBarrierOption(100.0, 80.0, 140.0, 1.0, call=True, knock_in=False), 4.0),
        (DoubleBarrierOption(100.0, 80.0, 130.0, 1.0, call=True, knock_in=False), 0.0),
        (DoubleBarrierOption(110.0, 90.0, 140.0, 1.0, call=False, knock_in=True), 6.0),
        (OneTouch(130.0, 1.0, 5.0, up=True), 5.0),
        (OneTouch(130.0, 1.0, 5.0, up=True, at_hit=True), 5.0 * math.exp(RATE * 0.75)),
        (NoTouch(130.0, 1.0, 5.0, up=True), 0.0),
        (NoTouch(89.0, 1.0, 5.0, up=False), 5.0),
        (LookbackPut(100.0, 1.0), 10.0),
        (FloatingLookbackCall(1.0), 14.0),
        (FloatingLookbackPut(1.0), 26.0),
        (GeometricAsianCall(100.0, 1.0), (130 * 90 * 110 * 104) ** 0.25 - 100),
        (GeometricAsianPut(120.0, 1.0), 120 - (130 * 90 * 110 * 104) ** 0.25),
        (ForwardStartCall(1.1, 0.5, 1.0), 104 - 99),
        (ForwardStartCall(1.1, 0.3, 1.0), 104 - 99),
        (PowerOption(10_000.0, 2.0, 1.0), 816.0),
        (PowerOption(11_000.0, 2.0, 1.0, call=False), 184.0),
        (Cliquet(2, 1.0, notional=100.0), 100 * (90 / 100 - 1 + 104 / 90 - 1)),
        (
            Cliquet(4, 1.0, local_floor=-0.1, local_cap=0.2, notional=1.0),
            0.2 - 0.1 + 0.2 + 104 / 110 - 1,
        ),
        (Cliquet(4, 1.0, local_floor=-0.1, local_cap=0.2, global_cap=0.1, notional=1.0), 0.1),
        (Chooser(95.0, 0.25, 1.0), 9.0),
        (Chooser(110.0, 0.5, 1.0), 6.0),
        (CompoundOption(100.0, 3.0, 120.0, 0.25, 1.0), 4 - 3 * math.exp(RATE * 0.75)),
        (CompoundOption(100.0, 3.0, 120.0, 0.5, 1.0), 0.0),
        (VarianceSwap(0.04, 1.0, 100.0), 100 * (np.sum(RETURNS**2) - 0.04)),
        (VolatilitySwap(0.2, 1.0, 100.0), 100 * (np.sqrt(np.sum(RETURNS**2)) - 0.2)),
        (CorridorVarianceSwap(0.04, 95.0, 120.0, 1.0), RETURNS[0] ** 2 + RETURNS[3] ** 2 - 0.04),
    ],
    ids=lambda x: type(x).__name__,
)
def test_payoffs(claim, owed):
    np.testing.assert_allclose(claim.payoff(WAVE), owed, rtol=1e-12, atol=1e-12)


NOTE = Autocallable(
    initial=100.0,
    coupon=0.02,
    call_level=105.0,
    coupon_level=95.0,
    protection_level=80.0,
    n_observations=4,
    maturity=1.0,
)


@pytest.mark.parametrize(
    ("prices", "owed"),
    [
        # Called at the first date, with its coupon, and interest on both.
        ([100, 106, 50, 50, 50], 102 * math.exp(RATE * 0.75)),
        # Two coupons missed are paid with the third; the fourth is missed for good.
        ([100, 94, 90, 96, 85], 6 * math.exp(RATE * 0.25) + 100),
        # Called at the last date: the notional once.
        ([100, 96, 94, 94, 120], 2 * math.exp(RATE * 0.75) + 6 + 100),
        # Below the protection the holder bears the loss.
        ([100, 90, 90, 90, 79], 79),
    ],
)
def test_the_autocallable_remembers_missed_coupons(prices, owed):
    np.testing.assert_allclose(NOTE.payoff(path(prices)), owed, rtol=1e-12)


def test_the_autocallable_states_what_it_remembers():
    progress = np.asarray(NOTE.progress(path([100.0, 94.0, 96.0, 106.0, 50.0])))
    np.testing.assert_array_equal(progress[:, 0], [1, 1, 1, 0, 0])
    np.testing.assert_array_equal(progress[:4, 1], [0, 1, 0, 0])
    paid = [0.0, 0.0, 4 * math.exp(-0.05), 4 * math.exp(-0.05) + 102 * math.exp(-0.075)]
    np.testing.assert_allclose(progress[:4, 2], paid, rtol=1e-12)
    np.testing.assert_allclose(progress[4, 2], progress[3, 2], rtol=1e-12)


def test_a_start_at_the_barrier_counts():
    assert float(barrier(100.0, up=False).payoff(WAVE)) == pytest.approx(2.0 * math.exp(RATE))
    assert float(OneTouch(100.0, 1.0, up=True).payoff(WAVE)) == 1.0


def test_parities_on_every_path():
    """In and out, touch and no touch, corridors, floating and fixed."""
    market = BlackScholes(spot=100.0, vol=0.3, rate=0.05)
    paths = simulate(market, jnp.linspace(0.0, 1.0, 13), 300, key=jax.random.key(1))

    def owed(claim):
        return np.asarray(jax.vmap(claim.payoff)(paths))

    free = dataclasses.replace(barrier(115.0), rebate=jnp.asarray(0.0))
    inside = dataclasses.replace(free, knock_in=True)
    call = np.maximum(np.asarray(paths.prices)[:, -1, 0] - 100.0, 0.0)
    np.testing.assert_allclose(owed(free) + owed(inside), call, rtol=1e-12)
    assert np.ptp(owed(free)) > 0 < np.ptp(owed(inside))
    touch = owed(OneTouch(90.0, 1.0, up=False)) + owed(NoTouch(90.0, 1.0, up=False))
    np.testing.assert_array_equal(touch, 1.0)
    low, high = CorridorVarianceSwap(0.0, 0.0, 101.0, 1.0), CorridorVarianceSwap(0.0, 101, 1e9, 1.0)
    whole = owed(VarianceSwap(0.0, 1.0))
    np.testing.assert_allclose(owed(low) + owed(high), whole, rtol=1e-12)
    span = owed(FloatingLookbackCall(1.0)) + owed(FloatingLookbackPut(1.0))
    prices = np.asarray(paths.prices)[..., 0]
    np.testing.assert_allclose(span, prices.max(axis=1) - prices.min(axis=1), rtol=1e-12)
    # A cliquet of one period without bounds is the return.
    returns = prices[:, -1] / 100.0 - 1.0
    np.testing.assert_allclose(owed(Cliquet(1, 1.0, notional=1.0)), returns, rtol=1e-12)


def test_the_shift_of_a_barrier_moves_it_away():
    up, down = (
        float(
            shifted_barrier(jnp.asarray(100.0), vol=jnp.asarray(0.3), dt=jnp.asarray(1 / 250), up=u)
        )
        for u in (True, False)
    )
    # Broadie, Glasserman and Kou (1997), section 1: exp(0.5826 * 0.3 * sqrt(1/250)).
    assert up == pytest.approx(100.0 * math.exp(0.5826 * 0.3 / math.sqrt(250)), rel=1e-12)
    assert up * down == pytest.approx(1e4, rel=1e-12)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: DoubleBarrierOption(100.0, 120.0, 110.0, 1.0, call=True, knock_in=False),
            "`lower` must be below `upper`, 110, got 120.",
        ),
        (lambda: BarrierOption(100.0, -1.0, 1.0, call=True, up=True, knock_in=True), "`barrier`"),
        (lambda: ForwardStartCall(1.0, 2.0, 1.0), "`start` must be before maturity 1, got 2."),
        (lambda: Chooser(100.0, 1.0, 1.0), "`decision` must be before maturity 1, got 1."),
        (lambda: Cliquet(0, 1.0), "`n_periods` must be at least 1, got 0."),
        (lambda: CorridorVarianceSwap(0.04, 2.0, 1.0, 1.0), "`lower` must be below `upper`, 1"),
        (lambda: dataclasses.replace(NOTE, n_observations=0), "`n_observations` must be at least"),
    ],
)
def test_bad_claims_are_refused_by_name(build, message):
    with pytest.raises(ValueError, match=message):
        build()
