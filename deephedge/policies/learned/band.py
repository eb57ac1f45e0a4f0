"""What learned bands have in common: they widen a classical one."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.claims.vanilla import Call
from deephedge.markets.base import AbstractMarket
from deephedge.markets.black_scholes import BlackScholes
from deephedge.policies.base import AbstractBandPolicy
from deephedge.policies.classical.whalley_wilmott import WhalleyWilmott
from deephedge.policies.learned.features import Features
from deephedge.typing import Array, Float, PRNGKeyArray

_LIMIT = 4.0


def seen_of_date(
    market: AbstractMarket,
    claim: AbstractClaim,
    times: Float[Array, " time"],
    names: Sequence[str],
    n_parameters: int,
    key: PRNGKeyArray,
) -> tuple[Features, PRNGKeyArray]:
    """What a band's network sees, and the key of its weights; a band is that of a date."""
    if "wealth" in names:
        raise ValueError(
            "`features` must not hold 'wealth': the edges of a band are those of the date; use "
            '`Feedforward.create(..., corrects="band")`.'
        )
    pilot_key, network_key = jax.random.split(key)
    seen = Features.fit(market, claim, times, names=names, n_parameters=n_parameters, key=pilot_key)
    return seen, network_key


def centred(
    edges: tuple[Float[Array, " asset"], Float[Array, " asset"]],
) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
    """The middle of a band, and its half-width."""
    lower, upper = edges
    return 0.5 * (lower + upper), 0.5 * (upper - lower)


def widened(
    middle: Float[Array, " asset"], half_width: Float[Array, " asset"], out: Float[Array, " output"]
) -> tuple[Float[Array, " asset"], Float[Array, " asset"]]:
    r"""The edges $m - w e^a$ and $m + w e^b$; $|a|, |b| < 4$."""
    # A soft limit: no step of the optimiser can push a width to infinity.
    below, above = jnp.split(jnp.exp(_LIMIT * jnp.tanh(out / _LIMIT)), 2)
    return middle - half_width * below, middle + half_width * above


def typical_band() -> tuple[
    AbstractMarket, AbstractClaim, Float[Array, " time"], AbstractBandPolicy
]:
    """Market, claim, dates and base of the members' examples."""
    claim = Call.example()
    times = jnp.linspace(0.0, claim.maturity, 6)
    return BlackScholes.example(), claim, times, WhalleyWilmott.example()
