"""How well a classifier tells the window from the baseline."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from modelspan_analyzer.statistics.embeddings import bounded_sample

MOST_ROWS = 20_000


def domain_classifier_auc(
    reference: ArrayLike, current: ArrayLike, *, folds: int = 5, most_rows: int = MOST_ROWS, seed: int = 0
) -> float:
    """Area under the ROC curve of a cross-validated gradient-boosted classifier of baseline against window rows.

    `reference`, `current`: numeric rows, shapes (n, columns) and (m, columns); NaN is a value of its own; at most
    `most_rows` drawn rows a side are used. 0.5: nothing tells them apart, 1: fully separable (Lopez-Paz and Oquab 2017;
    NannyML's domain classifier). It sees changes in how columns hang together that no single column shows.
    Raises `ValueError` when a side has fewer rows than folds or the columns differ.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from threadpoolctl import threadpool_limits

    first, second = np.asarray(reference, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1]:
        raise ValueError(f"the rows have shapes {first.shape} and {second.shape}, expected (rows, same columns)")
    if min(first.shape[0], second.shape[0]) < folds:
        raise ValueError(f"each side needs at least {folds} rows, one a fold")
    first, second = bounded_sample(first, most_rows, seed), bounded_sample(second, most_rows, seed)
    rows = np.concatenate([first, second])
    is_current = np.repeat([0, 1], [first.shape[0], second.shape[0]])
    classifier = HistGradientBoostingClassifier(random_state=seed, class_weight="balanced")
    cross_validation = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # rows are few; threads that wait for each other cost more than they save
        scores = cross_val_predict(classifier, rows, is_current, cv=cross_validation, method="predict_proba")[:, 1]
    return float(roc_auc_score(is_current, scores))
