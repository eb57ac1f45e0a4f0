"""What rolling listed options costs, against an account that keeps every contract by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge.claims import NoClaim, Put
from deephedge.costs import CostSum, HalfSpread, VegaSpread
from deephedge.markets import BlackScholes, DriftFree
from deephedge.policies import AbstractTargetPolicy
from deephedge.pricing import BlackScholesFormula, Held, ListedModel, Rolled, RolledFuture
from deephedge.rollout import HedgingProblem, rollout, time_grid

VOL, RATE, END, N_STEPS = 0.25, 0.03, 0.5, 8
MARKET = ListedModel(
    BlackScholes(spot=100.0, vol=VOL, rate=RATE),
    (
        Rolled(0.9, tenor=0.25, every=0.125, put=True),  # sold half-way through its life
        Rolled(1.05, tenor=0.125, every=0.125, put=True),  # held to its expiry
        Held(Put(strike=98.0, maturity=0.25)),
        RolledFuture(tenor=0.25),
    ),
)
SPREAD = np.array([0.0002, 0.03, 0.05, 0.04, 0.0001])


class Swinging(AbstractTargetPolicy):
    """Long and short, another number of units at every date."""

    def observe(self, now):
        return jnp.sin(40.0 * now.time + jnp.arange(now.prices.shape[0], dtype=now.time.dtype))


def put(spot, strike, tau):
    if tau < 1e-9:
        return max(strike - spot, 0.0)
    deviation = VOL * np.sqrt(tau)
    d1 = (np.log(spot / strike) + RATE * tau) / deviation + 0.5 * deviation
    return strike * np.exp(-RATE * tau) * norm.cdf(deviation - d1) - spot * norm.cdf(-d1)


class Contract:
    """What a column is: the price of what it was struck at, whether it is over, and gains."""

    def __init__(self, column, time, spot):
        self.column = column
        self.strike = {0: None, 1: 0.9 * spot, 2: 1.05 * spot, 3: 98.0, 4: None}[column]
        self.expiry = {0: np.inf, 1: time + 0.25, 2: time + 0.125, 3: 0.25, 4: time + 0.25}[column]

    def price(self, time, spot):
        left = self.expiry - time
        if self.column == 0:
            return spot
        return spot * np.exp(RATE * left) if self.column == 4 else put(spot, self.strike, left)

    def over(self, time):
        return time > self.expiry - 1e-9


def by_hand(spots, times, units, close_out):
    """Final balance, costs and turnover of each date, in cash of the date."""
    balance, costs, turnover = 0.0, np.zeros(len(times)), np.zeros(len(times))
    contracts = [Contract(j, 0.0, spots[0]) for j in range(5)]
    held = np.zeros(5)

    def deal(date, contract, n):
        price = contract.price(times[date], spots[date])
        settled = contract.over(times[date])
        cost = 0.0 if settled else SPREAD[contract.column] * abs(n) * price
        costs[date] += cost
        turnover[date] += 0.0 if settled else abs(n) * price
        # A future costs nothing; its change is paid below.
        return -cost - (0.0 if contract.column == 4 else n * price)

    for date in range(len(times)):
        last = date == len(times) - 1
        if date:
            balance *= np.exp(RATE * (times[date] - times[date - 1]))
            future = contracts[4]
            old, new = (future.price(times[k], spots[k]) for k in (date - 1, date))
            balance += held[4] * (new - old)
        wanted = np.zeros(5) if last else units[date]
        for j in range(5):
            every = {1: 0.125, 2: 0.125, 4: 0.25}.get(j)
            rolls = date > 0 and every is not None and (times[date] / every) % 1.0 < 1e-9
            if contracts[j].over(times[date]) and j == 3 and held[j]:
                balance += held[j] * contracts[j].price(times[date], spots[date])
                held[j] = 0.0
            if j == 3 and contracts[j].over(times[date]):
                continue
            if rolls and (close_out or not last):
                balance += deal(date, contracts[j], -held[j])
                contracts[j], held[j] = Contract(j, times[date], spots[date]), 0.0
            if last and not close_out:
                if j != 4:
                    balance += held[j] * contracts[j].price(times[date], spots[date])
            elif wanted[j] != held[j]:
                balance += deal(date, contracts[j], wanted[j] - held[j])
            held[j] = wanted[j]
    return balance, costs, turnover


@eqx.filter_jit
def ledger_of(normals, close_out):
    times = time_grid(END, N_STEPS)
    cost = HalfSpread(1e4 * SPREAD)
    task = HedgingProblem(MARKET, NoClaim(END), cost, times, close_out=close_out)
    path = MARKET.path(times, normals)
    return path, rollout(task, Swinging(), path)


@pytest.mark.parametrize("close_out", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_roll_pays_to_sell_the_old_contract_and_to_buy_the_new(seed, close_out):
    normals = jax.random.normal(jax.random.key(seed), (N_STEPS, 1))
    path, ledger = ledger_of(normals, close_out)
    spots, discount = path.prices[:, 0], path.discount
    times = np.linspace(0.0, END, N_STEPS + 1)
    balance, costs, turnover = by_hand(
        np.asarray(spots), times, np.asarray(ledger.holdings), close_out
    )
    discount = np.asarray(discount)
    np.testing.assert_allclose(ledger.costs, costs * discount, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ledger.turnover, turnover * discount, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ledger.pnl, balance * discount[-1], rtol=1e-10, atol=1e-10)
    rolled = np.asarray(ledger.costs)[2::2]
    assert np.all(rolled[:-1] > 0.0)


def test_paths_that_are_drawn_again_are_charged_for_their_rolls():
    """A ledger charges rolls by the market's contracts: see the test above."""
    path, _ = ledger_of(jax.random.normal(jax.random.key(3), (N_STEPS, 1)), True)
    again = DriftFree(jax.tree.map(lambda x: x[None], path), jnp.ones(1), MARKET)
    drawn = again.path(path.time, jnp.zeros((N_STEPS, 1)))
    np.testing.assert_array_equal(drawn.prices, path.prices)
    found, expected = (eqx.filter_jit(m.contracts)(path) for m in (again, MARKET))
    assert int(jnp.sum(found.new)) == 10
    for name in ("cash", "new", "old"):
        np.testing.assert_array_equal(vars(found)[name], vars(expected)[name])
    assert DriftFree(again.paths, again.weights).contracts(path) is None


def test_a_spread_in_vol_points_is_not_that_of_options_that_roll():
    def task(column):
        option, formula = Put(strike=98.0, maturity=0.25), BlackScholesFormula(vol=VOL)
        cost = CostSum((HalfSpread(1.0), VegaSpread((option,), (column,), formula, 0.5)))
        return HedgingProblem(MARKET, NoClaim(END), cost, time_grid(END, 2), close_out=True)

    assert eqx.filter_eval_shape(task, 3).close_out
    with pytest.raises(ValueError, match="VegaSpread on column 1, a Rolled: it knows the vega of"):
        eqx.filter_eval_shape(task, 1)
