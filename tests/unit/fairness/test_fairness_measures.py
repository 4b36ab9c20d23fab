"""Every fairness measure equals SageMaker Clarify's open package or Fairlearn, and keeps its laws."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelspan_analyzer.statistics.fairness import measures, parity
from modelspan_analyzer.statistics.fairness.flip_test import flip_test
from modelspan_analyzer.statistics.fairness.groups import GroupCounts

EXACT = 1e-9


@pytest.fixture(scope="module")
def adult(shared_data: Path) -> dict[str, list]:
    """The live rows of adult."""
    return pq.read_table(shared_data / "adult_predictions.parquet", filters=[("split", "==", "live")]).to_pydict()


def count(rows: dict[str, list], facet: str, strata: str = "marital-status") -> GroupCounts:
    """Counts per group, stratum, truth and prediction of a facet."""
    names, group = np.unique([str(v).strip() for v in rows[facet]], return_inverse=True)
    levels, stratum = np.unique(rows[strata], return_inverse=True)
    cells = np.zeros((names.size, levels.size, 2, 2))
    np.add.at(cells, (group, stratum, np.array(rows["label"]), np.array(rows["prediction"])), 1)
    return GroupCounts(facet, tuple(names), cells, cells.sum(axis=-2), 1.0)


def value(measure: measures.FairnessMeasure, counts: GroupCounts) -> float:
    """One measure of counts."""
    given = {"labels": counts.labelled.sum(axis=-1), "predictions": counts.predicted, "both": counts.labelled}
    return float(measure.of(given[measure.counts]))


def test_clarify_measures_equal_the_reference(adult: dict[str, list], shared_data: Path) -> None:
    """All pre- and post-training measures on both facets are smclarify's to the ninth digit."""
    for facet in json.loads((shared_data / "reference/smclarify_adult.json").read_text())["results"]:
        counts = count(adult, facet["facet"])
        pair = counts.against_rest(counts.names.index(facet["sensitive"][0]))
        theirs = {m["name"]: m["value"] for m in [*facet["pre"][0]["metrics"], *facet["post"][0]["metrics"]]}
        ours = {measure.short: value(measure, pair) for measure in measures.AGAINST_REST}
        assert set(ours) == set(theirs)
        for name, expected in theirs.items():
            assert ours[name] == pytest.approx(expected, abs=EXACT), (facet["facet"], name)


def test_parity_measures_equal_fairlearn(adult: dict[str, list], shared_data: Path) -> None:
    """Demographic parity and equalised odds over all groups are Fairlearn's to the ninth digit."""
    results = json.loads((shared_data / "reference/fairlearn_sklearn_adult.json").read_text())["results"]
    names = {"equalized_odds_difference": "equalised_odds_difference", "equalized_odds_ratio": "equalised_odds_ratio"}
    for facet, expected in results.items():
        counts = count(adult, facet)
        ours = {measure.name: value(measure, counts) for measure in measures.OVER_GROUPS}
        for name in ("demographic_parity_difference", "demographic_parity_ratio", *names):
            assert ours[names.get(name, name)] == pytest.approx(expected[name], abs=EXACT), (facet, name)


def test_group_rates_equal_fairlearn(adult: dict[str, list], shared_data: Path) -> None:
    """Selection rate, accuracy, recall and precision of each group are Fairlearn's table."""
    from modelspan_analyzer.statistics.fairness import groups

    rates = {
        "selection_rate": lambda cells: groups.selection_rate(cells.sum(axis=-2)),
        "accuracy": groups.accuracy,
        "recall": groups.recall,
        "precision": groups.precision,
    }
    for facet, expected in json.loads((shared_data / "reference/fairlearn_sklearn_adult.json").read_text())[
        "results"
    ].items():
        counts = count(adult, facet)
        for name, rate in rates.items():
            ours = dict(zip(counts.names, rate(counts.labelled), strict=True))
            for group, row in expected["by_group"].items():
                assert ours[group] == pytest.approx(row[name], abs=1e-9), (facet, group, name)


def test_flip_test_by_hand() -> None:
    """Two of four members would have been accepted as one of the others, one would have been rejected."""
    features = np.array([[0.0], [10.0], [20.0], [30.0], [0.1], [10.1], [20.1], [30.1]])
    member = np.array([True] * 4 + [False] * 4)
    favourable = np.array([False, False, True, True, True, True, False, True])
    assert flip_test(features, favourable, member, neighbours=1) == pytest.approx((2 - 1) / 4)
    assert np.isnan(flip_test(features, favourable, np.zeros(8, bool)))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=24, max_size=24))
def test_laws(cells: list[int]) -> None:
    """Equal groups are at the ideal; measures stay finite on full cells; groups in another order change nothing."""
    counts = np.array(cells, float).reshape(3, 2, 2, 2)
    same = np.stack([counts[0], counts[0]])
    alike = GroupCounts("f", ("d", "a"), same, same.sum(axis=-2), 1.0)
    for measure in measures.AGAINST_REST:
        if measure.name in ("generalised_entropy", "label_conditional_disparity", "conditional_disparity"):
            continue
        assert value(measure, alike) == pytest.approx(measure.ideal, abs=1e-12), measure.name
    facet = GroupCounts("f", ("x", "y", "z"), counts, counts.sum(axis=-2), 1.0)
    turned = GroupCounts("f", ("z", "x", "y"), counts[[2, 0, 1]], counts[[2, 0, 1]].sum(axis=-2), 1.0)
    for measure in measures.OVER_GROUPS:
        assert np.isfinite(value(measure, facet))
        assert value(measure, facet) == pytest.approx(value(measure, turned))


def test_a_group_without_rows_is_left_out_not_counted_as_zero() -> None:
    """Recall of a group without positives is undefined, and the spread is that of the others."""
    cells = np.array([[[2, 1], [1, 6]], [[2, 1], [3, 4]], [[5, 0], [0, 0]]], float)[:, None]
    assert float(parity.equal_opportunity_difference(cells)) == pytest.approx(6 / 7 - 4 / 7)
    assert np.isnan(parity.equal_opportunity_difference(cells[[2]]))
