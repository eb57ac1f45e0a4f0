"""SVI and SSVI: what arbitrage means, on known examples, and fits that have none."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.pricing import SSVI, SVI, fit_ssvi, fit_svi
from deephedge.pricing.implied_vol import formula

# Axel Vogt's smile: positive variances, a negative density (Gatheral and Jacquier 2014, 3.1).
VOGT = SVI(a=-0.0410, b=0.1331, rho=0.3060, m=0.3586, sigma=0.4153)
WIDE = jnp.asarray(np.concatenate([np.linspace(-8.0, 8.0, 1601), [-100.0, -30.0, 30.0, 100.0]]))


def call(k, total_variance):
    """Undiscounted call at forward 1 and log-strike k."""
    one = jnp.ones_like(k)
    vol = jnp.sqrt(total_variance)
    return formula(vol, one, jnp.exp(k), one, 0.0 * one, 0.0 * one, one)


@pytest.mark.slow
@pytest.mark.parametrize("smile", [SVI.example(), VOGT, SSVI.example().slice(jnp.asarray(0.7))])
def test_density_factor_is_that_of_the_second_difference_of_calls(smile):
    strikes = jnp.linspace(0.5, 3.0, 11)
    width = 1e-3

    def value(strike):
        return call(jnp.log(strike), smile.total_variance(jnp.log(strike)))

    below, at, above = (value(strikes + s * width) for s in (-1.0, 0.0, 1.0))
    k = jnp.log(strikes)
    w = smile.total_variance(k)
    minus = -k / jnp.sqrt(w) - 0.5 * jnp.sqrt(w)
    normal = jnp.exp(-0.5 * minus**2) / jnp.sqrt(2.0 * jnp.pi * w) / strikes
    density = (below - 2.0 * at + above) / width**2
    np.testing.assert_allclose(density, smile.density_factor(k) * normal, rtol=1e-4, atol=1e-5)


def test_the_published_example_of_arbitrage_is_recognised():
    assert np.min(VOGT.total_variance(WIDE)) > 0.0
    g = VOGT.density_factor(WIDE)
    assert np.min(g) < -0.01
    # Negative around log-strikes of 0.8 (figure 2 of the paper), and nowhere near the money.
    assert 0.6 < float(WIDE[np.argmin(g)]) < 1.1
    assert np.min(VOGT.density_factor(jnp.linspace(-1.5, 0.5, 101))) > 0.0


def test_a_fit_to_a_smile_with_arbitrage_has_none_and_stays_near():
    k = jnp.linspace(-1.5, 1.5, 31)
    quotes = VOGT.total_variance(k)
    smile = fit_svi(k, quotes)
    assert np.min(smile.density_factor(WIDE)) >= 0.0
    assert np.min(smile.total_variance(WIDE)) > 0.0
    vol, quoted = jnp.sqrt(smile.total_variance(k)), jnp.sqrt(quotes)
    assert np.sqrt(np.mean((vol - quoted) ** 2)) < 0.01
    # Calls fall with the strike and are convex in it.
    strikes = jnp.linspace(0.05, 8.0, 2000)
    prices = np.asarray(call(jnp.log(strikes), smile.total_variance(jnp.log(strikes))))
    assert np.all(np.diff(prices) < 0.0)
    assert np.all(np.diff(prices, 2) > -1e-13)


@pytest.mark.parametrize(
    "smile",
    [
        SVI.example(),
        SVI(a=0.002, b=0.05, rho=0.6, m=0.1, sigma=0.1),
        SVI(a=0.3, b=0.4, rho=-0.8, m=-0.2, sigma=0.5),
        SVI(a=0.0004, b=0.01, rho=-0.3, m=0.0, sigma=0.03),
    ],
)
def test_a_fit_to_a_smile_without_arbitrage_finds_it(smile):
    assert np.min(smile.density_factor(WIDE)) >= 0.0
    k = jnp.linspace(-0.6, 0.5, 23)
    quotes = smile.total_variance(k)
    np.testing.assert_allclose(fit_svi(k, quotes).total_variance(k), quotes, rtol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_fits_to_noise_are_free_of_butterfly_arbitrage(seed):
    rng = np.random.default_rng(seed)
    k = np.sort(rng.uniform(-0.8, 0.6, 15))
    quotes = jnp.asarray((0.2 - 0.3 * k + 0.5 * k**2) ** 2 * np.exp(rng.normal(0.0, 0.2, 15)))
    smile = fit_svi(jnp.asarray(k), quotes)
    assert np.min(smile.density_factor(WIDE)) >= 0.0
    assert np.min(smile.total_variance(WIDE)) >= 0.0


SURFACE = SSVI(
    maturity=[0.1, 0.5, 1.0, 3.0],
    at_the_money=[0.005, 0.02, 0.045, 0.1],
    rho=-0.7,
    eta=1.1,
    gamma=0.45,
)


@jax.jit
def measured(surface, k, tau):
    return surface.total_variance(k, tau), surface.density_factor(k, tau)


def free_of_arbitrage(surface):
    dates = np.concatenate([np.linspace(0.01, 5.0, 60), [30.0]])
    tau, k = jnp.meshgrid(jnp.asarray(dates), WIDE, indexing="ij")
    w, g = (np.asarray(x) for x in measured(surface, k, tau))
    return bool(np.all(np.diff(w, axis=0) >= 0.0)) and np.min(g) >= -1e-12


@pytest.mark.parametrize("rho", [-0.99, -0.5, 0.0, 0.9])
@pytest.mark.parametrize("gamma", [0.05, 0.5])
def test_surfaces_at_the_bound_have_neither_calendar_nor_butterfly_arbitrage(rho, gamma):
    surface = SSVI(
        maturity=[0.1, 1.0, 2.0],
        at_the_money=[0.004, 0.09, 0.09],
        rho=rho,
        eta=2.0 / (1.0 + abs(rho)),
        gamma=gamma,
    )
    assert free_of_arbitrage(surface)


def test_a_fit_finds_the_surface_behind_the_quotes():
    k, tau = (x.ravel() for x in jnp.meshgrid(jnp.linspace(-0.5, 0.4, 10), SURFACE.maturity))
    found = fit_ssvi(k, tau, SURFACE.vol(k, tau))
    for name in ("at_the_money", "rho", "eta", "gamma"):
        np.testing.assert_allclose(vars(found)[name], vars(SURFACE)[name], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_fits_to_quotes_with_arbitrage_have_none(seed):
    rng = np.random.default_rng(seed)
    k, tau = (x.ravel() for x in np.meshgrid(np.linspace(-0.5, 0.4, 10), SURFACE.maturity))
    vol = np.asarray(SURFACE.vol(jnp.asarray(k), jnp.asarray(tau))) * np.exp(rng.normal(0, 0.3, 40))
    assert free_of_arbitrage(fit_ssvi(*map(jnp.asarray, (k, tau, vol))))


def test_a_slice_of_the_surface_is_its_smile():
    k = jnp.linspace(-1.0, 1.0, 9)
    for tau in (0.05, 0.7, 4.0):
        np.testing.assert_allclose(
            SURFACE.slice(jnp.asarray(tau)).total_variance(k),
            SURFACE.total_variance(k, jnp.full_like(k, tau)),
            rtol=1e-12,
        )
    # At the money the total variance is theta, linear between the dates.
    np.testing.assert_allclose(SURFACE.vol(jnp.asarray(0.0), jnp.asarray(0.75)) ** 2 * 0.75, 0.0325)


def test_volatilities_are_differentiable_in_every_parameter():
    slope = jax.jit(jax.grad(lambda s, k, t: s.vol(k, t)))(
        SURFACE, jnp.asarray(0.1), jnp.asarray(0.7)
    )
    for leaf in jax.tree.leaves(slope):
        assert np.all(np.isfinite(leaf))
    assert float(slope.at_the_money[1]) > 0.0
    assert float(slope.rho) != 0.0


def test_parameters_with_arbitrage_are_refused_in_one_line():
    with pytest.raises(ValueError, match="`eta` must be at most"):
        SSVI(maturity=[1.0], at_the_money=[0.04], rho=-0.5, eta=1.5, gamma=0.4)
    with pytest.raises(ValueError, match="`gamma` must be at most 1/2"):
        SSVI(maturity=[1.0], at_the_money=[0.04], rho=-0.5, eta=1.0, gamma=0.6)
    with pytest.raises(ValueError, match="`at_the_money` must be positive and increasing"):
        SSVI(maturity=[1.0, 2.0], at_the_money=[0.04, 0.03], rho=-0.5, eta=1.0, gamma=0.4)
    with pytest.raises(ValueError, match="`a` must keep the lowest variance"):
        SVI(a=-0.1, b=0.1, rho=0.0, m=0.0, sigma=0.1)
    with pytest.raises(ValueError, match="`b` must be at most"):
        SVI(a=0.1, b=1.5, rho=0.5, m=0.0, sigma=0.1)
