"""Every claim in every model has a method that prices it, or a clear refusal."""

import inspect

import jax
import numpy as np
import pytest

import deephedge.claims
import deephedge.markets
from deephedge.claims import (
    AbstractClaim,
    AmericanPut,
    BarrierOption,
    Call,
    QuantoCall,
    SpreadOption,
)
from deephedge.markets import (
    AbstractMarket,
    AbstractModel,
    BlackScholes,
    Heston,
    Merton,
    RoughBergomi,
)
from deephedge.pricing import (
    AbstractPricer,
    BarrierFormula,
    BlackScholesFormula,
    CEVFormula,
    FiniteDifference,
    Fourier,
    HaganFormula,
    KirkFormula,
    LongstaffSchwartz,
    MonteCarlo,
    QuantoFormula,
    VarianceSwapFormula,
    pricer_for,
)


def exported(package, family):
    kinds = [kind for kind in vars(package).values() if inspect.isclass(kind)]
    return [kind for kind in kinds if issubclass(kind, family) and not inspect.isabstract(kind)]


CLAIMS = exported(deephedge.claims, AbstractClaim)
MODELS = exported(deephedge.markets, AbstractMarket)
TWO = BlackScholes(
    spot=[100.0, 95.0], vol=[0.2, 0.3], rate=0.02, correlation=[[1.0, 0.5], [0.5, 1.0]]
)
KEY = jax.random.key(0)
# What all pairs share runs always; a price of each claim and in each model under `slow`.
ALWAYS = (("BlackScholes", "BarrierOption"), ("Heston", "Call"), ("RoughBergomi", "Call"))
PRICED_MODELS = ("BlackScholes", "Merton")
PRICED_CLAIMS = ("Call", "AsianCall", "AmericanPut")


def pairs(*, priced: bool):
    for model in MODELS:
        for claim in CLAIMS:
            names = (model.__name__, claim.__name__)
            if priced == (names[0] in PRICED_MODELS or names[1] in PRICED_CLAIMS):
                marks = () if names in ALWAYS else pytest.mark.slow
                yield pytest.param(
                    model.example(), claim.example(), id="-".join(names), marks=marks
                )


def chosen(model, claim):
    """The pricer, or `None` where the pair is refused in one clear line."""
    try:
        return pricer_for(model, claim, key=KEY, n_paths=256, n_steps=8)
    except (TypeError, ValueError) as refusal:
        message = str(refusal)
        assert ("use `" in message and "got" in message) or "but the market has" in message
        assert type(claim).__name__ in message or type(model).__name__ in message
        assert "\n" not in message
        assert not isinstance(model, AbstractModel) or "asset" in message
        return None


@pytest.mark.parametrize("model, claim", list(pairs(priced=True)))
def test_a_price_is_finite_or_refused_in_one_clear_line(model, claim):
    pricer = chosen(model, claim)
    if pricer is not None:
        assert np.isfinite(float(jax.jit(lambda: pricer.price(claim, model.start()))()))


@pytest.mark.slow
@pytest.mark.parametrize("model, claim", list(pairs(priced=False)))
def test_every_other_pair_has_a_pricer_or_is_refused(model, claim):
    assert isinstance(chosen(model, claim), AbstractPricer | None)


@pytest.mark.slow
@pytest.mark.parametrize("claim", CLAIMS)
def test_claims_on_two_assets_have_finite_prices(claim):
    pricer, claim = (
        pricer_for(TWO, claim.example(), key=KEY, n_paths=256, n_steps=8),
        claim.example(),
    )
    assert np.isfinite(float(jax.jit(lambda: pricer.price(claim, TWO.start()))()))


def kinds_of(method: type[AbstractPricer], model: AbstractMarket, *claims: AbstractClaim):
    for claim in claims:
        assert isinstance(pricer_for(model, claim, key=KEY, n_paths=64, n_steps=4), method)


def test_the_method_of_least_effort_is_chosen():
    cev, sabr = deephedge.markets.CEV.example(), deephedge.markets.SABR.example()
    put, barrier = AmericanPut.example(), BarrierOption.example()
    kinds_of(BlackScholesFormula, BlackScholes.example(), Call.example())
    kinds_of(BarrierFormula, BlackScholes.example(), barrier)
    kinds_of(FiniteDifference, BlackScholes.example(), put)
    kinds_of(KirkFormula, TWO, SpreadOption.example())
    kinds_of(QuantoFormula, TWO, QuantoCall.example())
    kinds_of(Fourier, Heston.example(), Call.example())
    kinds_of(VarianceSwapFormula, Heston.example(), deephedge.claims.VarianceSwap.example())
    kinds_of(MonteCarlo, Merton.example(), barrier)
    kinds_of(CEVFormula, cev, Call.example())
    kinds_of(HaganFormula, sabr, Call.example())
    kinds_of(LongstaffSchwartz, cev, put)


def test_without_a_key_nothing_is_simulated():
    with pytest.raises(ValueError, match="known prices of BarrierOption, got Merton; use `Monte"):
        pricer_for(Merton.example(), BarrierOption.example())
    with pytest.raises(ValueError, match="start again from any date, got RoughBergomi; use"):
        pricer_for(RoughBergomi.example(), Call.example(), key=KEY)


@pytest.mark.slow
def test_the_quanto_formula_of_a_two_asset_model_agrees_with_simulation():
    model = BlackScholes(
        spot=[100.0, 1.25],
        vol=[0.25, 0.1],
        rate=0.02,
        dividend=0.03,
        correlation=[[1.0, 0.4], [0.4, 1.0]],
    )
    claim = QuantoCall(strike=80.0, maturity=1.0, fixed_rate=1.2)
    simulated = MonteCarlo(model, n_paths=400_000, n_steps=1, key=KEY)
    value, error = simulated.estimate(claim, model.start())
    exact = pricer_for(model, claim).price(claim, model.start())
    assert float(error) < 0.02
    assert abs(float(value - exact)) < 4.0 * float(error)
