"""What was sold."""

from deephedge.claims.asian import AsianCall as AsianCall
from deephedge.claims.barrier import UpAndOutCall as UpAndOutCall
from deephedge.claims.base import AbstractClaim as AbstractClaim
from deephedge.claims.base import AbstractEuropean as AbstractEuropean
from deephedge.claims.base import Pieces as Pieces
from deephedge.claims.digital import DigitalCall as DigitalCall
from deephedge.claims.digital import DigitalPut as DigitalPut
from deephedge.claims.exchange import ExchangeOption as ExchangeOption
from deephedge.claims.lookback import LookbackCall as LookbackCall
from deephedge.claims.portfolio import EuropeanPortfolio as EuropeanPortfolio
from deephedge.claims.portfolio import Portfolio as Portfolio
from deephedge.claims.portfolio import call_spread as call_spread
from deephedge.claims.portfolio import straddle as straddle
from deephedge.claims.rainbow import BestOfCall as BestOfCall
from deephedge.claims.rainbow import WorstOfCall as WorstOfCall
from deephedge.claims.spread import SpreadOption as SpreadOption
from deephedge.claims.vanilla import Call as Call
from deephedge.claims.vanilla import Forward as Forward
from deephedge.claims.vanilla import Put as Put
