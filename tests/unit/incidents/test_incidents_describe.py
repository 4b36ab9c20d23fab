"""What an incident is called: short, the worst first, in words of no monitor."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents.describe import title
from modelspan_analyzer.incidents.incident import Incident, OpenFinding, Severity

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def finding(signal: str, metric: str, feature: str = "", excess: float = 1.0, **given: object) -> OpenFinding:
    return OpenFinding(
        "1", signal, metric, feature, str(given.pop("segment", "")), "", "", NOON, excess=excess, **given
    )  # type: ignore[arg-type]


MISSING = [finding("data_quality", "null_rate", name, excess) for name, excess in (("a", 2), ("b", 9), ("c", 5))]


@pytest.mark.parametrize(
    ("findings", "cause", "called"),
    [
        (MISSING[:1], "", "churn 1: missing values in a"),
        (MISSING, "", "churn 1: missing values in b and c, and 1 other"),
        ([*MISSING[:2], finding("data_drift", "psi", "b", 40)], "", "churn 1: missing values in b and a"),
        (
            [finding("performance", "roc_auc"), *MISSING, finding("prediction_drift", "psi", "value")],
            "feature-store GET /profile",
            "churn 1: worse roc auc, missing values in b, and 3 others, through feature-store GET /profile",
        ),
        (
            [finding("fairness", "disparate_impact", segment="tag.sex=f")],
            "",
            "churn 1: unfair disparate impact in tag.sex=f",
        ),
        ([finding("something_new", "x")], "", "churn 1: something new"),
        ([finding("data_quality", "volume", direction="below")], "", "churn 1: no predictions"),
        ([finding("data_quality", "volume", direction="below", n=9)], "", "churn 1: fewer predictions than usual"),
        ([finding("data_quality", "volume", n=9)], "", "churn 1: more predictions than usual"),
        ([finding("data_quality", "duplicate_row_rate", n=9)], "", "churn 1: repeated rows"),
        ([finding("metrics", "order_value")], "", "churn 1: unusual order value"),
        ([finding("metrics", "order_value.burn_rate")], "", "churn 1: order value misses its target"),
        ([finding("experiments", "ranker.split")], "", "churn 1: experiment ranker has another split than it should"),
        ([finding("experiments", "ranker.error_rate")], "", "churn 1: experiment ranker error rate"),
        ([finding("performance", "quantile_crossing")], "", "churn 1: quantiles that cross"),
        ([finding("performance", "interval_coverage_80")], "", "churn 1: 80 % intervals that hold too few"),
        ([finding("data_quality", "constant", "a", n=9)], "", "churn 1: a stuck value in a"),
        (
            [*MISSING[:2], finding("data_drift", "psi", "c"), finding("data_quality", "duplicate_id_rate", excess=0.1)],
            "",
            "churn 1: missing values in b and a, and 2 others (repeated prediction ids, drift)",
        ),
    ],
)
def test_the_two_worst_are_named_and_the_others_counted(findings, cause, called):
    """A feature counts once, by the gravest that is wrong with it."""
    assert title("churn", findings, cause) == called


@pytest.mark.parametrize("name", ["age", "f" * 50, "f" * 500])
@pytest.mark.parametrize("cause", ["", "feature-store GET /profile/{customer} http.response.status_code=504"])
def test_a_title_fits_a_telephone(name, cause):
    """However long names are: the kinds of the others go first, then the second worst, then the end."""
    several = [finding("data_quality", metric, f"{name}{metric}") for metric in ("null_rate", "constant", "x", "y")]
    called = title("churn", several, cause)
    assert (len(called) <= describe.LONGEST, called.startswith("churn 1: ")) == (True, True)
    assert len(name) > 50 or name in called


def test_what_is_well_again_is_not_named_while_something_is_wrong():
    """Only when all is over are past findings named."""
    over = [finding("performance", "accuracy", ended=True)]
    assert title("churn", [*over, MISSING[0]]) == "churn 1: missing values in a"
    assert title("churn", over) == "churn 1: worse accuracy"


def incident_of(*findings: OpenFinding, why: str = "") -> Incident:
    return Incident(
        "abc", "churn", "1", "open", Severity.WARNING, "data_quality", "churn 1: bad", why, "", "", "",
        NOON, NOON, NOON, findings=findings,
    )  # fmt: skip


def test_the_facts_say_what_is_not_known() -> None:
    """A cause that was not looked for, and an impact that nobody counted, are said to be so; never 0, never nothing."""
    told = describe.facts(incident_of(finding("data_quality", "volume", "")))
    assert (told["why"], told["affected"]) == (describe.NOT_ASKED, describe.NO_IMPACT)


def test_the_facts_name_the_gravest_in_numbers_and_count_the_rest() -> None:
    """Five findings are spelt out with what was measured; of the others it is said how many there are."""
    many = [
        replace(finding("data_drift", "psi", f"f{number}", excess=number), reason=f"PSI {number}")
        for number in range(7)
    ]
    worst = replace(many[0], signal="data_quality", metric="null_rate", reason="40 % are missing", n=1000, affected=400)
    told = describe.facts(incident_of(worst, *many[1:], why="because"))
    assert told["found"].startswith("null_rate of f0: 40 % are missing; psi of f6: PSI 6; ")
    assert told["found"].endswith("and 2 more")
    assert (told["affected"], told["why"], told["since"]) == (
        "400 of 1,000 (40%) in its worst window",
        "because",
        "2026-03-02 12:00 UTC",
    )
