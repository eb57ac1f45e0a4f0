"""Policies on recorded history, with honest confidence."""

from deephedge.backtest.bootstrap import Interval as Interval
from deephedge.backtest.bootstrap import block_draws as block_draws
from deephedge.backtest.bootstrap import block_weights as block_weights
from deephedge.backtest.bootstrap import bootstrap_interval as bootstrap_interval
from deephedge.backtest.bootstrap import paired_interval as paired_interval
from deephedge.backtest.bootstrap import resampled as resampled
from deephedge.backtest.market import bootstrap_market as bootstrap_market
from deephedge.backtest.market import joint_market as joint_market
from deephedge.backtest.market import recorded_market as recorded_market
from deephedge.backtest.performance import Performance as Performance
from deephedge.backtest.performance import Periods as Periods
from deephedge.backtest.performance import hedge_effectiveness as hedge_effectiveness
from deephedge.backtest.performance import implementation_shortfall as implementation_shortfall
from deephedge.backtest.performance import max_drawdown as max_drawdown
from deephedge.backtest.performance import performance as performance
from deephedge.backtest.performance import performance_intervals as performance_intervals
from deephedge.backtest.performance import periods as periods
from deephedge.backtest.regimes import by_quoted_vol as by_quoted_vol
from deephedge.backtest.regimes import by_year as by_year
from deephedge.backtest.sharpe import best_of_many as best_of_many
from deephedge.backtest.sharpe import deflated_sharpe as deflated_sharpe
from deephedge.backtest.sharpe import expected_best_sharpe as expected_best_sharpe
from deephedge.backtest.sharpe import probabilistic_sharpe as probabilistic_sharpe
from deephedge.backtest.sharpe import sharpe_moments as sharpe_moments
from deephedge.backtest.windows import recorded_paths as recorded_paths
