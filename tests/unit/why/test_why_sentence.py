"""What is counted and what is at least so many are told apart, and what is lacking is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from modelspan_analyzer.results import Window
from modelspan_analyzer.why import sentence
from modelspan_analyzer.why.absence import beside_causes
from modelspan_analyzer.why.explanation import Finding

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SLOW = Finding("m", Window(NOON, NOON + timedelta(hours=1)), "slow")


def test_rates_of_what_cannot_be_counted_are_bounds() -> None:
    """Which predictions are slow is known by a likelihood alone: a number as of a count would be too low."""
    assert (
        sentence.group(SLOW, "tag.pod=pod-0", (0.31, 0.02), None, (), at_least=True)
        == "at least 31 % of the predictions with `tag.pod=pod-0` were slow (at least 2.0 % of the others)."
    )
    assert "(none for sure of the others)" in sentence.group(SLOW, "tag.pod=pod-0", (0.31, 0), None, (), at_least=True)
    assert sentence.group(SLOW, "tag.pod=pod-0", (0.31, 0.02), None, ()).startswith("31 % of ")


def test_that_there_are_no_traces_is_said_in_short_beside_a_cause() -> None:
    untraced = (
        "None of the 300 predictions of m at noon has a trace: make them within a span, or send spans to this collector"
    )
    assert beside_causes(untraced) == "none of them has a trace that could say more"
    assert beside_causes("Only 4 of the slow predictions have a trace; 10 are needed").startswith("Only 4 ")
