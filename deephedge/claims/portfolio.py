"""Weighted sums of claims."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from deephedge.claims.barrier import UpAndOutCall
from deephedge.claims.base import AbstractClaim, AbstractEuropean, Pieces
from deephedge.claims.lookback import LookbackCall
from deephedge.claims.vanilla import Call, Put
from deephedge.markets.base import Path
from deephedge.numerics.checks import per_asset, real
from deephedge.typing import Array, Float, Scalar


class Portfolio(AbstractClaim):
    r"""Pays $\sum_i w_i$ times the payoff of claim $i$; all mature at the same date.

    `progress` holds that of every claim, side by side. A sum of European claims on one asset is
    better stated as a `EuropeanPortfolio`, which closed forms can price.
    """

    claims: tuple[AbstractClaim, ...] = eqx.field(converter=tuple)
    weights: Float[Array, " claim"] = eqx.field(converter=per_asset(real("weights")))

    def __check_init__(self):
        _check(self.claims, self.weights)

    @property
    def maturity(self) -> Scalar:
        """The date, in years, at which all of the claims pay."""
        return self.claims[0].maturity

    def payoff(self, path: Path) -> Scalar:
        payoffs = [claim.payoff(own) for claim, own in self._parts(path)]
        return jnp.sum(self.weights * jnp.stack(payoffs))

    def progress(self, path: Path) -> Float[Array, "time progress"]:
        return jnp.concatenate([claim.progress(own) for claim, own in self._parts(path)], axis=1)

    def _parts(self, path: Path) -> list[tuple[AbstractClaim, Path]]:
        """Each claim with the path as it must see it: with its own columns of `progress`."""
        fresh = dataclasses.replace(path, progress=path.progress[:, :0])
        widths = [jax.eval_shape(claim.progress, fresh).shape[1] for claim in self.claims]
        ends = np.cumsum(widths)
        return [
            (claim, dataclasses.replace(path, progress=path.progress[:, end - width : end]))
            for claim, width, end in zip(self.claims, widths, ends, strict=True)
        ]

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [level for claim, own in self._parts(path) for level in claim.jumps(own)]

    @classmethod
    def example(cls) -> "Portfolio":
        """A typical member, for tests and documentation."""
        claims = (LookbackCall.example(), Put.example(), UpAndOutCall.example())
        # pyright takes the abstract `maturity`, here a property, for an argument; so below.
        return cls(claims=claims, weights=[1.0, -0.5, 2.0])  # pyright: ignore[reportCallIssue]


class EuropeanPortfolio(AbstractEuropean):
    r"""Pays $\sum_i w_i$ times the payoff of European claim $i$ on one asset at one maturity.

    Its pieces are the weighted pieces of its claims, so whatever prices a call prices it.
    """

    claims: tuple[AbstractEuropean, ...] = eqx.field(converter=tuple)
    weights: Float[Array, " claim"] = eqx.field(converter=per_asset(real("weights")))

    def __check_init__(self):
        _check(self.claims, self.weights)
        assets = sorted({claim.asset for claim in self.claims})
        if len(assets) > 1:
            raise ValueError(
                f"`claims` must be on one asset, got assets {assets}; use `Portfolio(...)`."
            )

    @property
    def maturity(self) -> Scalar:
        """The date, in years, at which all of the claims pay."""
        return self.claims[0].maturity

    @property
    def asset(self) -> int:
        """Index of the asset."""
        return self.claims[0].asset

    def payoff(self, path: Path) -> Scalar:
        return jnp.sum(self.weights * jnp.stack([claim.payoff(path) for claim in self.claims]))

    def pieces(self) -> Pieces:
        parts = [claim.pieces() for claim in self.claims]
        return Pieces(
            cash=jnp.concatenate([w * x.cash for w, x in zip(self.weights, parts, strict=True)]),
            shares=jnp.concatenate(
                [w * x.shares for w, x in zip(self.weights, parts, strict=True)]
            ),
            strike=jnp.concatenate([x.strike for x in parts]),
            sign=jnp.concatenate([x.sign for x in parts]),
        )

    def jumps(self, path: Path) -> list[tuple[int, Float[Array, " time"]]]:
        return [level for claim in self.claims for level in claim.jumps(path)]

    @classmethod
    def example(cls) -> "EuropeanPortfolio":
        """A typical member, for tests and documentation."""
        return call_spread(lower=98.0, upper=106.0, maturity=0.25)


def call_spread(
    *, lower: float, upper: float, maturity: float, asset: int = 0
) -> EuropeanPortfolio:
    """Long a call struck at `lower`, short one struck at `upper`."""
    if not lower < upper:
        raise ValueError(f"`lower` must be below `upper`, {upper:g}, got {lower:g}.")
    calls = [Call(strike=x, maturity=maturity, asset=asset) for x in (lower, upper)]
    return _european(calls, [1.0, -1.0])


def straddle(*, strike: float, maturity: float, asset: int = 0) -> EuropeanPortfolio:
    """Long a call and a put at the same strike."""
    both = [claim(strike=strike, maturity=maturity, asset=asset) for claim in (Call, Put)]
    return _european(both, [1.0, 1.0])


def _european(claims: list, weights: list[float]) -> EuropeanPortfolio:
    return EuropeanPortfolio(claims=claims, weights=weights)  # pyright: ignore[reportCallIssue]


def _check(claims: tuple[AbstractClaim, ...], weights: Float[Array, " claim"]) -> None:
    if len(claims) == 0 or weights.shape != (len(claims),):
        raise ValueError(
            f"`weights` must have one number for each of `claims` and these must not be empty, "
            f"got {weights.shape[0]} weights for {len(claims)} claims."
        )
    maturities = [claim.maturity for claim in claims]
    if any(isinstance(maturity, Tracer) for maturity in maturities):
        return
    got = [float(maturity) for maturity in maturities]
    if max(got) - min(got) > 1e-6 * max(got):
        raise ValueError(f"`claims` must mature at the same date, got maturities {got}.")
