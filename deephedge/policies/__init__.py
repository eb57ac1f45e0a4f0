"""What to hold."""

from deephedge.policies.base import AbstractBandPolicy as AbstractBandPolicy
from deephedge.policies.base import AbstractPolicy as AbstractPolicy
from deephedge.policies.base import AbstractTrainablePolicy as AbstractTrainablePolicy
from deephedge.policies.base import Account as Account
from deephedge.policies.classical.delta import DeltaHedge as DeltaHedge
from deephedge.policies.classical.delta import model_delta as model_delta
