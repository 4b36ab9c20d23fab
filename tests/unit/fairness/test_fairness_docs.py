"""Every measure is documented, with the formula in words, its range and how to read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelspan_analyzer.monitors_yaml import parse
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
