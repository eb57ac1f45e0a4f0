"""A problem with every friction at once, and its bank account kept by hand, date by date."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from recorded_paths_example import MATURITY, N_PATHS, N_STEPS

from deephedge.claims import AsianCall, Call
from deephedge.costs import (
    CashSpread,
    Commission,
    CostSum,
    Execution,
    Financing,
    PermanentImpact,
    PowerImpact,
)
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import pseudo
from deephedge.policies import AbstractTargetPolicy, Account, WhalleyWilmott
from deephedge.pricing import BlackScholesFormula
from deephedge.rollout import HedgingProblem, time_grid

KEY = jax.random.key(3)
CALL = Call(strike=100.0, maturity=MATURITY)
ASIAN = AsianCall(strike=90.0, maturity=MATURITY)
PRICER = BlackScholesFormula(vol=0.25, rate=0.02)
BAND = WhalleyWilmott(CALL, PRICER, cost_rate=0.001, aversion=0.1)
RATE = np.array([0.002, 0.005])
LOT = np.array([0.125, 0.0])
SLIPPAGE, MEAN_SLIPPAGE = np.array([0.002, 0.01]), 0.0005
FINANCING = {
    "borrow_spread": 0.03,
    "lend_spread": 0.02,
    "short_fee": np.array([0.01, 0.04]),
    "margin": np.array([0.3, 0.5]),
    "margin_rate": 0.05,
}
COST = CostSum((CashSpread(0.01), Commission(0.05, minimum=0.02), PowerImpact(0.001)))


class Swinging(AbstractTargetPolicy):
    """Long and short, with and without debt, by the date and what the claim remembers."""

    def observe(self, now):
        memory = jnp.sum(now.progress) / 100.0
        phase = jnp.arange(now.prices.shape[0], dtype=now.time.dtype)
        return jnp.sin(17.0 * now.time + phase) * (0.5 + memory) * now.prices / 60.0


def execution(**changes) -> Execution:
    given = {"lot": LOT, "delay": True, "slippage": SLIPPAGE, "mean_slippage": MEAN_SLIPPAGE}
    return Execution(**{**given, **changes})


def problem(**changes) -> HedgingProblem:
    given = {
        "market": BlackScholes(spot=[100.0, 40.0], vol=[0.2, 0.3]),
        "claim": ASIAN,
        "cost": COST,
        "times": time_grid(MATURITY, N_STEPS),
        "premium": 6.5,
        "close_out": True,
        "impact": PermanentImpact(RATE),
        "financing": Financing(**FINANCING),
        "execution": execution(),
    }
    return HedgingProblem(**{**given, **changes})


def financing_charge(cash, value, years):
    """The rates above, on cash and on the value of each position."""
    terms, charge = FINANCING, 0.0
    if cash < 0.0:
        charge += -cash * (math.exp(terms["borrow_spread"] * years) - 1.0)
    else:
        charge += cash * (1.0 - math.exp(-terms["lend_spread"] * years))
    for j in range(2):
        if value[j] < 0.0:
            charge += -value[j] * (math.exp(terms["short_fee"][j] * years) - 1.0)
        required = terms["margin"][j] * abs(value[j])
        charge += required * (math.exp(terms["margin_rate"] * years) - 1.0)
    return charge


@eqx.filter_jit
def remembered(claim, path, prices):
    moved = dataclasses.replace(path, prices=prices)
    return dataclasses.replace(moved, progress=claim.progress(moved))


@eqx.filter_jit
def paid(claim, path, prices):
    return claim.payoff(dataclasses.replace(path, prices=prices))


@eqx.filter_jit
def decided(policy, now, account, memory):
    return policy.step(now, account, memory)


@eqx.filter_jit
def charged(cost, trade, now):
    return cost(trade, now)


class ByHand:
    """Cash and shares of one path, date by date, decisions included."""

    def __init__(self, stated, policy, path, normals):
        self.stated, self.policy, self.path, self.normals = stated, policy, path, normals
        self.discount, self.time = np.asarray(path.discount), np.asarray(path.time)
        self.accrual = np.asarray(path.accrual)
        self.prices = np.array(path.prices)
        self.cash, self.shares = float(stated.premium), np.zeros(2)
        self.memory, self.order = policy.init(), np.zeros(2)
        self.trades, self.wealth, self.carry = [], [], []

    def run(self):
        last = N_STEPS
        for date in range(last):
            self.wealth.append(self.worth(date) * self.discount[date])
            self.trade(date)
            due = 0.0
            if self.stated.financing is not None:
                years = self.time[date + 1] - self.time[date]
                due = financing_charge(self.cash, self.shares * self.prices[date], years)
            self.carry.append(due * self.discount[date])
            self.cash = (self.cash - due) * self.discount[date] / self.discount[date + 1]
            per_share = self.accrual[date + 1] / self.accrual[date] - 1.0
            self.cash += self.shares @ (self.prices[date + 1] * per_share)
        settled = self.now(last)
        owed = float(paid(self.stated.claim, self.path, jnp.asarray(self.prices)))
        if self.stated.close_out:
            self.fill(last, -self.shares, settled)
        self.wealth.append(self.worth(last) * self.discount[last])
        return (self.worth(last) - owed) * self.discount[last]

    def worth(self, date):
        return self.cash + self.shares @ self.prices[date]

    def now(self, date):
        rows = remembered(self.stated.claim, self.path, jnp.asarray(self.prices)).snapshots()
        return jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[date]), rows)

    def decide(self, date, now):
        wealth = jnp.asarray(self.worth(date) * self.discount[date])
        account = Account(jnp.asarray(self.shares), wealth)
        wanted, self.memory = decided(self.policy, now, account, self.memory)
        return np.asarray(wanted)

    def trade(self, date):
        now, terms = self.now(date), self.stated.execution
        wanted = self.order if terms.delay else self.decide(date, now)
        trade = wanted - self.shares
        trade[0] = np.round(trade[0] / LOT[0]) * LOT[0]
        before = self.prices[date].copy()
        self.fill(date, trade, now)
        if terms.delay:
            self.order = self.decide(date, now)
        if self.stated.impact is not None:
            self.prices[date + 1 :] *= np.exp(RATE * trade)
        np.testing.assert_array_equal(self.prices[date], before)

    def fill(self, date, trade, now):
        price = self.prices[date]
        deviation = SLIPPAGE * self.normals[date] + MEAN_SLIPPAGE * np.sign(trade)
        self.cash -= trade @ (price * (1.0 + deviation))
        self.cash -= float(charged(self.stated.cost, jnp.asarray(trade), now))
        if self.stated.impact is not None:
            self.cash -= price @ (np.expm1(RATE * trade) / RATE - trade)
        self.shares = self.shares + trade
        self.trades.append(trade)


def normals_of(stated, i):
    source = pseudo(KEY, N_PATHS, N_STEPS, stated.extra_normals, jnp.dtype("float64"))
    return np.asarray(source(jnp.asarray(i))).reshape(-1)[: 2 * (N_STEPS + 1)].reshape(-1, 2)
