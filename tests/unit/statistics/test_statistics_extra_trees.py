"""The trees that are built directly are those of scikit-learn's own estimator."""

from __future__ import annotations

import numpy as np
import pytest

from modelspan_analyzer.statistics.extra_trees import _built, by_estimator, fitted_scores


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize(("columns", "tried"), [(1, 1), (7, 7), (40, 32)])
def test_scores_and_importances_are_the_estimators(share: float, columns: int, tried: int) -> None:
    """Bit by bit, whatever the shape, and however rare the class: a release that builds otherwise is seen here."""
    rng = np.random.default_rng(columns)
    rows, judged = rng.normal(size=(300, columns)), rng.normal(size=(150, columns))
    rows[rng.random(rows.shape) < 0.1] = -1.0
    classes = (rng.random(300) < share).astype(np.int64)
    rows[classes == 1, 0] += 0.5
    expected = by_estimator(rows, classes, judged, tried=tried, trees=10, seed=3)
    for found in (
        _built(rows, classes, judged, tried, 10, 3),
        fitted_scores(rows, classes, judged, tried=tried, trees=10, seed=3),
    ):
        assert np.array_equal(found[0], expected[0])
        assert found[1] == pytest.approx(expected[1], abs=1e-15)


def test_columns_that_never_vary_tell_nothing() -> None:
    """No tree splits: every row has the same score, and no column matters."""
    classes = np.array([0, 1] * 30)
    scores, importances = fitted_scores(np.zeros((60, 2)), classes, np.zeros((10, 2)), tried=2, trees=4, seed=0)
    assert scores == pytest.approx(np.full(10, 0.5))
    assert importances.tolist() == [0.0, 0.0]
