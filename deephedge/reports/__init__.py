"""Comparisons, figures and the page that shows them."""

from deephedge.reports.attribute_paths import attribute as attribute
from deephedge.reports.attribute_paths import attribute_paths as attribute_paths
from deephedge.reports.attribute_paths import every_step as every_step
from deephedge.reports.attribute_paths import sample_attribution as sample_attribution
from deephedge.reports.attribute_paths import whole_path as whole_path
from deephedge.reports.attribution import Attribution as Attribution
from deephedge.reports.attribution import Book as Book
from deephedge.reports.attribution import attribute_step as attribute_step
from deephedge.reports.between_seeds import PairedDifference as PairedDifference
from deephedge.reports.between_seeds import between_seeds as between_seeds
from deephedge.reports.between_seeds import paired_by_seed as paired_by_seed
from deephedge.reports.break_even import break_even_vol as break_even_vol
from deephedge.reports.break_even import scalped_vol as scalped_vol
from deephedge.reports.compare import compare as compare
from deephedge.reports.compare import compare_recorded as compare_recorded
from deephedge.reports.comparison import Comparison as Comparison
from deephedge.reports.comparison import Estimate as Estimate
from deephedge.reports.describe import describe as describe
from deephedge.reports.experiment import Finding as Finding
from deephedge.reports.experiment import Paper as Paper
from deephedge.reports.figures import hedge_against_spot as hedge_against_spot
from deephedge.reports.figures import one_path as one_path
from deephedge.reports.figures import pnl_histograms as pnl_histograms
from deephedge.reports.figures import pnl_parts_bars as pnl_parts_bars
from deephedge.reports.figures import pnl_ranges as pnl_ranges
from deephedge.reports.figures import training_curve as training_curve
from deephedge.reports.front import Section as Section
from deephedge.reports.front import write_front as write_front
from deephedge.reports.html import write_report as write_report
from deephedge.reports.outcome import Outcome as Outcome
from deephedge.reports.outcome import outcome as outcome
from deephedge.reports.partial_dependence import Dependence as Dependence
from deephedge.reports.partial_dependence import partial_dependence as partial_dependence
from deephedge.reports.partial_dependence import (
    partial_dependence_curves as partial_dependence_curves,
)
from deephedge.reports.pnl_parts import PnlParts as PnlParts
from deephedge.reports.pnl_parts import pnl_parts as pnl_parts
from deephedge.reports.quote_errors import quote_errors as quote_errors
from deephedge.reports.risk_saved import RiskSaved as RiskSaved
from deephedge.reports.risk_saved import risk_saved as risk_saved
