"""What trading costs."""

from deephedge.costs.base import AbstractCost as AbstractCost
from deephedge.costs.proportional import ProportionalCost as ProportionalCost
