"""One self-contained page with what was hedged, the tables, the figures, the environment."""

import base64
import io
import json
import pathlib
from collections.abc import Mapping
from importlib import resources
from typing import TYPE_CHECKING, Any

from deephedge.policies import AbstractPolicy
from deephedge.reports.comparison import Comparison
from deephedge.reports.describe import describe
from deephedge.reports.figures import (
    MANY,
    RANGES,
    hedge_against_spot,
    one_path,
    pnl_histograms,
    pnl_parts_bars,
    pnl_ranges,
    training_curve,
)
from deephedge.reports.partial_dependence import partial_dependence, partial_dependence_curves
from deephedge.reports.pnl_parts import PnlParts
from deephedge.reports.risk_saved import RiskSaved
from deephedge.rollout import HedgingProblem
from deephedge.training import Trained
from deephedge.typing import PRNGKeyArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_report(
    path: pathlib.Path,
    *,
    title: str,
    problem: HedgingProblem,
    comparison: Comparison,
    policies: Mapping[str, AbstractPolicy],
    key: PRNGKeyArray,
    environment: Mapping[str, Any],
    recorded: Comparison | None = None,
    trained: Mapping[str, Trained] | None = None,
    parts: PnlParts | None = None,
    saved: RiskSaved | None = None,
    study_text: str = "",
) -> pathlib.Path:
    """Write the page to `path`, with nothing to fetch from elsewhere, and return `path`.

    Args:
        policies: shown in the figures of holdings.
        key: draws the paths that the figures of holdings show.
        environment: versions, device, precision, seed, as they should be recorded.
        parts: where the P&L came from, if it was split.
        saved: where the risk that the policies save comes from, if that was split.
        study_text: the study as resolved.
    """
    tables = [("On simulated paths", comparison)]
    if recorded is not None:
        tables.append(("On recorded paths", recorded))
    page = rendered(
        "report.html.jinja",
        title=title,
        problem=describe(problem),
        tables=tables,
        parts=parts,
        saved=saved,
        figures=[
            (png(figure), caption)
            for figure, caption in _figures(
                problem, comparison, policies, key, recorded, trained or {}, parts
            )
        ],
        environment=plain_values(environment),
        study_text=study_text,
    )
    path.write_text(page, encoding="utf-8")
    return path


def rendered(template: str, **values: Any) -> str:
    """A page from one of the templates beside this file."""
    import jinja2

    folder = resources.files("deephedge.reports")
    loader = jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8"))
    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, loader=loader)
    return made.get_template(template).render(**values)


def plain_values(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values, as a page shows them."""
    return [
        (name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for name, value in values.items()
    ]


def _figures(
    problem: HedgingProblem,
    comparison: Comparison,
    policies: Mapping[str, AbstractPolicy],
    key: PRNGKeyArray,
    recorded: Comparison | None,
    trained: Mapping[str, Trained],
    parts: PnlParts | None,
) -> list[tuple["Figure", str]]:
    drawn, tails = pnl_histograms, "A narrow shape is a good hedge; the left tail is what matters."
    which = ""
    if len(policies) > MANY:
        drawn, tails = pnl_ranges, RANGES
        policies = _some(policies, comparison.baseline)
        which = f" Of {MANY} of the {len(comparison.policies)} policies."
    figures = [
        (drawn(comparison), f"P&L on simulated paths. {tails}"),
        (
            hedge_against_spot(problem, policies, key=key),
            "Units held against the price of the first asset at three dates. A shaded band is "
            "where a policy does not trade; it then trades only to the nearer edge. Policies "
            f"without a band are shown as they would trade from holding nothing.{which}",
        ),
        (
            one_path(problem, policies, key=key),
            "One simulated path: the price, what each policy holds, and its premium plus gains "
            "less costs and carry so far, before the claim is paid. Flat stretches of holdings are "
            f"dates without a trade.{which}",
        ),
    ]
    if recorded is not None:
        figures.insert(1, (drawn(recorded), f"P&L on recorded paths. {tails}"))
    if parts is not None:
        caption = "Where the mean P&L came from; the lines are two standard errors each way."
        figures.append((pnl_parts_bars(parts), caption))
    shown = {name: policy for name, policy in policies.items() if name in trained}
    if shown:
        found = partial_dependence(problem, shown, key=key)
        caption = (
            "What trained policies hold against each thing that they see, on average over the "
            "other things as simulated paths bring them; holdings before are drawn from 0 to 1."
        )
        figures.append((partial_dependence_curves(found), caption))
    if any(record.history for record in trained.values()):
        best = next(iter(comparison.optimum.values())) if len(comparison.optimum) == 1 else None
        caption = "Risk on held-out paths while training: less is better."
        figures.append(
            (training_curve({n: record.history for n, record in trained.items()}, best), caption)
        )
    return figures


def _some(policies: Mapping[str, AbstractPolicy], baseline: str) -> dict[str, AbstractPolicy]:
    """As many as a panel can show, the baseline among them."""
    others = [name for name in policies if name != baseline][: MANY - 1]
    return {name: policies[name] for name in policies if name in (baseline, *others)}


def png(figure: "Figure") -> str:
    """The picture as the source of an image."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
