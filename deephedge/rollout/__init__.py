"""Where time is scanned and cash is counted."""

from deephedge.rollout.indifference import indifference_price as indifference_price
from deephedge.rollout.ledger import Ledger as Ledger
from deephedge.rollout.ledger import rollout as rollout
from deephedge.rollout.live import Live as Live
from deephedge.rollout.live import Quote as Quote
from deephedge.rollout.live import Tick as Tick
from deephedge.rollout.live import expire as expire
from deephedge.rollout.live import open_book as open_book
from deephedge.rollout.live import tick as tick
from deephedge.rollout.problem import HedgingProblem as HedgingProblem
from deephedge.rollout.problem import time_grid as time_grid
from deephedge.rollout.replay import replay as replay
from deephedge.rollout.sample import batch_law as batch_law
from deephedge.rollout.sample import pnl_only as pnl_only
from deephedge.rollout.sample import sample as sample
from deephedge.rollout.sample import sample_law as sample_law
from deephedge.rollout.sample import whole as whole
from deephedge.rollout.sample_each import sample_each as sample_each
from deephedge.rollout.sensitivities import RiskSensitivities as RiskSensitivities
from deephedge.rollout.sensitivities import risk_sensitivities as risk_sensitivities
from deephedge.rollout.tilt import fit_tilt as fit_tilt
from deephedge.rollout.trace import trace as trace
