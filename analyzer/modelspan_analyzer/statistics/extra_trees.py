"""Extremely randomised trees of scikit-learn, built without what its estimators check anew for every tree.

A forest of small trees spends more time in checks than in splits. What is built is the same tree by tree; where a
release builds its trees otherwise, its own estimator does it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.counts import Floats

LEAST_LEAF: Final = 5
"""Rows of the smallest leaf."""


def fitted_scores(
    rows: Floats, classes: npt.NDArray[np.int64], judged: Floats, *, tried: int, trees: int, seed: int
) -> tuple[Floats, Floats]:
    """Probabilities of class 1 for rows that are judged, by trees fitted on others; both classes weigh the same.

    Returns:
        The probabilities, shape (judged rows,), and each column's importance, shape (columns,).
    """
    try:
        return _built(rows, classes, judged, tried, trees, seed)
    except (ImportError, TypeError):  # a release whose trees are built otherwise
        return by_estimator(rows, classes, judged, tried=tried, trees=trees, seed=seed)


def by_estimator(
    rows: Floats, classes: npt.NDArray[np.int64], judged: Floats, *, tried: int, trees: int, seed: int
) -> tuple[Floats, Floats]:
    """The same by the public estimator."""
    from sklearn.ensemble import ExtraTreesClassifier

    forest = ExtraTreesClassifier(
        n_estimators=trees,
        min_samples_leaf=LEAST_LEAF,
        max_features=tried,
        class_weight="balanced",
        random_state=seed,
    )
    scores = forest.fit(rows, classes).predict_proba(judged)[:, 1]
    return np.asarray(scores, np.float64), np.asarray(forest.feature_importances_, np.float64)


def _built(
    rows: Floats, classes: npt.NDArray[np.int64], judged: Floats, tried: int, trees: int, seed: int
) -> tuple[Floats, Floats]:
    from sklearn.tree._criterion import Gini
    from sklearn.tree._splitter import RandomSplitter
    from sklearn.tree._tree import DepthFirstTreeBuilder, Tree

    fitted, given = (np.ascontiguousarray(side, np.float32) for side in (rows, judged))
    sizes, two = np.bincount(classes, minlength=2), np.array([2], np.intp)
    weights = (classes.size / (2 * sizes))[classes]
    truth, seeds = classes.astype(np.float64).reshape(-1, 1), np.random.RandomState(seed)
    scores, importances = np.zeros(given.shape[0]), []
    for _ in range(trees):
        chance = np.random.RandomState(seeds.randint(np.iinfo(np.int32).max))
        splitter: Any = RandomSplitter(Gini(1, two), tried, LEAST_LEAF, 0.0, chance, None)
        tree: Any = Tree(fitted.shape[1], two, 1)
        builder: Any = DepthFirstTreeBuilder(splitter, 2 * LEAST_LEAF, LEAST_LEAF, 0.0, np.iinfo(np.int32).max, 0.0)
        builder.build(tree, fitted, truth, weights, None)
        scores += tree.predict(given).reshape(given.shape[0], -1)[:, 1]
        if tree.node_count > 1:  # one of a single leaf tells nothing apart
            importances.append(tree.compute_feature_importances())
    whole = np.mean(importances, axis=0) if importances else np.zeros(fitted.shape[1])
    return scores / trees, whole / (whole.sum() or 1.0)
