"""Comparisons, figures and the page that shows them."""

from deephedge.reports.compare import compare as compare
from deephedge.reports.compare import compare_recorded as compare_recorded
from deephedge.reports.comparison import Comparison as Comparison
from deephedge.reports.comparison import Estimate as Estimate
from deephedge.reports.outcome import Outcome as Outcome
from deephedge.reports.outcome import outcome as outcome
