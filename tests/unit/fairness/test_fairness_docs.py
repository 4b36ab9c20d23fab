"""Every measure is documented, with the formula in words, its range and how to read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pages import blocks

from modelspan_analyzer.checking import Status
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.statistics.fairness import measures
from modelspan_analyzer.statistics.performance import measures as performance

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("measure", [*measures.AGAINST_REST, *measures.OVER_GROUPS], ids=lambda measure: measure.name)
def test_every_fairness_measure_has_its_row(measure: measures.FairnessMeasure) -> None:
    """A row with name, Clarify's abbreviation, words, range and reading, none of them empty."""
    rows = [
        line for line in (DOCS / "fairness.md").read_text().splitlines() if line.startswith(f"| `{measure.name}` |")
    ]
    assert len(rows) == 1
    cells = [cell.strip() for cell in rows[0].strip("|").split("|")]
    assert len(cells) == (5 if measure.short else 4)
    assert all(cells)
    assert not measure.short or cells[1] == measure.short
    assert measure.of.__doc__


def test_measures_outside_the_table_are_documented_too() -> None:
    """The flip test and calibration by group have their rows."""
    text = (DOCS / "fairness.md").read_text()
    for name in (measures.FLIP_TEST, measures.GROUP_CALIBRATION):
        assert f"| `{name}` |" in text


def test_every_performance_measure_is_mentioned() -> None:
    """Binary, multiclass and score measures are in the guide by name."""
    text = (DOCS / "performance.md").read_text()
    for measure in (*performance.BINARY, *performance.SCORES):
        assert f"`{measure.name}`" in text


@pytest.mark.parametrize("page", ["fairness.md", "explain.md", "governance.md"])
def test_documented_settings_can_be_used(page: str) -> None:
    """Every monitors.yaml of the guides is valid as it stands."""
    blocks = (DOCS / page).read_text().split("```yaml\n")[1:]
    assert blocks
    for block in blocks:
        parse(block.split("```")[0])


def test_the_tables_of_the_guide_are_compared_as_it_says() -> None:
    """Premiums of one region a fifth less: its differences alarm, with all six in the report, and no other region's."""
    (block,) = blocks("docs/fairness.md", "python")
    told: dict[str, object] = {}
    exec(block.text, told)
    comparison = told["comparison"]
    assert comparison.status is Status.ALARM
    assert "region=south" in comparison.sentence + comparison.markdown()
    found = comparison.findings.found["fairness"]
    assert len({one.metric for one in found}) == 6
    alarms = {(one.metric, one.seen.segment) for one in found if one.judged.verdict is Verdict.ALARM}
    assert ("mean_error_difference", "region=south") in alarms
    assert {segment for _, segment in alarms} == {"region=south"}
    assert (
        comparison.html().count("mean absolute error difference")
        or "mean_absolute_error_difference" in comparison.html()
    )
