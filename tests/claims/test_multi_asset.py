"""What claims on several assets pay, on paths drawn by hand."""

import jax
import jax.numpy as jnp
import pytest

from deephedge.claims import (
    BasketCall,
    BasketPut,
    BestOfCall,
    ExchangeOption,
    QuantoCall,
    SpreadOption,
    WorstOfCall,
)
from deephedge.markets import BlackScholes, Path
from deephedge.pricing import MonteCarlo


def ending_at(*prices) -> Path:
    final = jnp.asarray(prices, dtype=float)
    rows = jnp.stack([jnp.full_like(final, 100.0), final])
    ones = jnp.ones(2)
    empty = jnp.zeros((2, 0))
    return Path(jnp.asarray([0.0, 1.0]), rows, empty, ones, jnp.ones_like(rows), empty)


@pytest.mark.parametrize(
    ("claim", "owed"),
    [
        (ExchangeOption(1.0), 20.0),
        (ExchangeOption(1.0, ratio=1.25), 0.0),
        (ExchangeOption(1.0, ratio=0.5, receive=2, give=1), 30.0),
        (SpreadOption(15.0, 1.0), 5.0),
        (SpreadOption(25.0, 1.0), 0.0),
        (SpreadOption(-25.0, 1.0, long=1, short=0), 5.0),
        (SpreadOption(10.0, 1.0, long=0, short=2), 30.0),
        (BestOfCall(110.0, 1.0), 10.0),
        (BasketCall(100.0, [0.5, 0.25, 0.25], 1.0), 5.0),
        (BasketCall(-5.0, [1.0, -1.5], 1.0), 0.0),
        (BasketPut(-5.0, [1.0, -1.5], 1.0), 25.0),
        (QuantoCall(1.1, 1.0, fixed_rate=10.0, asset=0, currency=2), 4.0),
        (BestOfCall(90.0, 1.0, assets=(1, 2)), 10.0),
        (WorstOfCall(90.0, 1.0), 10.0),
        (WorstOfCall(70.0, 1.0, assets=(0, 1, 2)), 10.0),
        (WorstOfCall(90.0, 1.0, assets=(0, 1, 2)), 0.0),
    ],
)
def test_what_is_owed(claim, owed):
    assert float(claim.payoff(ending_at(120.0, 100.0, 80.0))) == pytest.approx(owed)


@pytest.mark.parametrize(
    "claim",
    [ExchangeOption(1.0), SpreadOption(1.0, 1.0), BestOfCall.example(), BasketCall.example()],
)
def test_a_market_with_too_few_assets_is_refused(claim):
    market = BlackScholes.example()
    pricer = MonteCarlo(market, n_paths=2, n_steps=1, key=jax.random.key(0))
    with pytest.raises(TypeError, match="paid on asset 1, but the market has 1; use `BlackScholes"):
        pricer.price(claim, market.start())
