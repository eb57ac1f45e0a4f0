"""How a P&L is judged."""

from deephedge.risk.base import AbstractRiskMeasure as AbstractRiskMeasure
from deephedge.risk.entropic import Entropic as Entropic
