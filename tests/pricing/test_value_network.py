"""Networks trained on payoffs and their differentials, against closed forms and simulation."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import AsianCall, Call, LookbackCall
from deephedge.costs import NoCost
from deephedge.markets import BlackScholes, Heston
from deephedge.numerics.draws import antithetic
from deephedge.policies import DeltaHedge, NoHedge
from deephedge.pricing import BlackScholesFormula, MonteCarlo, ValueNetwork, greeks, value_network
from deephedge.pricing.differential_learning import examples_of
from deephedge.rollout import HedgingProblem, pnl_only, sample, time_grid

MODEL = BlackScholes(spot=100.0, vol=0.2, rate=0.02)
CALL = Call(strike=100.0, maturity=1.0)
FORMULA = BlackScholesFormula(vol=0.2, rate=0.02)
SMALL = {"width": 20, "depth": 2, "n_updates": 800, "batch_size": 256}


def trained(model, claim, n_samples, n_steps, **options):
    key = jax.random.key(0)
    return value_network(model, claim, key=key, n_samples=n_samples, n_steps=n_steps, **options)


@eqx.filter_jit
def valued(pricer, prices):
    def one(price):
        now = dataclasses.replace(MODEL.start(), prices=price[None], time=jnp.asarray(0.5))
        names = ("delta", "gamma", "vega", "rho")
        return {"price": pricer.price(CALL, now)} | greeks(pricer, CALL, now, names)

    return jax.vmap(one)(prices)


def error(pricer):
    """Root mean squares half-way through the life of the call."""
    prices = jnp.linspace(85.0, 120.0, 36)
    found, exact = valued(pricer, prices), valued(FORMULA, prices)
    return {k: float(np.sqrt(np.mean((found[k] - exact[k]) ** 2))) for k in found}


@pytest.mark.slow
def test_differentials_cut_the_errors_of_a_small_sample():
    both, alone = (error(trained(MODEL, CALL, 512, 2, alpha=a, **SMALL)) for a in (1.0, 0.0))
    assert both["price"] < 0.35
    assert both["delta"] < 0.04
    for name in both:
        assert both[name] < 0.5 * alone[name], name
    assert both["delta"] < 0.2 * alone["delta"]


@pytest.mark.slow
def test_a_call_and_its_greeks_are_learned():
    got = error(trained(MODEL, CALL, 32_768, 2))
    # At the money the price is 6.1, delta 0.56, gamma 0.028, vega 28 and rho 25.
    bounds = {"price": 0.1, "delta": 0.01, "gamma": 0.002, "vega": 1.0, "rho": 1.0}
    for name, bound in bounds.items():
        assert got[name] < bound, name


def hedged(claim, n_steps, n_paths, policies):
    problem = HedgingProblem(
        MODEL, claim, NoCost(), time_grid(float(claim.maturity), n_steps), close_out=False
    )
    key = jax.random.key(1)
    return {
        name: float(jnp.std(sample(problem, policy, n_paths, key=key, keep=pnl_only)))
        for name, policy in policies.items()
    }


@pytest.mark.slow
def test_an_asian_call_has_a_delta_to_hedge_with():
    claim = AsianCall(strike=100.0, maturity=0.5)
    network = trained(MODEL, claim, 4096, 8, **SMALL)
    simulated = MonteCarlo(MODEL, n_paths=512, n_steps=8, key=jax.random.key(2))
    policies = {
        "none": NoHedge(),
        "network": DeltaHedge(claim, network),
        "simulated": DeltaHedge(claim, simulated),
    }
    risk = hedged(claim, 8, 512, policies)
    assert risk["network"] < 0.4 * risk["none"]
    assert risk["network"] < 1.1 * risk["simulated"]


@pytest.mark.slow
def test_examples_have_the_mean_and_the_mean_slopes_of_the_price():
    # Heston: factors too. From the start, vega and the derivative by the variance.
    model, claim = Heston.example(), Call.example()
    box = (1e-9, 1e-9, 1e-9)
    examples = examples_of(model, claim, box, 20_000, 1, key=jax.random.key(0))
    pricer = MonteCarlo(model, n_paths=20_000, n_steps=1, key=jax.random.key(3), draws=antithetic)

    def price(prices, factors):
        now = dataclasses.replace(model.start(), prices=prices, factors=factors)
        return pricer.price(claim, now)

    start = model.start()
    value, slopes = jax.jit(jax.value_and_grad(price, argnums=(0, 1)))(start.prices, start.factors)
    exact = np.concatenate([value[None], *slopes])
    got = np.column_stack([examples.values, examples.slopes])[:, : len(exact)]
    deviation = np.std(got, axis=0) / np.sqrt(len(got))
    assert np.all(np.abs(got.mean(axis=0) - exact) < 4.0 * np.sqrt(2.0) * deviation)
    np.testing.assert_allclose(examples.inputs[:, 0], np.sqrt(0.25), rtol=1e-12)


@pytest.mark.slow
def test_at_maturity_it_pays():
    pricer, claim = ValueNetwork.example(), Call.example()
    for price, payoff in ((103.0, 3.0), (97.0, 0.0)):
        now = dataclasses.replace(
            pricer.model.start(), prices=jnp.asarray([price]), time=claim.maturity
        )
        assert float(pricer.price(claim, now)) == payoff


@pytest.mark.slow
def test_another_claim_or_state_is_refused():
    pricer = ValueNetwork.example()
    now = pricer.model.start()
    with pytest.raises(TypeError, match="LookbackCall; use `value_network"):
        pricer.price(LookbackCall.example(), now)
    with pytest.raises(TypeError, match="another claim, Call; use `value_network"):
        pricer.price(Call(strike=101.0, maturity=0.25), now)
    with pytest.raises(ValueError, match="`now` must have the state"):
        pricer.price(Call.example(), dataclasses.replace(now, factors=jnp.ones(1)))
    with pytest.raises(ValueError, match="`n_samples` must be at least 1, got 0"):
        value_network(MODEL, CALL, key=jax.random.key(0), n_samples=0)
    with pytest.raises(ValueError, match="`alpha` must be zero or positive"):
        value_network(MODEL, CALL, key=jax.random.key(0), alpha=-1.0)
