"""What a claim is worth."""

from deephedge.pricing.bachelier import BachelierFormula as BachelierFormula
from deephedge.pricing.bachelier import bachelier_price as bachelier_price
from deephedge.pricing.barrier import BarrierFormula as BarrierFormula
from deephedge.pricing.base import AbstractBlackScholesPricer as AbstractBlackScholesPricer
from deephedge.pricing.base import AbstractPricer as AbstractPricer
from deephedge.pricing.basket_formula import BasketFormula as BasketFormula
from deephedge.pricing.black76 import Black76 as Black76
from deephedge.pricing.black_scholes import BlackScholesFormula as BlackScholesFormula
from deephedge.pricing.black_scholes import QuotedBlackScholes as QuotedBlackScholes
from deephedge.pricing.black_scholes import black_scholes_price as black_scholes_price
from deephedge.pricing.cev import CEVFormula as CEVFormula
from deephedge.pricing.chooser_formula import ChooserFormula as ChooserFormula
from deephedge.pricing.compound_formula import CompoundFormula as CompoundFormula
from deephedge.pricing.control_variate import ControlVariate as ControlVariate
from deephedge.pricing.convertible_difference import (
    ConvertibleDifference as ConvertibleDifference,
)
from deephedge.pricing.default import pricer_for as pricer_for
from deephedge.pricing.double_barrier import DoubleBarrierFormula as DoubleBarrierFormula
from deephedge.pricing.dual_bound import dual_bound as dual_bound
from deephedge.pricing.finite_difference import FiniteDifference as FiniteDifference
from deephedge.pricing.forward_start_formula import ForwardStartFormula as ForwardStartFormula
from deephedge.pricing.fourier import Fourier as Fourier
from deephedge.pricing.geometric_asian import GeometricAsianFormula as GeometricAsianFormula
from deephedge.pricing.greeks import GREEKS as GREEKS
from deephedge.pricing.greeks import greeks as greeks
from deephedge.pricing.greeks import sensitivity as sensitivity
from deephedge.pricing.hagan import HaganFormula as HaganFormula
from deephedge.pricing.hagan import hagan_vol as hagan_vol
from deephedge.pricing.implied_normal_vol import implied_normal_vol as implied_normal_vol
from deephedge.pricing.implied_vol import implied_vol as implied_vol
from deephedge.pricing.kirk import KirkFormula as KirkFormula
from deephedge.pricing.lewis import Lewis as Lewis
from deephedge.pricing.lognormal import AbstractLognormalPricer as AbstractLognormalPricer
from deephedge.pricing.longstaff_schwartz import LongstaffSchwartz as LongstaffSchwartz
from deephedge.pricing.lookback_formula import LookbackFormula as LookbackFormula
from deephedge.pricing.margrabe import MargrabeFormula as MargrabeFormula
from deephedge.pricing.monte_carlo import MonteCarlo as MonteCarlo
from deephedge.pricing.multilevel import Multilevel as Multilevel
from deephedge.pricing.multilevel import multilevel as multilevel
from deephedge.pricing.power_formula import PowerFormula as PowerFormula
from deephedge.pricing.quanto import QuantoFormula as QuantoFormula
from deephedge.pricing.quasi_monte_carlo import QuasiMonteCarlo as QuasiMonteCarlo
from deephedge.pricing.ssvi import SSVI as SSVI
from deephedge.pricing.ssvi import fit_ssvi as fit_ssvi
from deephedge.pricing.stulz import StulzFormula as StulzFormula
from deephedge.pricing.svi import SVI as SVI
from deephedge.pricing.svi import fit_svi as fit_svi
from deephedge.pricing.touch import TouchFormula as TouchFormula
from deephedge.pricing.transform import AbstractTransform as AbstractTransform
from deephedge.pricing.value_network import ValueNetwork as ValueNetwork
from deephedge.pricing.value_network import value_network as value_network
from deephedge.pricing.variance_swap_formula import VarianceSwapFormula as VarianceSwapFormula
