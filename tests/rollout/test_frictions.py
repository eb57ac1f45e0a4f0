"""Financing, lots, delay and slippage, against a bank account kept by hand, and closed forms."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from recorded_paths_example import MATURITY, N_PATHS, N_STEPS, Still, stochastic_paths

from deephedge.claims import AsianCall, Call, Forward
from deephedge.costs import (
    CashSpread,
    Commission,
    CostSum,
    Execution,
    Financing,
    NoCost,
    PermanentImpact,
    PowerImpact,
)
from deephedge.markets import BlackScholes
from deephedge.numerics.draws import antithetic, pseudo, sobol
from deephedge.policies import (
    AbstractClassicalBand,
    AbstractTargetPolicy,
    Account,
    DeltaHedge,
    NoTransactionBand,
    RebalanceEvery,
    StaticHedge,
    WhalleyWilmott,
)
from deephedge.pricing import BlackScholesFormula
from deephedge.risk import Entropic
from deephedge.rollout import HedgingProblem, pnl_only, replay, rollout, sample, time_grid
from deephedge.training import train

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


BY_HAND = {
    "everything": (problem(), Swinging()),
    "a band": (problem(claim=CALL, impact=None, execution=execution(delay=False)), BAND),
    "not closed": (problem(close_out=False, impact=None), Swinging()),
    "at once": (problem(execution=execution(delay=False)), Swinging()),
    "delayed band": (problem(claim=CALL), RebalanceEvery(BAND, every=2)),
}


@pytest.mark.parametrize(
    ("stated", "policy"),
    [
        pytest.param(*case, id=name, marks=pytest.mark.slow if i else ())
        for i, (name, case) in enumerate(BY_HAND.items())
    ],
)
def test_every_ledger_is_a_bank_account(stated, policy):
    paths = stochastic_paths(4)
    ledger = replay(stated, policy, paths, key=KEY)
    for i in range(N_PATHS):
        path = jax.tree.map(lambda x, i=i: x[i], paths)
        account = ByHand(stated, policy, path, normals_of(stated, i))
        final = account.run()
        trades = np.array(account.trades)
        tight = {"rtol": 1e-10, "atol": 1e-10}
        np.testing.assert_allclose(ledger.trades[i, : len(trades)], trades, **tight)
        np.testing.assert_allclose(ledger.carry[i], account.carry, **tight)
        np.testing.assert_allclose(ledger.wealth[i], account.wealth, **tight)
        np.testing.assert_allclose(ledger.pnl[i], final, **tight)
    assert np.all(np.asarray(ledger.carry) >= 0.0) and np.sum(np.asarray(ledger.carry)) > 0.1
    parts = ledger.premium + ledger.gains.sum(1) - ledger.costs.sum(1) - ledger.payoff
    np.testing.assert_allclose(ledger.pnl, parts - ledger.carry.sum(1), rtol=1e-12, atol=1e-11)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_debt_grows_at_the_market_rate_and_the_spread(n_steps):
    # Nothing moves: 10 received, 90 borrowed, one share bought and held.
    stated = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.0, rate=0.03),
        Forward(strike=1e-9, maturity=0.5),
        NoCost(),
        time_grid(0.5, n_steps),
        10.0,
        close_out=False,
        financing=Financing(borrow_spread=0.02),
    )
    ledger = sample(stated, StaticHedge(units=[1.0]), 1, key=KEY)
    np.testing.assert_allclose(ledger.carry[0, 0], 90.0 * math.expm1(0.02 * 0.5 / n_steps))
    left = (ledger.pnl + ledger.payoff)[0] * math.exp(0.03 * 0.5)
    expected = 100.0 * math.exp(0.03 * 0.5) - 90.0 * math.exp((0.03 + 0.02) * 0.5)
    np.testing.assert_allclose(left, expected, rtol=1e-12)


def test_a_short_position_pays_its_fee_and_its_proceeds_earn_less():
    market = BlackScholes(spot=100.0, vol=0.0, rate=0.03)
    claim, times = Forward(strike=1e-9, maturity=1.0), time_grid(1.0, 4)

    def final(**terms):
        stated = HedgingProblem(
            market, claim, NoCost(), times, 0.0, close_out=False, financing=Financing(**terms)
        )
        ledger = sample(stated, StaticHedge(units=[-1.0]), 1, key=KEY)
        return (ledger.pnl + ledger.payoff)[0], ledger.carry[0]

    cash, _ = final(lend_spread=0.01)
    np.testing.assert_allclose(cash, 100.0 * math.exp(-0.01) - 100.0, rtol=1e-12)
    # The stock's discounted value stays 100: each quarter pays on that.
    _, fees = final(short_fee=0.04)
    np.testing.assert_allclose(fees, 100.0 * math.expm1(0.01), rtol=1e-12)
    _, interest = final(margin=0.5, margin_rate=0.08)
    np.testing.assert_allclose(interest, 50.0 * math.expm1(0.02), rtol=1e-12)


class Sticky(AbstractClassicalBand):
    """Trades to the edge of a band around a share of the price."""

    def observe(self, now):
        return 0.9 * now.prices / 100.0, now.prices / 100.0


@pytest.mark.parametrize(
    "policy",
    [
        Sticky(),
        *(
            pytest.param(p, marks=pytest.mark.slow)
            for p in (BAND, RebalanceEvery(DeltaHedge(CALL, PRICER), every=3))
        ),
    ],
    ids=lambda p: type(p).__name__,
)
def test_delay_shifts_the_holdings_by_one_date(policy):
    paths, stated = (
        stochastic_paths(1),
        {"claim": CALL, "cost": NoCost(), "impact": None, "financing": None},
    )
    at_once = replay(problem(**stated, execution=None), policy, paths)
    delayed = replay(problem(**stated, execution=Execution(delay=True)), policy, paths)
    np.testing.assert_array_equal(delayed.holdings[:, 0], 0.0)
    np.testing.assert_allclose(delayed.holdings[:, 1:], at_once.holdings[:, :-1], rtol=1e-12)
    # The order of the last date is dropped: what is closed is what was held.
    np.testing.assert_array_equal(delayed.trades[:, -1], -delayed.holdings[:, -1])


def test_holdings_are_whole_lots_nearest_to_the_order():
    lots = np.array([0.25, 3.0])
    stated = problem(cost=NoCost(), impact=None, execution=Execution(lot=lots))
    paths = stochastic_paths(2)
    held = np.asarray(replay(stated, Swinging(), paths).holdings) / lots
    np.testing.assert_allclose(held, np.round(held), atol=1e-12)
    wanted = np.asarray(
        replay(problem(cost=NoCost(), impact=None, execution=None), Swinging(), paths).holdings
    )
    assert np.all(np.abs(held - wanted / lots) <= 0.5 + 1e-12)
    assert np.any(held[..., 0] != 0.0)


def test_slopes_go_straight_through_the_rounding():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.02)

    def total(units, lot):
        stated = problem(
            market=market,
            claim=CALL,
            cost=NoCost(),
            impact=None,
            financing=None,
            execution=Execution(lot=lot),
        )
        return jnp.sum(sample(stated, StaticHedge(units=units[None]), 8, key=KEY, keep=pnl_only))

    units = jnp.asarray(0.37)
    value, slope = jax.value_and_grad(total)(units, 0.5)
    exact, exact_slope = jax.value_and_grad(total)(jnp.asarray(0.5), 0.0)
    np.testing.assert_allclose(value, exact, rtol=1e-12)
    np.testing.assert_allclose(slope, exact_slope, rtol=1e-12)
    assert abs(float(slope)) > 1.0


def test_slippage_costs_nothing_on_average_and_varies_as_stated():
    # One share bought and sold again where nothing moves: two deviations of 1 % of 100 each.
    stated = HedgingProblem(
        BlackScholes(spot=100.0, vol=0.0, rate=0.03),
        CALL,
        NoCost(),
        time_grid(MATURITY, 3),
        close_out=True,
        execution=Execution(slippage=0.01),
    )
    n = 40_000
    costs = np.asarray(
        sample(stated, StaticHedge(units=[1.0]), n, key=KEY, keep=lambda ledger: ledger.costs)
    )
    np.testing.assert_array_equal(costs[:, 1:-1], 0.0)
    for date in (0, 3):
        assert abs(costs[:, date].mean()) < 4.0 * 1.0 / math.sqrt(n)
        assert abs(costs[:, date].var() - 1.0) < 4.0 * math.sqrt(2.0 / n)
    together = np.mean(costs[:, 0] * costs[:, 3])
    assert abs(together) < 4.0 / math.sqrt(n)
    assert 1.0 / math.sqrt(n) < 0.006


@pytest.mark.slow
@pytest.mark.parametrize(
    "draws",
    [pseudo, *(pytest.param(d, marks=pytest.mark.slow) for d in (antithetic, sobol))],
    ids=lambda d: d.__name__,
)
def test_paths_with_slippage_depend_on_the_key_and_their_number(draws):
    stated = problem(claim=CALL, cost=NoCost(), impact=None)

    def pnl(n):
        return sample(stated, Swinging(), n, key=KEY, draws=draws, keep=pnl_only)

    np.testing.assert_array_equal(pnl(6), pnl(16)[:6])


def test_slippage_takes_columns_of_its_own():
    assert problem(execution=None).normals_per_step == 2
    assert problem(execution=Execution(lot=1.0)).normals_per_step == 2
    # 9 dates and 2 assets in 8 steps: 3 columns.
    assert problem().normals_per_step == 5


@pytest.mark.slow
def test_an_execution_that_does_nothing_changes_nothing():
    none = problem(claim=CALL, impact=None, execution=None)
    trivial = problem(claim=CALL, impact=None, execution=Execution())
    one, other = (sample(p, Swinging(), 8, key=KEY) for p in (none, trivial))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), one, other)


def test_replaying_slippage_takes_a_key():
    stated, paths = problem(claim=CALL, cost=NoCost(), impact=None), stochastic_paths()
    with pytest.raises(ValueError, match=r"`key` must be given: .*slippage.*`key=jax.random.key"):
        replay(stated, Swinging(), paths)
    path = jax.tree.map(lambda x: x[0], paths)
    with pytest.raises(ValueError, match=r"`slips` must be given"):
        rollout(stated, Swinging(), path)
    one, again, other = (
        np.asarray(replay(stated, Swinging(), paths, key=jax.random.key(k), keep=pnl_only))
        for k in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert np.all(one != other)


def test_no_past_trade_depends_on_the_future():
    stated, paths = problem(), stochastic_paths(7)
    ledger = replay(stated, Swinging(), paths, key=KEY)
    rng = np.random.default_rng(0)
    for known in (1, 4, 7):
        later = known + rng.permutation(N_STEPS + 1 - known)
        order = np.concatenate([np.arange(known), later])
        if known == 7:
            order[known:] = [8, 7]
        changed = eqx.tree_at(lambda p: p.prices, paths, paths.prices[:, order])
        shuffled = replay(stated, Swinging(), changed, key=KEY)
        # Under delay the trade of the first date that differs was decided before it.
        past = slice(known + 1)
        np.testing.assert_array_equal(shuffled.trades[:, past], ledger.trades[:, past])
        np.testing.assert_array_equal(shuffled.carry[:, :known], ledger.carry[:, :known])
        assert not np.array_equal(shuffled.pnl, ledger.pnl)


def in_float32(tree):
    return jax.tree.map(lambda x: x.astype(jnp.float32) if eqx.is_inexact_array(x) else x, tree)


def test_float32_stays_float32():
    ledger = replay(*in_float32((problem(), Swinging(), stochastic_paths())), key=KEY)
    for leaf in jax.tree.leaves(ledger):
        assert leaf.dtype == jnp.float32
        assert np.all(np.isfinite(np.asarray(leaf)))


@pytest.mark.slow
def test_float32_is_near_float64():
    # Slippage's draws differ between the precisions, and it is left out.
    case = (problem(execution=execution(slippage=None)), Swinging(), stochastic_paths())
    small, large = replay(*in_float32(case)), replay(*case)
    np.testing.assert_allclose(small.pnl, large.pnl, rtol=2e-4, atol=2e-3)


@pytest.mark.slow
def test_slopes_by_every_parameter_are_finite():
    stated, paths = problem(), stochastic_paths()
    arrays, rest = eqx.partition(stated, eqx.is_inexact_array)

    @eqx.filter_jit
    @eqx.filter_grad
    def slopes(arrays):
        whole = eqx.combine(arrays, rest)
        return jnp.sum(replay(whole, Swinging(), paths, key=KEY, keep=pnl_only))

    found = slopes(arrays)
    for leaf in jax.tree.leaves(found):
        assert np.all(np.isfinite(np.asarray(leaf)))
    for leaf in jax.tree.leaves((found.financing, found.execution.mean_slippage)):
        assert np.all(np.asarray(leaf) < 0.0)


def test_a_problem_without_frictions_pays_nothing_for_them():
    path = jax.tree.map(lambda x: x[0], stochastic_paths())
    slips = jnp.zeros((N_STEPS + 1, 2))

    def program(**terms):
        stated = problem(claim=CALL, cost=NoCost(), impact=None, **terms)
        return str(jax.make_jaxpr(lambda p: rollout(stated, Still(), p, slips))(path))

    plain = program(financing=None, execution=None)
    assert "expm1" not in plain and "round" not in plain
    assert "expm1" in program(financing=Financing(), execution=None)
    assert "round" in program(financing=None, execution=Execution(lot=1.0))


@pytest.mark.slow
def test_a_band_learns_with_every_friction_on():
    market, claim = BlackScholes(spot=100.0, vol=0.2), Call(strike=100.0, maturity=0.1)
    stated = HedgingProblem(
        market,
        claim,
        CashSpread(0.05),
        time_grid(0.1, 4),
        close_out=True,
        impact=PermanentImpact(0.005),
        financing=Financing.example(),
        execution=Execution(lot=0.05, delay=True, slippage=0.001),
    )
    base = WhalleyWilmott(claim, BlackScholesFormula(vol=0.2), cost_rate=0.001, aversion=1.0)
    policy = NoTransactionBand.create(
        market, claim, stated.times, base=base, width=4, depth=1, key=jax.random.key(0)
    )
    trained = train(
        stated,
        policy,
        Entropic(aversion=1.0),
        key=jax.random.key(1),
        n_steps=12,
        n_paths=512,
        validation_paths=2048,
        validate_every=12,
    )
    before, after = (row["validation"] for row in (trained.history[0], trained.history[-1]))
    assert after < before


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Financing(borrow_spread=-0.1), "`borrow_spread` must be zero or positive"),
        (lambda: Financing(short_fee="much"), "`short_fee` must be a number"),
        (lambda: Execution(lot=-1.0), "`lot` must be zero or positive"),
        (lambda: Execution(slippage=float("nan")), "`slippage` must be zero or positive"),
        (
            lambda: problem(financing=Financing(short_fee=[0.1] * 3)),
            "`financing` must have one short_fee, or one for each of the 2 assets, got 3",
        ),
        (
            lambda: problem(execution=Execution(lot=[1.0] * 3)),
            "`execution` must have one lot, or one for each of the 2 assets, got 3",
        ),
    ],
)
def test_bad_terms_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
