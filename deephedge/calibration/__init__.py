"""Model parameters from option quotes or from a history of prices."""

from deephedge.calibration.calibrate import calibrate as calibrate
from deephedge.calibration.calibrated import Calibrated as Calibrated
from deephedge.calibration.domains import Domain as Domain
from deephedge.calibration.domains import domains as domains
from deephedge.calibration.quotes import Quotes as Quotes
