"""Policies on recorded history, with honest confidence."""

from deephedge.backtest.bootstrap import Interval as Interval
from deephedge.backtest.bootstrap import block_weights as block_weights
from deephedge.backtest.bootstrap import bootstrap_interval as bootstrap_interval
from deephedge.backtest.bootstrap import paired_interval as paired_interval
from deephedge.backtest.bootstrap import resampled as resampled
from deephedge.backtest.market import bootstrap_market as bootstrap_market
from deephedge.backtest.market import joint_market as joint_market
from deephedge.backtest.market import recorded_market as recorded_market
from deephedge.backtest.regimes import by_quoted_vol as by_quoted_vol
from deephedge.backtest.regimes import by_year as by_year
from deephedge.backtest.windows import recorded_paths as recorded_paths
