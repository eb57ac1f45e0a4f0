"""Recorded prices and volatilities, each with its source and range."""

from deephedge.data.csv import read_csv as read_csv
from deephedge.data.history import History as History
from deephedge.data.history import open_history as open_history
from deephedge.data.indices import nasdaq as nasdaq
from deephedge.data.indices import sp500 as sp500
from deephedge.data.indices import vix as vix
from deephedge.data.joint import joint_closes as joint_closes
from deephedge.data.records import Dropped as Dropped
from deephedge.data.records import Gap as Gap
from deephedge.data.records import Records as Records
from deephedge.data.records import Report as Report
from deephedge.data.spy_chain import OptionChain as OptionChain
from deephedge.data.spy_chain import spy_chain as spy_chain
from deephedge.data.volatility import garman_klass_vol as garman_klass_vol
from deephedge.data.volatility import parkinson_vol as parkinson_vol
from deephedge.data.volatility import quoted_vol as quoted_vol
from deephedge.data.volatility import realised_vol as realised_vol
