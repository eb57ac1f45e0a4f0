"""Reads the tables of reference values and prices their rows, all of one kind at once."""

import csv
import pathlib
from collections.abc import Callable
from itertools import groupby

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.claims import (
    BarrierOption,
    BestOfCall,
    Call,
    Chooser,
    CompoundOption,
    DigitalCall,
    DigitalPut,
    DoubleBarrierOption,
    ExchangeOption,
    FloatingLookbackCall,
    FloatingLookbackPut,
    ForwardStartCall,
    GeometricAsianCall,
    GeometricAsianPut,
    LookbackCall,
    LookbackPut,
    NoTouch,
    OneTouch,
    PowerOption,
    Put,
    QuantoCall,
    WorstOfCall,
)
from deephedge.markets import (
    CEV,
    SABR,
    AbstractAffineModel,
    Bates,
    DoubleHeston,
    Kou,
    Merton,
    Snapshot,
    VarianceGamma,
)
from deephedge.pricing import (
    BachelierFormula,
    BarrierFormula,
    Black76,
    BlackScholesFormula,
    CEVFormula,
    ChooserFormula,
    CompoundFormula,
    DoubleBarrierFormula,
    ForwardStartFormula,
    GeometricAsianFormula,
    HaganFormula,
    LookbackFormula,
    MargrabeFormula,
    PowerFormula,
    QuantoFormula,
    StulzFormula,
    TouchFormula,
)

HERE = pathlib.Path(__file__).parent
KINDS = {c.__name__: c for c in (Call, Put, DigitalCall, DigitalPut)}
LOOKBACKS = {
    c.__name__: c for c in (LookbackCall, LookbackPut, FloatingLookbackCall, FloatingLookbackPut)
}
Row = dict
Words = tuple


def read(name: str) -> list[Row]:
    """The rows of a table; numbers as numbers, truth values as such."""
    with open(HERE / f"{name}.csv", newline="") as file:
        return [{k: _cell(v) for k, v in row.items()} for row in csv.DictReader(file)]


def _cell(text: str):
    if text in ("True", "False"):
        return text == "True"
    try:
        return float(text)
    except ValueError:
        return text


def priced(rows: list[Row], price: Callable, words: tuple[str, ...] = ()) -> np.ndarray:
    """`price(words, numbers)` of every row: one compilation for each combination of the words."""
    values = np.empty(len(rows))
    key = lambda i: tuple(rows[i][w] for w in words)  # noqa: E731
    for kind, members in groupby(sorted(range(len(rows)), key=key), key=key):
        places = list(members)
        names = [name for name in rows[0] if name not in words]
        numbers = {n: jnp.asarray([rows[i][n] for i in places]) for n in names}
        values[places] = jax.jit(
            jax.vmap(lambda x, kind=kind: price(kind, x)),
            compiler_options={
                "xla_backend_optimization_level": 0,
                "xla_llvm_disable_expensive_passes": True,
            },
        )(numbers)
    return values


def now(*prices, progress=(), factors=()) -> Snapshot:
    """The start, with what has been seen."""
    stack = lambda xs: jnp.stack(xs) if xs else jnp.zeros(0)  # noqa: E731
    ones = jnp.ones(len(prices))
    return Snapshot(
        jnp.zeros(()), jnp.stack(prices), stack(factors), jnp.ones(()), ones, stack(progress)
    )


def carried(x: Row) -> dict:
    return {name: x[name] for name in ("vol", "rate", "dividend")}


def european(words: Words, x: Row):
    pricer = {
        "BlackScholesFormula": BlackScholesFormula,
        "Black76": lambda dividend, **rest: Black76(**rest),
        "BachelierFormula": BachelierFormula,
    }[words[0]](**carried(x))
    claim = KINDS[words[1]](strike=x["strike"], maturity=x["tau"])
    return pricer.price(claim, now(x["spot"]))


def barrier(words: Words, x: Row):
    call, up, knock_in = words
    claim = BarrierOption(
        x["strike"], x["barrier"], x["tau"], x["rebate"], call=call, up=up, knock_in=knock_in
    )
    return BarrierFormula(**carried(x)).price(claim, now(x["spot"]))


def touch(words: Words, x: Row):
    up, one_touch, at_hit = words
    if one_touch:
        claim = OneTouch(x["barrier"], x["tau"], up=up, at_hit=at_hit)
    else:
        claim = NoTouch(x["barrier"], x["tau"], up=up)
    return TouchFormula(**carried(x)).price(claim, now(x["spot"]))


def double_barrier(words: Words, x: Row):
    call, knock_in = words
    sides = (x["strike"], x["lower"], x["upper"])
    claim = DoubleBarrierOption(*sides, x["tau"], call=call, knock_in=knock_in)
    return DoubleBarrierFormula(**carried(x)).price(claim, now(x["spot"]))


