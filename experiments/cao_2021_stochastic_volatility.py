"""Cao, Chen, Hull and Poulos (2021): hedging a call under stochastic volatility, exhibit 6.

As `cao_2021_reinforcement_learning.py`, whose functions are used, in SABR with beta = 1,
correlation -0.4, volatility of volatility 0.6 and volatility 0.2 at first. The option is sold at
Hagan's volatility; its Bartlett delta and its practitioner's (of Black and Scholes, at the same
volatility) stand beside the paper's, and a band trained on Y, which sees the volatility, beside
the paper's agent, which does not. Tolerances are those of exhibit 3. The least Y of any hedge is
not known here: the library computes it for independent returns only. The small size has the weekly
row without Bartlett's delta, and the best of bands of one width around delta at today's
volatility in place of a trained one.

    deephedge reproduce cao_2021_stochastic_volatility --full
"""

import pathlib

import cao_2021_reinforcement_learning as exhibit_3

from deephedge.markets import SABR
from deephedge.policies import BartlettDelta, PractitionerDelta
from deephedge.pricing import HaganFormula, QuotedBlackScholes
from deephedge.reports import Finding, Paper

PAPER = Paper(
    reference="Cao, Chen, Hull and Poulos (2021), Deep hedging of derivatives using reinforcement "
    "learning, exhibit 6",
    claim="Under stochastic volatility, too, the learner's hedge has less mean plus 1.5 deviations "
    "than the practitioner's delta and Bartlett's.",
    minutes=4.0,
    deviations=(
        "The one-month option; days and years as in the authors' program. Our band is trained on "
        "whole paths, and sees the wealth so far and the volatility, which the paper's agent does "
        "not. The price takes Euler steps from trade to trade with the mean square of the "
        "volatility over each, where the program takes the volatility at its start."
    ),
)
EXHIBIT = {
    "weekly": {"Bartlett": (69, 51), "practitioner": (69, 50), "agent": (56, 57)},
    "3 days": {"Bartlett": (78, 44), "practitioner": (78, 43), "agent": (61, 51)},
    "2 days": {"Bartlett": (88, 41), "practitioner": (88, 40), "agent": (62, 52)},
    "daily": {"Bartlett": (108, 39), "practitioner": (108, 38), "agent": (71, 45)},
}
"""Mean and standard deviation of the cost of hedging, percent of the option's price."""
MARKET = SABR(spot=100.0, alpha=0.2, exponent=1.0, vol_of_vol=0.6, correlation=-0.4, drift=0.05)
FORMULA = HaganFormula(MARKET)


def run(seed: int = 0, smoke: bool = False, out: pathlib.Path | None = None) -> list[Finding]:
    """Exhibit 6; the small size has its weekly row, and a band of one width."""
    effort, place = (exhibit_3.SMOKE if smoke else exhibit_3.FULL), "exhibit 6"
    findings, rows = [], {}
    for often in ("weekly",) if smoke else EXHIBIT:
        problem, theirs = exhibit_3.problem_of(MARKET, FORMULA, often), EXHIBIT[often]
        hedges = {} if smoke else {"Bartlett": [BartlettDelta.under(MARKET, problem.claim)]}
        hedges["practitioner"] = [PractitionerDelta(problem.claim, FORMULA)]
        if smoke:
            problem = exhibit_3.sold_for_cash(problem)
            hedges["band"] = [
                exhibit_3.best_band(problem, QuotedBlackScholes(), effort.n_paths, seed)
            ]
        else:
            hedges["direct"] = exhibit_3.directly(
                problem, QuotedBlackScholes(), effort, seed, "wealth", "factors"
            )
        found = rows[often] = exhibit_3.judged(problem, hedges, often, effort, seed)
        for name in ("practitioner",) if smoke else ("Bartlett", "practitioner"):
            findings += exhibit_3.as_theirs(
                f"{name}, {often}", found[name][0], theirs[name], effort.n_paths, place
            )
        best = "band" if smoke else "direct"
        what = f"{best}, {often}"
        findings.append(exhibit_3.no_worse(what, found[best], theirs["agent"], place))
        if smoke:
            findings.append(exhibit_3.less_than(what, found, "practitioner"))
    if out is not None:
        exhibit_3.draw(rows, EXHIBIT, [], out)
    return findings
