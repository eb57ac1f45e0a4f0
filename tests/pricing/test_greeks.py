"""Greeks against central differences, against each other, and where formulas have poles."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge.claims import Call, Put
from deephedge.markets import BlackScholes
from deephedge.pricing import GREEKS, BlackScholesFormula, greeks, sensitivity
from deephedge.pricing.greeks import USUAL, VARIABLES, derivative, in_order, shifted_value

NOW = BlackScholes(spot=100.0, vol=0.2).start()
PRICER = BlackScholesFormula(vol=0.2, rate=0.03, dividend=0.01)


def _at(spot, time=0.0):
    return dataclasses.replace(NOW, prices=jnp.asarray([spot]), time=jnp.asarray(time))


_greeks = jax.jit(lambda pricer, claim, now: greeks(pricer, claim, now, GREEKS))


@jax.jit
def _central(pricer, claim, now, steps):
    """Each Greek as a central difference of the one below it, in its last variable."""
    value = shifted_value(lambda p, n: p.price(claim, n), pricer, now, 0)
    differences = {}
    for name, variables in GREEKS.items():
        *along, last = in_order(variables)
        i = VARIABLES.index(last)

        def lower(h, i=i, along=along):
            def moved(shifts):
                return value(tuple(x + h * float(j == i) for j, x in enumerate(shifts)))

            return derivative(moved, now, along)

        h = steps[i]
        down2, down1, up1, up2 = jax.vmap(lower)(jnp.asarray([-2.0, -1.0, 1.0, 2.0]) * h)
        differences[name] = (8.0 * (up1 - down1) - (up2 - down2)) / (12.0 * h)
    return differences


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    spot=st.floats(60.0, 160.0),
    tau=st.floats(0.1, 3.0),
    vol=st.floats(0.1, 0.8),
    rate=st.floats(-0.02, 0.1),
    call=st.booleans(),
)
def test_greeks_are_the_limits_of_central_differences(spot, tau, vol, rate, call):
    claim = (Call if call else Put)(strike=100.0, maturity=tau)
    pricer, now = BlackScholesFormula(vol=vol, rate=rate, dividend=0.01), _at(spot)
    steps = jnp.asarray([1e-3 * spot * vol * tau**0.5, 1e-3 * vol, 1e-3, 1e-3 * tau])
    exact, approximate = _greeks(pricer, claim, now), _central(pricer, claim, now, steps)
    for name in GREEKS:
        # Units of each variable that move the price alike make the Greeks comparable.
        unit = np.prod([float(steps[VARIABLES.index(v)]) * 1e3 for v in GREEKS[name]])
        error = abs(float(exact[name] - approximate[name]))
        assert error < 1e-8 * max(abs(float(exact[name])), 10.0 * spot / unit), name


def test_greeks_satisfy_the_black_scholes_equation():
    for spot, tau in itertools.product((70.0, 100.0, 140.0), (0.05, 1.0)):
        claim = Call(strike=100.0, maturity=tau)
        g = _greeks(PRICER, claim, _at(spot))
        diffusion = 0.5 * (0.2 * spot) ** 2 * g["gamma"] + (0.03 - 0.01) * spot * g["delta"]
        growth = 0.03 * PRICER.price(claim, _at(spot))
        np.testing.assert_allclose(g["theta"] + diffusion, growth, rtol=1e-12, atol=1e-12)


def test_vega_of_a_european_claim_is_gamma_in_other_units():
    g = _greeks(PRICER, Call(strike=110.0, maturity=0.5), NOW)
    np.testing.assert_allclose(g["vega"], 100.0**2 * 0.2 * 0.5 * g["gamma"], rtol=1e-12)


def test_calls_and_puts_share_gamma_vega_vanna_and_volga():
    call, put = (_greeks(PRICER, kind(strike=90.0, maturity=0.5), NOW) for kind in (Call, Put))
    for name in ("gamma", "vega", "vanna", "volga", "speed", "zomma", "ultima"):
        np.testing.assert_allclose(call[name], put[name], rtol=1e-12, atol=1e-12)


def test_the_order_of_the_variables_does_not_matter():
    claim = Call(strike=100.0, maturity=0.5)
    zomma = jax.jit(lambda order: sensitivity(PRICER, claim, NOW, *order), static_argnums=0)
    values = [zomma(order) for order in set(itertools.permutations(("spot", "spot", "vol")))]
    np.testing.assert_allclose(values, [_greeks(PRICER, claim, NOW)["zomma"]] * 3)


@pytest.mark.parametrize("tau", [0.0, 1e-9, 0.5])
@pytest.mark.parametrize("vol", [0.0, 1e-9, 0.2])
@pytest.mark.parametrize("spot", [0.0, 1e-3, 99.99, 100.0, 1e6])
def test_every_greek_is_finite_everywhere(tau, vol, spot):
    for kind, rate in itertools.product((Call, Put), (0.0, 0.02)):
        pricer = BlackScholesFormula(vol=vol, rate=rate)
        values = _greeks(pricer, kind(strike=100.0, maturity=0.5), _at(spot, 0.5 - tau))
        assert all(np.isfinite(v) for v in values.values()), values


def test_greeks_batch_over_states():
    spots = jnp.linspace(80.0, 120.0, 5)
    claim = Call(strike=100.0, maturity=0.5)

    def at(s):
        return greeks(PRICER, claim, dataclasses.replace(NOW, prices=s[None]))

    batch = jax.jit(jax.vmap(at))(spots)
    assert set(batch) == set(USUAL)
    for i in range(5):
        for name, value in jax.jit(at)(spots[i]).items():
            np.testing.assert_allclose(batch[name][i], value, rtol=1e-12, atol=1e-13)


def test_the_price_may_be_asked_for_among_the_greeks():
    claim = Call.example()
    both = greeks(PRICER, claim, NOW, ("price", "delta"))
    assert list(both) == ["price", "delta"]
    np.testing.assert_allclose(both["price"], PRICER.price(claim, NOW), rtol=1e-12)


def test_unknown_names_are_refused():
    claim = Call.example()
    with pytest.raises(ValueError, match="`names` must be among"):
        greeks(PRICER, claim, NOW, ("lambda",))
    with pytest.raises(ValueError, match="`variables` must be"):
        sensitivity(PRICER, claim, NOW, "strike")
    with pytest.raises(ValueError, match="`variables` must be"):
        sensitivity(PRICER, claim, NOW)
