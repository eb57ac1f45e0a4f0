"""What trading costs."""

from deephedge.costs.base import AbstractCost as AbstractCost
from deephedge.costs.cash_spread import CashSpread as CashSpread
from deephedge.costs.commission import Commission as Commission
from deephedge.costs.execution import Execution as Execution
from deephedge.costs.financing import Financing as Financing
from deephedge.costs.fixed import FixedCost as FixedCost
from deephedge.costs.half_spread import HalfSpread as HalfSpread
from deephedge.costs.none import NoCost as NoCost
from deephedge.costs.permanent_impact import PermanentImpact as PermanentImpact
from deephedge.costs.power_impact import PowerImpact as PowerImpact
from deephedge.costs.proportional import ProportionalCost as ProportionalCost
from deephedge.costs.quadratic_impact import QuadraticImpact as QuadraticImpact
from deephedge.costs.scaled import ScaledCost as ScaledCost
from deephedge.costs.sum import CostSum as CostSum
from deephedge.costs.vega_spread import VegaSpread as VegaSpread
