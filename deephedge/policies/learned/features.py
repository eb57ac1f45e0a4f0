"""What a learned policy sees: the snapshot, made dimensionless."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp

from deephedge.claims.base import AbstractClaim
from deephedge.markets.base import AbstractMarket, Snapshot
from deephedge.markets.simulate import simulate
from deephedge.numerics import safe
from deephedge.policies.base import Account
from deephedge.typing import Array, Float, PRNGKeyArray, Scalar

STANDARD = ("moneyness", "time", "factors", "progress")
"""What a policy sees unless it is told otherwise."""
KNOWN = (*STANDARD, "deviations", "wealth")

_PILOT_PATHS = 512


class Features(eqx.Module):
    r"""Numbers of order one, by name.

    * "moneyness": $\log(S/\bar S)$ over its standard deviation at maturity, with $\bar S$ the
      starting price, one for each asset;
    * "time": $\tau/T$ and $\sqrt{\tau/T}$;
    * "factors" and "progress": what the market and the claim know besides, standardised;
    * "deviations": moneyness over $\sqrt{\tau/T + 0.01}$, which stays sharp near maturity;
    * "wealth": the account's wealth over the standard deviation of the payoff.

    Last come `parameters`, if any are shown: those of the problem, from a family of problems,
    each from -1 to 1 over its range. They are known, not observed: the family sets them.

    Means and deviations come from a pilot sample of the market, so that any market and any claim
    can be learned from without tuning. None of it is trained.
    """

    reference: Float[Array, " asset"]
    price_scale: Float[Array, " asset"]
    factor_mean: Float[Array, " factor"]
    factor_scale: Float[Array, " factor"]
    progress_mean: Float[Array, " progress"]
    progress_scale: Float[Array, " progress"]
    payoff_scale: Scalar
    maturity: Scalar
    parameters: Float[Array, " parameter"]
    names: tuple[str, ...] = eqx.field(static=True)

    @classmethod
    def fit(
        cls,
        market: AbstractMarket,
        claim: AbstractClaim,
        times: Float[Array, " time"],
        *,
        names: Sequence[str] = STANDARD,
        n_parameters: int = 0,
        key: PRNGKeyArray,
    ) -> "Features":
        """Scales from a pilot sample of paths."""
        if isinstance(names, str) or not names or any(name not in KNOWN for name in names):
            raise ValueError(
                f"`features` must be a list of some of {', '.join(KNOWN)}, got {names!r}."
            )
        paths = simulate(market, times, _PILOT_PATHS, key=key)
        progress = jax.lax.map(claim.progress, paths)
        settled = eqx.tree_at(lambda path: path.progress, paths, progress)
        factor_mean, factor_scale = _moments(paths.factors)
        progress_mean, progress_scale = _moments(progress)
        returns = jnp.log(paths.prices[:, -1] / paths.prices[:, 0])
        return cls(
            reference=paths.prices[0, 0],
            price_scale=_not_zero(jnp.std(returns, axis=0)),
            factor_mean=factor_mean,
            factor_scale=factor_scale,
            progress_mean=progress_mean,
            progress_scale=progress_scale,
            payoff_scale=_not_zero(jnp.std(jax.lax.map(claim.payoff, settled))),
            maturity=claim.maturity,
            parameters=jnp.zeros(n_parameters, times.dtype),
            names=tuple(names),
        )

    @property
    def n_assets(self) -> int:
        """How many assets are traded."""
        return self.reference.shape[0]

    @property
    def size(self) -> int:
        """How many numbers there are, those of the account included."""
        sizes = {
            "moneyness": self.n_assets,
            "time": 2,
            "factors": self.factor_mean.shape[0],
            "progress": self.progress_mean.shape[0],
            "deviations": self.n_assets,
            "wealth": 1,
        }
        return sum(sizes[name] for name in self.names) + self.parameters.shape[0]

    def __call__(self, now: Snapshot) -> Float[Array, " feature"]:
        self._refuse_other_market(now)
        left = jnp.maximum(1.0 - now.time / self.maturity, 0.0)
        moneyness = safe.log(now.prices / self.reference) / self.price_scale
        numbers = {
            "moneyness": moneyness,
            "time": jnp.stack([left, safe.sqrt(left)]),
            "factors": (now.factors - self.factor_mean) / self.factor_scale,
            "progress": (now.progress - self.progress_mean) / self.progress_scale,
            "deviations": moneyness / jnp.sqrt(left + 0.01),
            "wealth": jnp.zeros_like(left[None])[:0],
        }
        return jnp.concatenate([*(numbers[name] for name in self.names), self.parameters])

    def _refuse_other_market(self, now: Snapshot) -> None:
        """What is seen must have the sizes that it had where the policy was created."""
        for what, names, seen, known in (
            ("assets", ("moneyness", "deviations"), now.prices, self.reference),
            ("factors", ("factors",), now.factors, self.factor_mean),
            ("numbers of the claim", ("progress",), now.progress, self.progress_mean),
        ):
            if seen.shape != known.shape and any(name in self.names for name in names):
                raise ValueError(
                    f"`policy` was created for {known.shape[0]} {what}, got {seen.shape[0]}; "
                    "create it for this market and claim."
                )

    def of_account(self, account: Account) -> Float[Array, " number"]:
        """What is seen of the account beside its holdings."""
        if "wealth" not in self.names:
            return account.holdings[:0]
        return account.wealth[None] / self.payoff_scale


def _moments(values: Float[Array, "path time column"]) -> tuple[Array, Array]:
    return jnp.mean(values, axis=(0, 1)), _not_zero(jnp.std(values, axis=(0, 1)))


def _not_zero(scale: Array) -> Array:
    return jnp.where(scale > 0, scale, 1.0)
