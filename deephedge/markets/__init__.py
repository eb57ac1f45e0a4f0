"""How prices move."""

from deephedge.markets.base import AbstractAffineModel as AbstractAffineModel
from deephedge.markets.base import AbstractMarket as AbstractMarket
from deephedge.markets.base import AbstractModel as AbstractModel
from deephedge.markets.base import Path as Path
from deephedge.markets.base import Snapshot as Snapshot
from deephedge.markets.bates import Bates as Bates
from deephedge.markets.black_scholes import BlackScholes as BlackScholes
from deephedge.markets.cev import CEV as CEV
from deephedge.markets.double_heston import DoubleHeston as DoubleHeston
from deephedge.markets.garch import Garch as Garch
from deephedge.markets.heston import Heston as Heston
from deephedge.markets.heston_euler import HestonEuler as HestonEuler
from deephedge.markets.heston_law import AbstractHeston as AbstractHeston
from deephedge.markets.historical import Historical as Historical
from deephedge.markets.kou import Kou as Kou
from deephedge.markets.merton import Merton as Merton
from deephedge.markets.rough_bergomi import RoughBergomi as RoughBergomi
from deephedge.markets.simulate import simulate as simulate
from deephedge.markets.variance_gamma import VarianceGamma as VarianceGamma
from deephedge.markets.vasicek import VasicekRates as VasicekRates
from deephedge.markets.cox_ingersoll_ross import CIRRates as CIRRates
from deephedge.markets.regime_switching import RegimeSwitching as RegimeSwitching
from deephedge.markets.correlated import Correlated as Correlated
from deephedge.markets.sabr import SABR as SABR
