"""Model parameters from option quotes or from a history of prices."""

from deephedge.calibration.calibrate import calibrate as calibrate
from deephedge.calibration.calibrated import Calibrated as Calibrated
from deephedge.calibration.domains import Domain as Domain
from deephedge.calibration.domains import domains as domains
from deephedge.calibration.garch import fit_garch as fit_garch
from deephedge.calibration.quotes import Quotes as Quotes
from deephedge.calibration.read_quotes import read_quotes as read_quotes
from deephedge.calibration.returns import Fitted as Fitted
from deephedge.calibration.returns import fit_black_scholes as fit_black_scholes
from deephedge.calibration.returns import fit_merton as fit_merton
