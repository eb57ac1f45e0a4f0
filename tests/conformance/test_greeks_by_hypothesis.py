"""Every Greek of every pricer: the limit of central differences of its price, finite everywhere.

A pricer is found by being one. Hypothesis draws batches of states, for which one compiled function
gives the Greeks and another the prices around them.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from family_finder import members
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jax import lax
from test_pricers_obey import accepted, start

import deephedge.claims
import deephedge.pricing
from deephedge.claims import (
    AbstractClaim,
    AbstractEarlyExercise,
    AbstractEuropean,
    BarrierOption,
    Chooser,
    CompoundOption,
    CorridorVarianceSwap,
    DoubleBarrierOption,
    ForwardStartCall,
    LookbackCall,
    LookbackPut,
    NoTouch,
    OneTouch,
    UpAndOutCall,
)
from deephedge.pricing import GREEKS, AbstractPricer, Fourier, greeks, price_grid, variance_grid
from deephedge.pricing.greeks import VARIABLES

PRICERS = {c.__name__: c for c in members(deephedge.pricing, AbstractPricer)}
ALWAYS = ("BachelierFormula",)
"""The pricer that compiles soonest; the others run under `slow`."""

FIRST = ("delta", "vega", "theta", "rho")
GRIDS: dict[str, float] = dict.fromkeys(
    ("FiniteDifference", "HestonADI", "ConvertibleDifference"), 1e-3
)
"""Between nodes a price has three continuous derivatives: a quotient of third order across nodes
is the Greek but for what the fourth jumps by."""
FLOORS = {"Fourier": 1e-14, "Lewis": 1e-14}
"""Share of the spot that is lost however low the price, by who sums waves as high."""

N_STATES, REACH, STEP = 12, 4, 0.03
OFFSETS = np.arange(-2.0 * REACH, 2.0 * REACH + 1.0)
PAIRS = {(a, b): (VARIABLES.index(a), VARIABLES.index(b)) for a, b in (("spot", "vol"),
         ("spot", "time"), ("rate", "vol"))}  # fmt: skip


def stencil(order: int, step: int) -> np.ndarray:
    """Weights on OFFSETS, `step` apart, of the central difference quotient of that order."""
    nodes = np.arange(-REACH, REACH + 1.0) * step
    powers = np.vander(nodes, increasing=True).T
    unit = np.zeros(nodes.size)
    unit[order] = math.factorial(order)
    weights = np.zeros(OFFSETS.size)
    weights[np.searchsorted(OFFSETS, nodes)] = np.linalg.solve(powers, unit)
    return weights


def pair_of(name: str) -> tuple[str, str]:
    """The two variables by which a table of prices yields this Greek."""
    return next(p for p in PAIRS if set(GREEKS[name]) <= set(p))


def quotient(name: str, step: int) -> np.ndarray:
    """Weights of a table of prices that make the difference quotient of a Greek."""
    return np.multiply.outer(*(stencil(GREEKS[name].count(v), step) for v in pair_of(name)))


def claims_of(pricer: AbstractPricer) -> list[AbstractClaim]:
    """The claim it prices first, and if that is an exotic one all others that it prices."""
    first = accepted(pricer)
    if isinstance(first, AbstractEuropean | AbstractEarlyExercise):
        return [first]
    found = []
    for claim in (c.example() for c in members(deephedge.claims, AbstractClaim)):
        try:
            jax.eval_shape(pricer.price, claim, start(pricer))
        except TypeError:
            continue
        found.append(claim)
    return found


def least_vol(pricer: AbstractPricer) -> float:
    """What a shift takes off the volatility to leave none; 0.2 where the model has no `vol`."""
    model = vars(pricer).get("model", pricer)
    return float(jnp.min(vars(model)["vol"])) if "vol" in vars(model) else 0.2


def first_date(claim: AbstractClaim) -> float:
    """When it decides or fixes something; without memory of that its price has a kink from then."""
    if isinstance(claim, Chooser | CompoundOption):
        return float(claim.decision)
    return float(claim.start if isinstance(claim, ForwardStartCall) else claim.maturity)


def kinks(claim: AbstractClaim) -> list[float]:
    """Prices at which the value has no third derivative by the price, and no central difference.

    At a barrier its slope jumps. At the edge of a corridor gamma does, since the swap earns on one
    side only, and at the strike of a lookback of which no extreme is remembered: above it the
    value is proportional to the price, below it is not.
    """
    if isinstance(claim, LookbackCall | LookbackPut):
        return [float(claim.strike)]
    if isinstance(claim, BarrierOption | UpAndOutCall | OneTouch | NoTouch):
        return [float(claim.barrier)]
    if isinstance(claim, CorridorVarianceSwap | DoubleBarrierOption):
        return [float(claim.lower), float(claim.upper)]
    return []


@contextlib.contextmanager
def laying_grids(rule: Callable):
    """Grids are laid by what the rule makes of what the pricer lays them by."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (price_grid, variance_grid):
            patch.setattr(module, "laid_by", rule)
        yield


