"""What learned hedges remember is what their papers say."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.claims import Call
from deephedge.markets import BlackScholes
from deephedge.policies import (
    Account,
    Attention,
    Feedforward,
    LogSignature,
    PerStep,
    Recurrent,
    Zakamouline,
)

INPUTS = 5


@eqx.filter_jit
def answers(policy, inputs):
    def step(memory, x):
        out, memory = policy.adjust(x, memory)
        return memory, out

    return jax.lax.scan(step, policy.begin(), inputs)[1]


def test_each_date_has_its_own_network_and_the_last_one_goes_on():
    policy = PerStep.example()
    biases = policy.network.biases[-1]
    numbered = jnp.arange(biases.shape[0], dtype=biases.dtype)[:, None]
    policy = eqx.tree_at(lambda p: p.network.biases[-1], policy, numbered)
    out = answers(policy, jnp.zeros((7, INPUTS)))
    np.testing.assert_array_equal(out[:, 0], [0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 4.0])


def loud_reader(policy):
    shape = policy.network.read.weights[-1].shape
    weight = jnp.linspace(-1.0, 1.0, shape[0] * shape[1]).reshape(shape)
    return eqx.tree_at(lambda p: p.network.read.weights[-1], policy, weight)


def test_attention_sees_the_last_dates_and_forgets_older_ones():
    policy = loud_reader(Attention.example())
    length = policy.network.by_age.shape[1]
    inputs = jax.random.normal(jax.random.key(1), (length + 2, INPUTS))
    out, other = answers(policy, inputs), answers(policy, inputs.at[0].add(1.0))
    differ = np.abs(np.asarray(out - other))[:, 0] > 1e-12
    np.testing.assert_array_equal(differ, np.arange(length + 2) < length)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_a_recurrent_state_carries_the_first_date_on(cell):
    example = Recurrent.example()
    kind = {"gru": eqx.nn.GRUCell, "lstm": eqx.nn.LSTMCell}[cell]
    own = kind(INPUTS, 8, dtype=jnp.float64, key=jax.random.key(2))
    policy = loud_reader(eqx.tree_at(lambda p: p.network.cell, example, own))
    inputs = jax.random.normal(jax.random.key(1), (4, INPUTS))
    out, other = answers(policy, inputs), answers(policy, inputs.at[0].add(1.0))
    assert np.all(np.abs(np.asarray(out - other)) > 1e-12)


def test_a_log_signature_tells_the_order_of_moves():
    # Down and up end where up and down end; the area between time and price differs in sign.
    policy = LogSignature.example()
    last = policy.network.weights[-1]
    policy = eqx.tree_at(lambda p: p.network.weights[-1], policy, jnp.ones_like(last))

    def path(moneyness):
        rows = jnp.zeros((3, INPUTS))
        return rows.at[:, 0].set(jnp.asarray(moneyness)).at[:, 1].set(jnp.asarray([1.0, 0.5, 0.0]))

    up, down = (answers(policy, path(x))[-1] for x in ([0.0, 1.0, 0.0], [0.0, -1.0, 0.0]))
    assert abs(float((up - down)[0])) > 1e-3


def test_bounds_and_feature_names_are_checked():
    claim = Call.example()
    about = (BlackScholes.example(), claim, jnp.linspace(0.0, claim.maturity, 6))
    bounded = Feedforward.create(
        *about, lower=0.0, upper=0.25, features=("time", "wealth"), key=jax.random.key(0)
    )
    np.testing.assert_array_equal(bounded.bounds, [[0.0], [0.25]])
    assert bounded.features.size == 3
    with pytest.raises(ValueError, match="`lower` must be below `upper`"):
        Feedforward.create(*about, lower=1.0, upper=0.0, key=jax.random.key(0))
    with pytest.raises(ValueError, match="`features` must be a list of some of moneyness"):
        Feedforward.create(*about, features=("vega",), key=jax.random.key(0))


def test_an_untrained_correction_of_a_band_is_the_band():
    claim, market, base = Call.example(), BlackScholes.example(), Zakamouline.example()
    times = jnp.linspace(0.0, claim.maturity, 6)
    policy = Recurrent.create(
        market, claim, times, base=base, corrects="band", key=jax.random.key(0)
    )

    @eqx.filter_jit
    def held(policy, holdings):
        account = Account(holdings=holdings, wealth=jnp.asarray(1.0))
        return policy.step(market.start(), account, policy.init())[0]

    for holdings in (0.0, 0.55, 1.0):
        now = jnp.asarray([holdings])
        np.testing.assert_allclose(held(policy, now), held(base, now), rtol=1e-12)
    with pytest.raises(ValueError, match='`corrects` must be "holdings"'):
        Recurrent.create(market, claim, times, corrects="band", key=jax.random.key(0))
