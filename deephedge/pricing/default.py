"""The most accurate pricer of European claims in a model."""

from deephedge.markets.base import AbstractAffineModel, AbstractMarket
from deephedge.markets.black_scholes import BlackScholes
from deephedge.pricing.base import AbstractPricer
from deephedge.pricing.black_scholes import BlackScholesFormula
from deephedge.pricing.fourier import Fourier


def pricer_for(market: AbstractMarket) -> AbstractPricer:
    """The closed form in Black-Scholes, Fourier in every model with a characteristic function."""
    if isinstance(market, BlackScholes) and market.spot.shape[0] == 1:
        return BlackScholesFormula(vol=market.vol[0], rate=market.rate, dividend=market.dividend)
    if isinstance(market, AbstractAffineModel) and not isinstance(market, BlackScholes):
        return Fourier(market)
    raise ValueError(
        f"`market` must be a one-asset model with known prices, got {type(market).__name__}; "
        "use `MonteCarlo(model, n_paths=..., n_steps=..., key=...)` or `QuotedBlackScholes()`."
    )
