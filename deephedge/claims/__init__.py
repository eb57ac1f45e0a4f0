"""What was sold."""

from deephedge.claims.base import AbstractClaim as AbstractClaim
from deephedge.claims.base import AbstractEuropean as AbstractEuropean
from deephedge.claims.base import Pieces as Pieces
from deephedge.claims.vanilla import Call as Call
from deephedge.claims.vanilla import Forward as Forward
from deephedge.claims.vanilla import Put as Put