class Laboratory:
    """The compiled Greeks of one pricer and claim, and prices around each state.

    A pricer's grid is laid for the state and stands still for the prices around it.
    A state is a multiple of the spot, a share of the life gone by, and shifts of vol and rate.
    """

    def __init__(self, pricer: AbstractPricer, claim: AbstractClaim, names: tuple[str, ...]):
        self.names, self.name = names, type(pricer).__name__
        self.spot = float(start(pricer).prices[0])
        self.maturity, self.vol = float(claim.maturity), least_vol(pricer)
        self.life, self.kinks = first_date(claim) / self.maturity, kinks(claim)
        self.relative = self.vol / (100.0 if self.name == "BachelierFormula" else 1.0)
        begin = start(pricer)

        def at(x):
            elapsed = x[3] * claim.maturity
            now = eqx.tree_at(
                lambda n: (n.prices, n.time), begin, (begin.prices.at[0].multiply(x[0]), elapsed)
            )
            return pricer.shifted(now, vol=x[1], rate=x[2])

        def price(x, by):
            moved, now = at(x)
            laid = []
            with laying_grids(lambda by: laid.append(by) or lax.stop_gradient(by)):
                moved.price(claim, now)
            # Shifts of a state, not another state: in some models the spot decides what a shift
            # of the volatility does to the parameters.
            now = eqx.tree_at(
                lambda n: (n.prices, n.time), now, (now.prices.at[0].add(by[0]), now.time + by[3])
            )
            moved, now = moved.shifted(now, vol=by[1], rate=by[2])
            with laying_grids(lambda _: laid.pop(0)):
                return moved.price(claim, now)

        def all_greeks(x):
            moved, now = at(x)
            return greeks(moved, claim, now, names)

        self._greeks = jax.jit(jax.vmap(all_greeks))
        self._prices = jax.jit(jax.vmap(jax.vmap(price, in_axes=(None, 0))))

    def greeks(self, states: np.ndarray) -> dict[str, np.ndarray]:
        return {k: np.asarray(v) for k, v in self._greeks(jnp.asarray(states)).items()}

    def steps(self, states: np.ndarray) -> np.ndarray:
        """Half the widest step of spot, vol, rate and time, in units of each state."""
        tau = self.maturity * (self.life - states[:, 3])
        vol = self.vol + states[:, 1]
        deviation = np.minimum(vol * self.relative / self.vol * np.sqrt(tau), 1.0)
        spot = self.spot * states[:, 0] * deviation
        # Time is differentiated once at most, and a mean so far moves fast with it.
        return STEP * np.stack([spot, vol, np.full_like(vol, 0.3), 0.1 * tau], axis=1)

    def smooth(self, states: np.ndarray) -> np.ndarray:
        """Whether no kink is among the prices that `differences` takes around each state."""
        spot, reach = self.spot * states[:, 0], REACH * self.steps(states)[:, 0]
        return np.all([np.abs(spot - k) > reach for k in [np.inf, *self.kinks]], axis=0)

    def differences(self, states: np.ndarray) -> dict[str, tuple[np.ndarray, ...]]:
        """Of each Greek the quotient, that of half the steps, and price and spot in its units."""
        steps = 0.5 * self.steps(states)
        names = self.names
        rules = {name: [quotient(name, w) for w in (2, 1)] for name in names}
        every = np.abs(np.stack([rule for pair in rules.values() for rule in pair]))
        rows, columns = np.nonzero(every.max(axis=0) > 1e-9)
        tables = {}
        for pair, (i, j) in PAIRS.items():
            shift = np.zeros((len(states), rows.size, 4))
            shift[..., i] += steps[:, i, None] * OFFSETS[rows]
            shift[..., j] += steps[:, j, None] * OFFSETS[columns]
            tables[pair] = np.asarray(self._prices(jnp.asarray(states), jnp.asarray(shift)))
        found = {}
        for name in names:
            prices = tables[pair_of(name)]
            unit = np.prod([steps[:, VARIABLES.index(v)] for v in GREEKS[name]], axis=0)
            wide, near = (prices @ rule[rows, columns] / unit for rule in rules[name])
            size = np.max(np.abs(prices), axis=1)
            unit = unit * (2.0 / STEP) ** len(GREEKS[name])
            found[name] = wide, near, size / unit, np.maximum(size, self.spot) / unit
        return found


