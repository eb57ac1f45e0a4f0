"""What to hold."""

from deephedge.policies.base import AbstractBandPolicy as AbstractBandPolicy
from deephedge.policies.base import AbstractClassicalBand as AbstractClassicalBand
from deephedge.policies.base import AbstractPolicy as AbstractPolicy
from deephedge.policies.base import AbstractTargetPolicy as AbstractTargetPolicy
from deephedge.policies.base import AbstractTrainablePolicy as AbstractTrainablePolicy
from deephedge.policies.base import Account as Account
from deephedge.policies.classical.delta import DeltaHedge as DeltaHedge
from deephedge.policies.classical.delta_band import DeltaBand as DeltaBand
from deephedge.policies.classical.greek_neutral import GreekNeutralHedge as GreekNeutralHedge
from deephedge.policies.classical.leland import Leland as Leland
from deephedge.policies.classical.no_hedge import NoHedge as NoHedge
from deephedge.policies.classical.static import StaticHedge as StaticHedge
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott as WhalleyWilmott
from deephedge.policies.classical.zakamouline import Zakamouline as Zakamouline
from deephedge.policies.greeks import model_delta as model_delta
from deephedge.policies.greeks import model_delta_gamma as model_delta_gamma
from deephedge.policies.learned.feedforward import Feedforward as Feedforward
from deephedge.policies.learned.no_transaction_band import (
    NoTransactionBand as NoTransactionBand,
)
from deephedge.policies.least_cost import least_cost as least_cost
from deephedge.policies.overlays.rebalance_every import RebalanceEvery as RebalanceEvery
