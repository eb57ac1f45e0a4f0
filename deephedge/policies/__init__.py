"""What to hold."""

from deephedge.policies.base import AbstractBandPolicy as AbstractBandPolicy
from deephedge.policies.base import AbstractClassicalBand as AbstractClassicalBand
from deephedge.policies.base import AbstractPolicy as AbstractPolicy
from deephedge.policies.base import AbstractTargetPolicy as AbstractTargetPolicy
from deephedge.policies.base import AbstractTrainablePolicy as AbstractTrainablePolicy
from deephedge.policies.base import Account as Account
from deephedge.policies.classical.delta import DeltaHedge as DeltaHedge
from deephedge.policies.classical.delta_band import DeltaBand as DeltaBand
from deephedge.policies.classical.leland import Leland as Leland
from deephedge.policies.classical.no_hedge import NoHedge as NoHedge
from deephedge.policies.classical.static import StaticHedge as StaticHedge
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott as WhalleyWilmott
from deephedge.policies.classical.zakamouline import Zakamouline as Zakamouline
from deephedge.policies.forecasts.base import AbstractForecast as AbstractForecast
from deephedge.policies.forecasts.ewma import EWMA as EWMA
from deephedge.policies.forecasts.garch_filter import GarchFilter as GarchFilter
from deephedge.policies.forecasts.har import HAR as HAR
from deephedge.policies.forecasts.known_vol import KnownVol as KnownVol
from deephedge.policies.forecasts.realised import RealisedVol as RealisedVol
from deephedge.policies.greeks import model_delta as model_delta
from deephedge.policies.greeks import model_delta_gamma as model_delta_gamma
from deephedge.policies.insurance.base import AbstractPortfolioPolicy as AbstractPortfolioPolicy
from deephedge.policies.insurance.cppi import CPPI as CPPI
from deephedge.policies.insurance.cppi import TIPP as TIPP
from deephedge.policies.insurance.stop_loss import StopLoss as StopLoss
from deephedge.policies.insurance.synthetic_put import SyntheticPut as SyntheticPut
from deephedge.policies.insurance.vol_target import VolatilityTarget as VolatilityTarget
from deephedge.policies.learned.feedforward import Feedforward as Feedforward
from deephedge.policies.learned.no_transaction_band import (
    NoTransactionBand as NoTransactionBand,
)
from deephedge.policies.overlays.rebalance_every import RebalanceEvery as RebalanceEvery