def names_of(pricer: AbstractPricer) -> tuple[str, ...]:
    return FIRST if simulated(pricer) else tuple(GREEKS)


def simulated(pricer: AbstractPricer) -> bool:
    """Whether its Greeks are those of a mean, not of a difference of draws: see its own tests."""
    parts = [pricer, *(v for v in vars(pricer).values() if isinstance(v, AbstractPricer))]
    fields = [f.name for part in parts for f in dataclasses.fields(part)]
    return any("paths" in name or name in ("key", "network") for name in fields)


def example(name: str) -> AbstractPricer:
    """The example, with as many terms as a reference value wants."""
    pricer = PRICERS[name].example()
    return dataclasses.replace(pricer, n_terms=1024) if isinstance(pricer, Fourier) else pricer


def check_differences(bench: Laboratory, states: np.ndarray) -> None:
    exact, smooth = bench.greeks(states), bench.smooth(states)
    tolerance = GRIDS.get(bench.name, 1e-6)
    for name, (wide, near, size, ample) in bench.differences(states).items():
        assert np.all(np.isfinite(exact[name])), (name, states, exact[name])
        # What the quotients of two steps differ by is what either may be wrong by.
        unsettled = np.abs(wide - near)
        lost = FLOORS.get(bench.name, 0.0) / STEP ** len(GREEKS[name]) * ample
        allowed = tolerance * (np.abs(exact[name]) + size) + 2.0 * unsettled + lost
        wrong = np.flatnonzero(smooth & ~(np.abs(exact[name] - wide) <= allowed))
        assert wrong.size == 0, (name, states[wrong], exact[name][wrong], wide[wrong], near[wrong])
        assert np.mean(unsettled <= 1e-3 * ample) > 0.25, (name, unsettled, ample)


def extremes(bench: Laboratory) -> list[np.ndarray]:
    """Deep in and out, at and just before expiry and first date, without volatility."""
    return [
        np.array(
            [[spot, vol, 0.0, gone] for spot in (1e-3, 0.5, 1.0, 1000.0) for vol in vols]
        )
        for gone in sorted({0.0, bench.life, 1.0 - 1e-9, 1.0})
        for vols in ([-bench.vol, -bench.vol * (1.0 - 1e-9), 0.0],)
    ]  # fmt: skip


state = st.tuples(
    st.floats(0.5, 2.0), st.floats(-0.5, 2.0), st.floats(-0.05, 0.1), st.floats(0.0, 0.95)
)


def hypothesise(bench: Laboratory) -> None:
    """Several batches of states."""

    @settings(max_examples=4, deadline=None, derandomize=True, phases=[Phase.generate],
              database=None)  # fmt: skip
    @given(st.lists(state, min_size=N_STATES, max_size=N_STATES))
    def holds(drawn):
        check_differences(bench, np.array(drawn) * np.array([1.0, bench.vol, 1.0, bench.life]))

    holds()


cases = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=() if n in ALWAYS else pytest.mark.slow) for n in PRICERS]
)


@cases
def test_every_greek_is_the_limit_of_central_differences_and_finite(name):
    pricer = example(name)
    for claim in claims_of(pricer):
        bench = Laboratory(pricer, claim, names_of(pricer))
        for states in extremes(bench):
            for greek, values in bench.greeks(states).items():
                assert np.all(np.isfinite(values)), (type(claim), greek, states, values)
        if not simulated(pricer):
            hypothesise(bench)
