"""How a policy is found."""

from deephedge.training.actor_critic import ActorCriticTrained as ActorCriticTrained
from deephedge.training.actor_critic import train_actor_critic as train_actor_critic
from deephedge.training.bellman import BellmanTrained as BellmanTrained
from deephedge.training.bellman import Critic as Critic
from deephedge.training.bellman import train_bellman as train_bellman
from deephedge.training.curriculum import rising_cost as rising_cost
from deephedge.training.distil import Distilled as Distilled
from deephedge.training.distil import Lesson as Lesson
from deephedge.training.distil import distil as distil
from deephedge.training.ensemble import TrainedEnsemble as TrainedEnsemble
from deephedge.training.ensemble import train_ensemble as train_ensemble
from deephedge.training.family import Parameter as Parameter
from deephedge.training.family import ProblemFamily as ProblemFamily
from deephedge.training.optimizers import default_optimizer as default_optimizer
from deephedge.training.quantile_critic import QuantileCritic as QuantileCritic
from deephedge.training.run import Trained as Trained
from deephedge.training.store import load_configuration as load_configuration
from deephedge.training.store import load_policy as load_policy
from deephedge.training.store import save_policy as save_policy
from deephedge.training.train import train as train
from deephedge.training.trainable import split_trainable as split_trainable