def lookback(words: Words, x: Row):
    terms = {} if "Floating" in words[0] else dict(strike=x["strike"])
    claim = LOOKBACKS[words[0]](maturity=x["tau"], **terms)
    state = now(x["spot"], progress=(x["extreme"],))
    return LookbackFormula(**carried(x)).price(claim, state)


def geometric_asian(words: Words, x: Row):
    claim = (GeometricAsianCall if words[0] else GeometricAsianPut)(x["strike"], x["tau"])
    pricer = GeometricAsianFormula(**carried(x), n_dates=int(words[1]) or None)
    return pricer.price(claim, now(x["spot"]))


def two_assets(words: Words, x: Row):
    rho, one = x["correlation"], jnp.ones(())
    parameters = dict(
        vol=jnp.stack([x["vol"], x["vol_2"]]),
        rate=x["rate"],
        dividend=jnp.stack([x["dividend"], x["dividend_2"]]),
        correlation=jnp.stack([jnp.stack([one, rho]), jnp.stack([rho, one])]),
    )
    state = now(x["spot"], x["spot_2"])
    if words[0] == "ExchangeOption":
        return MargrabeFormula(**parameters).price(ExchangeOption(x["tau"]), state)
    kind = BestOfCall if words[0] == "BestOfCall" else WorstOfCall
    return StulzFormula(**parameters).price(kind(x["strike"], x["tau"]), state)


def decided(words: Words, x: Row):
    state = now(x["spot"])
    if words[0] == "Chooser":
        claim = Chooser(x["strike"], x["decision"], x["tau"])
        return ChooserFormula(**carried(x)).price(claim, state)
    pricer = CompoundFormula(**carried(x))
    claim = CompoundOption(x["strike"], x["premium"], x["strike"], x["decision"], x["tau"])
    return pricer.price(pricer.best_rule(claim), state)


def other(words: Words, x: Row):
    if words[0] == "ForwardStartCall":
        claim = ForwardStartCall(ratio=x["strike"], start=x["extra"], maturity=x["tau"])
        return ForwardStartFormula(**carried(x)).price(claim, now(x["spot"]))
    if words[0] == "QuantoCall":
        pricer = QuantoFormula(
            currency_vol=0.15, correlation=x["extra"], foreign_rate=0.05, **carried(x)
        )
        return pricer.price(QuantoCall(x["strike"], x["tau"]), now(x["spot"], jnp.ones(())))
    claim = PowerOption(x["strike"], x["extra"], x["tau"], call=words[0] == "PowerCall")
    return PowerFormula(**carried(x)).price(claim, now(x["spot"]))


def constant_elasticity(words: Words, x: Row):
    names = ("spot", "scale", "exponent", "rate", "dividend")
    claim = (Call if words[0] else Put)(x["strike"], x["tau"])
    return CEVFormula(CEV(**{n: x[n] for n in names})).price(claim, now(x["spot"]))


def hagan(words: Words, x: Row):
    names = ("spot", "alpha", "exponent", "vol_of_vol", "correlation", "rate", "dividend")
    model = SABR(**{n: x[n] for n in names})
    return HaganFormula(model).price(Call(x["strike"], x["tau"]), model.start())


CLOSED_FORMS: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "europeans": (european, ("pricer", "claim")),
    "barriers": (barrier, ("call", "up", "knock_in")),
    "touches": (touch, ("up", "one_touch", "at_hit")),
    "double_barriers": (double_barrier, ("call", "knock_in")),
    "lookbacks": (lookback, ("claim",)),
    "geometric_asians": (geometric_asian, ("call", "n_dates")),
    "two_assets": (two_assets, ("claim",)),
    "choosers_and_compounds": (decided, ("claim",)),
    "powers_and_others": (other, ("claim",)),
    "constant_elasticity": (constant_elasticity, ("call",)),
    "hagan": (hagan, ()),
}


def affine(name: str, x: Row) -> AbstractAffineModel:
    """The model of a row of a table of calls by characteristic function."""
    shared = {n: x[n] for n in ("spot", "rate", "dividend")}
    own = {n: v for n, v in x.items() if n not in (*shared, "strike", "tau", "value")}
    if name == "double_heston":
        names = dict.fromkeys(n[:-2] for n in own)
        own = {n: jnp.stack([own[f"{n}_1"], own[f"{n}_2"]]) for n in names}
    return AFFINE[name](**shared, **own)


AFFINE = {
    "merton": Merton,
    "variance_gamma": VarianceGamma,
    "kou": Kou,
    "bates": Bates,
    "double_heston": DoubleHeston,
}
