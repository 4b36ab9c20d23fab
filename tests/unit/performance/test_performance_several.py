"""Measures of sets of labels, ranked lists and quantiles: values of references, and laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from modelspan_analyzer.statistics.performance import multilabel, quantiles, ranked_lists
from modelspan_analyzer.statistics.performance.ranked_lists import Lists

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS, st.integers(1, 40), st.integers(2, 8))
def test_sets_of_labels_have_the_values_of_scikit_learn(seed: int, rows: int, labels: int) -> None:
    """Rows without any label, ties of scores, and labels that nobody has are among them."""
    rng = np.random.default_rng(seed)
    truth, answer = rng.random((2, rows, labels)) < rng.random(labels)
    score = rng.integers(0, 4, (rows, labels)) / 4
    weight = rng.random(rows) + 0.1

    def mean(values: np.ndarray) -> float:
        return float(np.average(values, weights=weight))

    given: dict[str, object] = {"sample_weight": weight}
    assert mean(multilabel.exact_match(truth, answer)) == pytest.approx(
        metrics.accuracy_score(truth, answer, **given), abs=1e-9
    )
    assert mean(multilabel.hamming_loss(truth, answer)) == pytest.approx(
        metrics.hamming_loss(truth, answer, **given), abs=1e-9
    )
    samples = {**given, "average": "samples", "zero_division": 1.0}
    assert mean(multilabel.jaccard(truth, answer)) == pytest.approx(
        metrics.jaccard_score(truth, answer, **samples), abs=1e-9
    )
    assert mean(multilabel.f1_samples(truth, answer)) == pytest.approx(
        metrics.f1_score(truth, answer, **samples), abs=1e-9
    )
    each, parts = multilabel.f1_of_labels(truth, answer, weight)
    reference = metrics.f1_score(truth, answer, average=None, zero_division=np.nan, **given)
    assert each == pytest.approx(reference, abs=1e-9, nan_ok=True)
    defined = ~np.isnan(each)
    assert np.average(parts[:, defined], axis=0, weights=weight) == pytest.approx(each[defined], abs=1e-9)
    if defined.any():
        micro = metrics.f1_score(truth, answer, average="micro", **given)
        assert mean(multilabel.f1_micro(truth, answer, weight)) == pytest.approx(micro, abs=1e-9)
    for ours, theirs in (
        (multilabel.ranking_precision, metrics.label_ranking_average_precision_score),
        (multilabel.ranking_loss, metrics.label_ranking_loss),
        (multilabel.coverage_error, metrics.coverage_error),
    ):
        assert mean(ours(truth, score)) == pytest.approx(theirs(truth, score, **given), abs=1e-9)


# --- ranked lists -----------------------------------------------------------------------------------------


def made(shown: list[list[int]], relevant: list[dict[int, float]], k: int) -> Lists:
    """Lists of items, and what was relevant to each."""
    flat = [
        (at, rank, truth.get(item, 0.0))
        for at, (items, truth) in enumerate(zip(shown, relevant, strict=True))
        for rank, item in enumerate(items, 1)
    ]
    true = [(at, gain) for at, truth in enumerate(relevant) for gain in truth.values()]
    lists, rank, gain = (np.array(column) for column in zip(*flat, strict=True)) if flat else (np.zeros(0, int),) * 3
    owner, wanted = (np.array(column) for column in zip(*true, strict=True)) if true else (np.zeros(0, int),) * 2
    return Lists(len(shown), lists, rank, gain.astype(float), owner, wanted.astype(float), k)


def by_hand(items: list[int], truth: dict[int, float], k: int) -> dict[str, float]:
    """Every measure of one list, from its definition."""
    if not truth:
        return dict.fromkeys(
            ("ndcg", "precision", "recall", "average_precision", "reciprocal_rank", "hit_rate"), math.nan
        )
    top = items[:k]
    hits = [item in truth for item in top]
    gained = sum(truth.get(item, 0.0) / math.log2(rank + 1) for rank, item in enumerate(top, 1))
    best = sum(gain / math.log2(rank + 1) for rank, gain in enumerate(sorted(truth.values(), reverse=True)[:k], 1))
    precisions = [sum(hits[: at + 1]) / (at + 1) for at, hit in enumerate(hits) if hit]
    return {
        "ndcg": gained / best,
        "precision": sum(hits) / k,
        "recall": sum(hits) / len(truth),
        "average_precision": sum(precisions) / min(len(truth), k),
        "reciprocal_rank": next((1 / (at + 1) for at, hit in enumerate(hits) if hit), 0.0),
        "hit_rate": float(any(hits)),
    }


LISTS = st.lists(
    st.tuples(
        st.permutations(range(8)).flatmap(lambda order: st.integers(0, 8).map(lambda n: list(order[:n]))),
        st.dictionaries(st.integers(0, 9), st.sampled_from([1.0, 2.0, 3.0]), max_size=6),
    ),
    min_size=1,
    max_size=6,
)


@given(LISTS, st.integers(1, 10))
def test_lists_have_the_values_of_the_definitions(pairs: list[tuple[list[int], dict[int, float]]], k: int) -> None:
    """Empty lists, and lists to which nothing was relevant, are among them."""
    lists = made([items for items, _ in pairs], [truth for _, truth in pairs], k)
    expected = [by_hand(items, truth, k) for items, truth in pairs]
    for name in expected[0]:
        found = getattr(ranked_lists, name)(lists)
        assert found == pytest.approx([each[name] for each in expected], abs=1e-12, nan_ok=True)


@given(SEEDS, st.integers(2, 12), st.integers(1, 12))
def test_ndcg_of_a_whole_catalogue_is_that_of_scikit_learn(seed: int, items: int, k: int) -> None:
    """Where every item is in the list, and the scores have no ties."""
    rng = np.random.default_rng(seed)
    relevance, order = rng.integers(0, 4, items), rng.permutation(items)
    if not relevance.any():
        relevance[0] = 1
    lists = made([order.tolist()], [{at: float(gain) for at, gain in enumerate(relevance) if gain}], k)
    score = np.empty(items)
    score[order] = np.arange(items, 0, -1)
    assert ranked_lists.ndcg(lists)[0] == pytest.approx(metrics.ndcg_score([relevance], [score], k=k), abs=1e-9)


@given(LISTS, st.integers(1, 10))
def test_laws_of_lists(pairs: list[tuple[list[int], dict[int, float]]], k: int) -> None:
    """All lie in 0 to 1; the ideal order reaches 1; what stands beyond `k` changes nothing."""
    shown, relevant = [items for items, _ in pairs], [truth for _, truth in pairs]
    lists = made(shown, relevant, k)
    cut = made([items[:k] for items in shown], relevant, k)
    ideal = made([sorted(truth, key=lambda item: -truth[item]) for truth in relevant], relevant, k)
    some = np.array([bool(truth) for truth in relevant])
    for measure in ("ndcg", "precision", "recall", "average_precision", "reciprocal_rank", "hit_rate"):
        values = getattr(ranked_lists, measure)(lists)
        assert (np.isnan(values) == ~some).all()
        assert ((values[some] >= 0) & (values[some] <= 1 + 1e-12)).all()
        assert getattr(ranked_lists, measure)(cut) == pytest.approx(values, nan_ok=True)
    assert ranked_lists.ndcg(ideal)[some] == pytest.approx(np.ones(some.sum()))
    assert ranked_lists.average_precision(ideal)[some] == pytest.approx(np.ones(some.sum()))


@given(st.lists(st.sets(st.integers(0, 9), min_size=1, max_size=6), min_size=2, max_size=8))
def test_diversity_is_the_mean_overlap_of_all_pairs(lists: list[set[int]]) -> None:
    """No pair is looked at, and the value is that of looking at all of them."""
    item, length = np.array([each for one in lists for each in one]), np.array([len(one) for one in lists])
    pairs = [(a, b) for at, a in enumerate(lists) for other, b in enumerate(lists) if at != other]
    overlap = np.mean([len(a & b) for a, b in pairs]) / length.mean()
    assert ranked_lists.inter_list_diversity(item, length) == pytest.approx(1 - overlap)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(7, 12))
def test_exposure_is_the_gini_coefficient_over_the_whole_catalogue(item: list[int], catalogue: int) -> None:
    """The mean difference of two items, over twice the mean."""
    shown = np.bincount(item, minlength=catalogue).astype(float)
    expected = np.abs(shown[:, None] - shown).mean() / (2 * shown.mean())
    assert ranked_lists.exposure_gini(np.array(item), catalogue) == pytest.approx(expected)


# --- quantiles --------------------------------------------------------------------------------------------


@given(SEEDS, st.floats(0.01, 0.99))
def test_pinball_loss_is_that_of_scikit_learn_and_never_negative(seed: int, level: float) -> None:
    """At a half it is half the absolute error."""
    rng = np.random.default_rng(seed)
    forecast, truth = rng.normal(size=(2, 50))
    losses = quantiles.pinball(level, forecast, truth)
    assert losses.mean() == pytest.approx(metrics.mean_pinball_loss(truth, forecast, alpha=level), abs=1e-9)
    assert (losses >= 0).all()
    assert quantiles.pinball(0.5, forecast, truth) == pytest.approx(np.abs(forecast - truth) / 2)


@given(SEEDS, st.floats(0, 3))
def test_a_wider_interval_covers_no_less(seed: int, more: float) -> None:
    """And the quantiles of the truths themselves cover what they say."""
    rng = np.random.default_rng(seed)
    lower, truth = rng.normal(size=(2, 50))
    upper = lower + rng.random(50)
    narrow, wide = quantiles.covered(lower, upper, truth), quantiles.covered(lower - more, upper + more, truth)
    assert (wide >= narrow).all()


def test_central_intervals_are_the_pairs_of_levels() -> None:
    """Levels without their counterpart make none."""
    assert quantiles.pairs([0.05, 0.1, 0.5, 0.9, 0.95, 0.99]) == {90: (0, 4), 80: (1, 3)}
