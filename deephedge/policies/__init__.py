"""What to hold."""

from deephedge.policies.base import AbstractBandPolicy as AbstractBandPolicy
from deephedge.policies.base import AbstractClassicalBand as AbstractClassicalBand
from deephedge.policies.base import AbstractFittedPolicy as AbstractFittedPolicy
from deephedge.policies.base import AbstractPolicy as AbstractPolicy
from deephedge.policies.base import AbstractTargetPolicy as AbstractTargetPolicy
from deephedge.policies.base import AbstractTrainablePolicy as AbstractTrainablePolicy
from deephedge.policies.base import Account as Account
from deephedge.policies.classical.band_formula import BandFormula as BandFormula
from deephedge.policies.classical.barrier_strip import AbstractBarrierStrip as AbstractBarrierStrip
from deephedge.policies.classical.barrier_strip import PutCallSymmetry as PutCallSymmetry
from deephedge.policies.classical.bartlett_delta import BartlettDelta as BartlettDelta
from deephedge.policies.classical.boyle_vorst import BoyleVorst as BoyleVorst
from deephedge.policies.classical.calendar_strip import CalendarStrip as CalendarStrip
from deephedge.policies.classical.delta import DeltaHedge as DeltaHedge
from deephedge.policies.classical.delta_band import DeltaBand as DeltaBand
from deephedge.policies.classical.greek_neutral import GreekNeutralHedge as GreekNeutralHedge
from deephedge.policies.classical.hoggard_whalley_wilmott import (
    HoggardWhalleyWilmott as HoggardWhalleyWilmott,
)
from deephedge.policies.classical.hull_white_delta import HullWhiteDelta as HullWhiteDelta
from deephedge.policies.classical.leland import Leland as Leland
from deephedge.policies.classical.local_quadratic import LocalQuadratic as LocalQuadratic
from deephedge.policies.classical.minimum_variance_delta import (
    MinimumVarianceDelta as MinimumVarianceDelta,
)
from deephedge.policies.classical.modified_vol import AbstractModifiedVol as AbstractModifiedVol
from deephedge.policies.classical.no_hedge import NoHedge as NoHedge
from deephedge.policies.classical.practitioner_delta import PractitionerDelta as PractitionerDelta
from deephedge.policies.classical.static import StaticHedge as StaticHedge
from deephedge.policies.classical.variance_strip import VarianceStrip as VarianceStrip
from deephedge.policies.classical.vol_band import VolBand as VolBand
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott as WhalleyWilmott
from deephedge.policies.classical.zakamouline import Zakamouline as Zakamouline
from deephedge.policies.forecasts.base import AbstractForecast as AbstractForecast
from deephedge.policies.forecasts.ewma import EWMA as EWMA
from deephedge.policies.forecasts.garch_filter import GarchFilter as GarchFilter
from deephedge.policies.forecasts.har import HAR as HAR
from deephedge.policies.forecasts.known_vol import KnownVol as KnownVol
from deephedge.policies.forecasts.realised import RealisedVol as RealisedVol
from deephedge.policies.forecasts.regime_filter import RegimeFilter as RegimeFilter
from deephedge.policies.greeks import instrument_greeks as instrument_greeks
from deephedge.policies.greeks import model_delta as model_delta
from deephedge.policies.greeks import model_delta_gamma as model_delta_gamma
from deephedge.policies.greeks import model_vega as model_vega
from deephedge.policies.greeks import quoted_formula as quoted_formula
from deephedge.policies.insurance.base import AbstractPortfolioPolicy as AbstractPortfolioPolicy
from deephedge.policies.insurance.cppi import CPPI as CPPI
from deephedge.policies.insurance.cppi import TIPP as TIPP
from deephedge.policies.insurance.scaled_protection import ScaledProtection as ScaledProtection
from deephedge.policies.insurance.static_protection import (
    AbstractStaticProtection as AbstractStaticProtection,
)
from deephedge.policies.insurance.static_protection import Collar as Collar
from deephedge.policies.insurance.static_protection import ProtectivePut as ProtectivePut
from deephedge.policies.insurance.static_protection import PutSpreadCollar as PutSpreadCollar
from deephedge.policies.insurance.stop_loss import StopLoss as StopLoss
from deephedge.policies.insurance.synthetic_put import SyntheticPut as SyntheticPut
from deephedge.policies.insurance.tail_hedge import TailHedge as TailHedge
from deephedge.policies.insurance.vol_target import VolatilityTarget as VolatilityTarget
from deephedge.policies.insurance.zero_cost import zero_cost_call as zero_cost_call
from deephedge.policies.learned.attention import Attention as Attention
from deephedge.policies.learned.deep_sets import DeepSets as DeepSets
from deephedge.policies.learned.feedforward import Feedforward as Feedforward
from deephedge.policies.learned.no_transaction_band import (
    NoTransactionBand as NoTransactionBand,
)
from deephedge.policies.learned.no_transaction_region import (
    NoTransactionRegion as NoTransactionRegion,
)
from deephedge.policies.learned.per_step import PerStep as PerStep
from deephedge.policies.learned.recurrent import Recurrent as Recurrent
from deephedge.policies.learned.residual import AbstractResidualPolicy as AbstractResidualPolicy
from deephedge.policies.learned.signature import LogSignature as LogSignature
from deephedge.policies.least_cost import least_cost as least_cost
from deephedge.policies.overlays.escalation import Alert as Alert
from deephedge.policies.overlays.escalation import Change as Change
from deephedge.policies.overlays.escalation import Escalation as Escalation
from deephedge.policies.overlays.escalation import alert_in as alert_in
from deephedge.policies.overlays.escalation import changes as changes
from deephedge.policies.overlays.escalation import escalation_in as escalation_in
from deephedge.policies.overlays.levels import AbstractLevel as AbstractLevel
from deephedge.policies.overlays.levels import Flatten as Flatten
from deephedge.policies.overlays.levels import Halt as Halt
from deephedge.policies.overlays.levels import Halve as Halve
from deephedge.policies.overlays.levels import Tighten as Tighten
from deephedge.policies.overlays.limits import LeverageLimit as LeverageLimit
from deephedge.policies.overlays.limits import LossLimit as LossLimit
from deephedge.policies.overlays.limits import PositionLimit as PositionLimit
from deephedge.policies.overlays.rebalance_at_optimum import (
    RebalanceAtOptimum as RebalanceAtOptimum,
)
from deephedge.policies.overlays.rebalance_every import RebalanceEvery as RebalanceEvery
from deephedge.policies.overlays.rebalance_on_drift import RebalanceOnDrift as RebalanceOnDrift
from deephedge.policies.overlays.rebalance_on_drift import RebalanceOnGamma as RebalanceOnGamma
from deephedge.policies.overlays.rebalance_on_move import RebalanceOnMove as RebalanceOnMove
from deephedge.policies.overlays.rebalance_on_move import RebalanceOnVolMove as RebalanceOnVolMove
from deephedge.policies.overlays.recalibrated import Recalibrated as Recalibrated
from deephedge.policies.overlays.renewed import Renewed as Renewed
from deephedge.policies.overlays.scheduled_events import ScheduledEvents as ScheduledEvents
from deephedge.policies.overlays.triggered import AbstractTriggered as AbstractTriggered
from deephedge.policies.overlays.triggers import AbstractTrigger as AbstractTrigger
from deephedge.policies.overlays.triggers import BookGreek as BookGreek
from deephedge.policies.overlays.triggers import Drawdown as Drawdown
from deephedge.policies.overlays.triggers import ForecastVol as ForecastVol
from deephedge.policies.overlays.triggers import Jump as Jump
from deephedge.policies.overlays.with_forecast import WithForecast as WithForecast
from deephedge.policies.tabulated.band import TabulatedBand as TabulatedBand
from deephedge.policies.tabulated.holdings import TabulatedHoldings as TabulatedHoldings
from deephedge.policies.tabulated.state_grid import StateGrid as StateGrid
from deephedge.policies.tabulated.target import TabulatedTarget as TabulatedTarget
from deephedge.policies.tabulated.trigger import TabulatedTrigger as TabulatedTrigger
from deephedge.policies.trading.convertible_arbitrage import (
    ConvertibleArbitrage as ConvertibleArbitrage,
)
from deephedge.policies.trading.gamma_scalping import GammaScalping as GammaScalping
from deephedge.policies.trading.merger_arbitrage import MergerArbitrage as MergerArbitrage
