"""What a claim is worth."""

from deephedge.pricing.bachelier import BachelierFormula as BachelierFormula
from deephedge.pricing.bachelier import bachelier_price as bachelier_price
from deephedge.pricing.base import AbstractBlackScholesPricer as AbstractBlackScholesPricer
from deephedge.pricing.base import AbstractPricer as AbstractPricer
from deephedge.pricing.basket_formula import BasketFormula as BasketFormula
from deephedge.pricing.black76 import Black76 as Black76
from deephedge.pricing.black_scholes import BlackScholesFormula as BlackScholesFormula
from deephedge.pricing.black_scholes import QuotedBlackScholes as QuotedBlackScholes
from deephedge.pricing.black_scholes import black_scholes_price as black_scholes_price
from deephedge.pricing.default import pricer_for as pricer_for
from deephedge.pricing.fourier import Fourier as Fourier
from deephedge.pricing.greeks import GREEKS as GREEKS
from deephedge.pricing.greeks import greeks as greeks
from deephedge.pricing.greeks import sensitivity as sensitivity
from deephedge.pricing.implied_vol import implied_vol as implied_vol
from deephedge.pricing.kirk import KirkFormula as KirkFormula
from deephedge.pricing.lognormal import AbstractLognormalPricer as AbstractLognormalPricer
from deephedge.pricing.margrabe import MargrabeFormula as MargrabeFormula
from deephedge.pricing.monte_carlo import MonteCarlo as MonteCarlo
from deephedge.pricing.quanto import QuantoFormula as QuantoFormula
from deephedge.pricing.stulz import StulzFormula as StulzFormula
from deephedge.pricing.cev import CEVFormula as CEVFormula
