"""The commands that value a claim, or fit a model to quotes.

Nothing heavy is imported before a command needs it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from deephedge.cli.options import Json

Claim = Annotated[str | None, Parameter(help="Call, BarrierOption, american-put ...")]
Model = Annotated[str | None, Parameter(help="BlackScholes (if left out), Heston, kou ...")]
Method = Annotated[str | None, Parameter(help="Fourier, FiniteDifference, monte-carlo ...")]
StudyFile = Annotated[
    Path | None, Parameter(help="A TOML file with [market], [claim] and perhaps [pricer].")
]
Terms = Annotated[
    str, Parameter(help="A field of claim, model or method.", allow_leading_hyphen=True)
]


def price(
    claim: Claim = None,
    /,
    *,
    model: Model = None,
    method: Method = None,
    study: StudyFile = None,
    json: Json = False,
    **terms: Terms,
) -> int:
    """The value of a claim.

    Every field of the claim, of the model and of the method is an option: `deephedge price
    BarrierOption --strike=100 --barrier=120 --call=true --up=true --knock-in=false --maturity=1
    --model=Kou --vol=0.2 ...`. Lists are written as in TOML: `--spot=[100, 90]`. Without a method,
    the most accurate one is taken: a formula, a Fourier series, a grid, or else simulation with
    `--n-paths`, `--n-steps` and `--seed`.
    """
    return _value(claim, model, method, study, terms, with_greeks=False, json=json)


def greeks(
    claim: Claim = None,
    /,
    *,
    model: Model = None,
    method: Method = None,
    study: StudyFile = None,
    json: Json = False,
    **terms: Terms,
) -> int:
    """The value of a claim and its sensitivities; options as for `price`."""
    return _value(claim, model, method, study, terms, with_greeks=True, json=json)


def _value(
    claim: str | None,
    model: str | None,
    method: str | None,
    study: Path | None,
    terms: Mapping[str, str],
    *,
    with_greeks: bool,
    json: bool,
) -> int:
    from deephedge.cli.value import print_value

    return print_value(
        claim,
        model=model,
        method=method,
        study=study,
        terms=terms,
        with_greeks=with_greeks,
        json=json,
    )


def calibrate(
    quotes: Path,
    /,
    *,
    model: Annotated[str, Parameter(help="heston, bates, sabr, rough-bergomi ...")] = "heston",
    free: Annotated[
        list[str] | None, Parameter(help="A parameter to fit; all if left out.")
    ] = None,
    start: Annotated[list[str] | None, Parameter(help="NAME=VALUE to start from.")] = None,
    weight: Literal["spread", "vega", "price"] | None = None,
    seed: int = 0,
    allow_arbitrage: Annotated[bool, Parameter(negative=())] = False,
    max_steps: int = 256,
    plot: Annotated[
        Path | None, Parameter(help="A file for the errors beside the spread: .png, .pdf, .svg.")
    ] = None,
    quiet: Annotated[bool, Parameter(help="Nothing on standard error.", negative=())] = False,
    json: Json = False,
) -> int:
    """Fit a model to option quotes.

    Any model with a characteristic function (lifted-heston with its weights and speeds held), cev
    (with its exponent held), sabr (a smile for each maturity, with the exponent of `--start
    exponent=1`), rough-bergomi (a forward variance with three knots), or local-volatility
    (Dupire's, through an SSVI surface, its nodes then moved to the quotes and kept smooth).

    Args:
        quotes: a CSV file with the columns strike, maturity (years), forward; bid and ask, or mid,
            or bid_vol and ask_vol, or mid_vol; and, if need be, discount and type (call or put).
        weight: count errors in half-spreads, in volatility or in cash.
        seed: of the draws, for rough-bergomi.
        max_steps: of the search for the least squares, of each smile for sabr.
        allow_arbitrage: fit quotes that contradict each other all the same.
    """
    from deephedge.cli.calibrate import calibrate_quotes

    return calibrate_quotes(
        quotes,
        model,
        free=free or (),
        start=start or (),
        weight=weight,
        seed=seed,
        allow_arbitrage=allow_arbitrage,
        max_steps=max_steps,
        plot=plot,
        quiet=quiet or json,
        json=json,
    )
