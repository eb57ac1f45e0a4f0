"""A convertible against its stock and its issuer's credit."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import ConvertibleBond, NoClaim
from deephedge.costs import Financing, NoCost
from deephedge.markets import BlackScholes, Defaultable
from deephedge.policies import ConvertibleArbitrage, RebalanceEvery
from deephedge.pricing import ConvertibleDifference, listed_market
from deephedge.rollout import HedgingProblem, sample, time_grid

HORIZON, N_STEPS, FEE = 0.25, 16, 0.02
MODEL = {"vol": 0.3, "rate": 0.03, "dividend": 0.0}
TERMS = {"maturity": 2.0, "recovery": 0.4, "boundary": [1e6], "default_factor": 0}
BONDS = (
    ConvertibleBond(ratio=1.0, call_price=130.0, call_start=0.5, **TERMS),
    ConvertibleBond(ratio=0.0, **TERMS),
)


def setting(intensity):
    """A market whose stock loses 60 % at default, and the bonds marked as they should be."""
    model = Defaultable(BlackScholes(spot=100.0, **MODEL), intensity=intensity, loss=0.6)
    pricer = ConvertibleDifference(
        **MODEL, intensity=intensity, loss=0.6, centre=100.0, n_steps=24, n_prices=81
    )
    return listed_market(model, BONDS, pricer)


@eqx.filter_jit
def hedged(intensity, credit_share, every):
    market = setting(intensity)
    policy = ConvertibleArbitrage(market, credit_share=credit_share, credit=1)
    problem = HedgingProblem(
        *(market, NoClaim(maturity=HORIZON), NoCost(), time_grid(HORIZON, N_STEPS)),
        close_out=False,
        financing=Financing(short_fee=[FEE, 0.0, 0.0]),
    )

    def kept(ledger):
        return ledger.pnl + ledger.carry.sum(), ledger.carry, ledger.holdings, ledger.wealth

    rule = RebalanceEvery(policy, every)
    return sample(problem, rule, 256, key=jax.random.key(4), keep=kept)


def results(intensity, credit_share, every):
    found = hedged(jnp.asarray(intensity), jnp.asarray(credit_share), jnp.asarray(every, jnp.int32))
    return [np.asarray(x) for x in found]


@pytest.mark.slow
def test_without_default_the_error_of_the_delta_hedge_shrinks_with_the_root_of_the_step():
    fine, often = (results(0.0, 0.0, every)[0].std() for every in (1, 4))
    assert fine < 0.4
    assert often / fine == pytest.approx(2.0, abs=0.4)


@pytest.mark.slow
def test_a_default_costs_a_delta_hedger_and_not_one_who_sold_the_credit_too():
    intensity = 0.3
    bare, _, _, _ = results(intensity, 0.0, 1)
    covered, carry, holdings, _ = results(intensity, 1.0, 1)
    # Once the issuer has defaulted no stock is held; the same paths default in both.
    defaulted = holdings[:, -1, 0] == 0.0
    assert 0.03 < defaulted.mean() < 0.13
    assert bare[defaulted].mean() < -4.0
    assert abs(covered[defaulted].mean()) < 0.1 * abs(bare[defaulted].mean())
    assert covered.std() < 0.3 * bare.std()
    # Neither earns anything on average: the carry pays for the defaults.
    for pnl in (bare, covered):
        assert abs(pnl.mean()) < 4.0 * pnl.std() / np.sqrt(len(pnl))
    # Until default the two hedges are short shares and short bonds.
    assert np.all(holdings[:, 0, 0] < -0.3)
    assert np.all(holdings[:, 0, 2] < 0.0)
    np.testing.assert_array_equal(holdings[:, 0, 1], 1.0)
    assert np.all(carry >= 0.0)


@pytest.mark.slow
def test_one_grid_for_all_paths_prices_like_a_grid_of_its_own():
    bond = dataclasses.replace(BONDS[0], boundary=None)
    apart = ConvertibleDifference(**MODEL, intensity=0.05, loss=0.6, n_steps=100, n_prices=301)
    shared = dataclasses.replace(apart, centre=100.0)

    @eqx.filter_jit
    def value_and_delta(pricer, spot, time):
        start = BlackScholes(spot=100.0, vol=0.3).start()

        def value(prices):
            now = dataclasses.replace(start, prices=prices, time=time)
            return pricer.price(bond, now)

        found, slope = jax.value_and_grad(value)(spot[None])
        return found, slope[0]

    for spot, time in [(40.0, 0.0), (95.0, 0.2), (128.0, 1.0), (160.0, 1.9), (60.0, 1.9)]:
        at = (jnp.asarray(spot), jnp.asarray(time))
        one, other = value_and_delta(apart, *at), value_and_delta(shared, *at)
        np.testing.assert_allclose(other[0], one[0], atol=0.02)
        np.testing.assert_allclose(other[1], one[1], atol=0.01)


@pytest.mark.slow
def test_what_is_not_a_convertible_is_refused():
    with pytest.raises(ValueError, match="`credit` must be the place of a ConvertibleBond"):
        ConvertibleArbitrage(setting(0.05), credit=2)
    loose = listed_market(setting(0.05).market, BONDS[:1])
    assert isinstance(ConvertibleArbitrage(loose).market.pricers()[0], ConvertibleDifference)
