"""The best that any hedge can do: computed exactly, or bounded."""

from deephedge.optimum.certificate import Certificate as Certificate
from deephedge.optimum.certificate import certificate as certificate
from deephedge.optimum.entropic import solve_entropic as solve_entropic
from deephedge.optimum.extended_lattice import Lattice as Lattice
from deephedge.optimum.extended_mean_variance import MeanVarianceHedge as MeanVarianceHedge
from deephedge.optimum.extended_mean_variance import mean_variance as mean_variance
from deephedge.optimum.extended_policy import ShortfallHedge as ShortfallHedge
from deephedge.optimum.extended_policy import ShortfallOptimal as ShortfallOptimal
from deephedge.optimum.extended_policy import shortfall_hedge as shortfall_hedge
from deephedge.optimum.grids import Resolution as Resolution
from deephedge.optimum.judged import Judged as Judged
from deephedge.optimum.judged import judge_entropic as judge_entropic
from deephedge.optimum.mean_deviation import MeanDeviation as MeanDeviation
from deephedge.optimum.mean_deviation import mean_deviation as mean_deviation
from deephedge.optimum.quadratic_hedge import QuadraticHedge as QuadraticHedge
from deephedge.optimum.quadratic_hedge import quadratic_hedge as quadratic_hedge
from deephedge.optimum.quadratic_policy import VarianceOptimal as VarianceOptimal
from deephedge.optimum.quadratic_tree import ScenarioTree as ScenarioTree
from deephedge.optimum.quadratic_tree import TreeHedge as TreeHedge
from deephedge.optimum.quadratic_tree import quadratic_tree as quadratic_tree
from deephedge.optimum.solved import Solved as Solved
from deephedge.optimum.tree import Tree as Tree
from deephedge.optimum.tree import TreeSolved as TreeSolved
from deephedge.optimum.tree import solve_tree as solve_tree
from deephedge.optimum.tree import solve_tree_among as solve_tree_among
