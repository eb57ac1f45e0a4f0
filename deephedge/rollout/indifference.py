"""The price at which a seller is indifferent between selling a claim and not."""

import jax.numpy as jnp

from deephedge.risk.base import AbstractCashInvariantMeasure, AbstractRiskMeasure
from deephedge.typing import Array, Float, Scalar


def indifference_price(
    measure: AbstractRiskMeasure,
    pnl_with_claim: Float[Array, " path"],
    pnl_without: Float[Array, " path"] | None = None,
) -> Scalar:
    r"""The cash $p$, in today's money, with $\rho(X_{sold} + p) = \rho(X_{not\ sold})$.

    For a cash-invariant measure $p = \rho(X_{sold}) - \rho(X_{not\ sold})$. If the P&L already
    contains a premium, the price is what must be added to it.

    Args:
        measure: a cash-invariant one; under others (`Quadratic`) more cash may be worse, and the
            equation may have no solution or two.
        pnl_with_claim: of the hedged sale.
        pnl_without: of the best trading without the claim; left out, of not trading: 0.

    Reference: Buehler, Gonon, Teichmann and Wood (2019), Deep hedging, lemma 3.3.
    """
    if not isinstance(measure, AbstractCashInvariantMeasure):
        raise TypeError(
            f"an indifference price needs a cash-invariant measure, got {type(measure).__name__}; "
            "use one such as `Entropic(aversion=...)` or `ExpectedShortfall(tail=...)`."
        )
    nothing = jnp.zeros_like(pnl_with_claim)
    return measure(pnl_with_claim) - measure(nothing if pnl_without is None else pnl_without)
