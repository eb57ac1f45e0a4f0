"""Model parameters from option quotes or from a history of prices."""

from deephedge.calibration.calibrate import calibrate as calibrate
from deephedge.calibration.calibrated import Calibrated as Calibrated
from deephedge.calibration.conditional_flow import LearnedFlow as LearnedFlow
from deephedge.calibration.conditional_flow import fit_conditional_flow as fit_conditional_flow
from deephedge.calibration.domains import Domain as Domain
from deephedge.calibration.domains import domains as domains
from deephedge.calibration.forward_equation import ByForwardEquation as ByForwardEquation
from deephedge.calibration.garch import fit_garch as fit_garch
from deephedge.calibration.heston import fit_heston as fit_heston
from deephedge.calibration.hidden_regimes import HiddenRegimes as HiddenRegimes
from deephedge.calibration.hidden_regimes import fit_hidden_regimes as fit_hidden_regimes
from deephedge.calibration.hidden_regimes import regime_standard_errors as regime_standard_errors
from deephedge.calibration.methods import AbstractMethod as AbstractMethod
from deephedge.calibration.methods import ByFormula as ByFormula
from deephedge.calibration.methods import BySeries as BySeries
from deephedge.calibration.quotes import Quotes as Quotes
from deephedge.calibration.read_quotes import read_quotes as read_quotes
from deephedge.calibration.returns import Fitted as Fitted
from deephedge.calibration.returns import fit_black_scholes as fit_black_scholes
from deephedge.calibration.returns import fit_merton as fit_merton
from deephedge.calibration.simulated import BySimulation as BySimulation
from deephedge.calibration.smiles import calibrate_sabr as calibrate_sabr
from deephedge.calibration.smiles import fit_surface as fit_surface
from deephedge.calibration.smiles import local_volatility as local_volatility
from deephedge.calibration.stylised_facts import stylised_facts as stylised_facts
