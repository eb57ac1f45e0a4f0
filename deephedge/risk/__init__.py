"""How a P&L is judged."""

from deephedge.risk.base import AbstractCashInvariantMeasure as AbstractCashInvariantMeasure
from deephedge.risk.base import AbstractRiskMeasure as AbstractRiskMeasure
from deephedge.risk.base import AbstractThresholdMeasure as AbstractThresholdMeasure
from deephedge.risk.entropic import Entropic as Entropic
from deephedge.risk.entropic_value_at_risk import EntropicValueAtRisk as EntropicValueAtRisk
from deephedge.risk.expected_shortfall import ExpectedShortfall as ExpectedShortfall
from deephedge.risk.expectile import Expectile as Expectile
from deephedge.risk.mean_standard_deviation import (
    MeanStandardDeviation as MeanStandardDeviation,
)
from deephedge.risk.mean_variance import MeanVariance as MeanVariance
from deephedge.risk.optimised_certainty_equivalent import AbstractUtility as AbstractUtility
from deephedge.risk.optimised_certainty_equivalent import ExponentialUtility as ExponentialUtility
from deephedge.risk.optimised_certainty_equivalent import (
    OptimisedCertaintyEquivalent as OptimisedCertaintyEquivalent,
)
from deephedge.risk.optimised_certainty_equivalent import QuadraticUtility as QuadraticUtility
from deephedge.risk.optimised_certainty_equivalent import ShortfallUtility as ShortfallUtility
from deephedge.risk.quadratic import Quadratic as Quadratic
