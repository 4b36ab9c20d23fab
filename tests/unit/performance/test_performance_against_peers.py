"""Measures of rankings equal those of trec_eval, and proper scores those of scoringrules, to the ninth digit.

trec_eval (by pytrec_eval and ir_measures) is what the field's published results are computed with; scoringrules has the
proper scores of Gneiting and Raftery (2007). Where a definition is another one, a test says by which factor, or where.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, P, R, Success, nDCG

from modelspan_analyzer.statistics.performance import quantiles, ranked_lists, ranking, scores
from modelspan_analyzer.statistics.performance.counts import ScoreCounts
from modelspan_analyzer.statistics.performance.ranked_lists import Lists

EXACT = 1e-9
SEEDS = st.integers(0, 2**32 - 1)
Truth = dict[int, int]
TREC = {
    "ndcg": nDCG, "precision": P, "recall": R, "average_precision": AP, "reciprocal_rank": RR, "hit_rate": Success,
}  # fmt: skip


def trec(measure: str, k: int, shown: list[list[str]], truths: list[dict[str, int]]) -> np.ndarray:
    """Of each list, by trec_eval: items as they stand, above all by scores that fall."""
    qrels = {str(at): truth for at, truth in enumerate(truths)}
    run = {str(at): {item: float(-rank) for rank, item in enumerate(items)} for at, items in enumerate(shown)}
    found = {one.query_id: one.value for one in ir_measures.iter_calc([TREC[measure] @ k], qrels, run)}
    return np.array([found.get(str(at), 0.0) for at in range(len(shown))])


def lists_of(shown: list[list[int]], truths: list[Truth], k: int) -> Lists:
    """The same lists, flat."""
    flat = [
        (at, rank, truth.get(item, 0))
        for at, (items, truth) in enumerate(zip(shown, truths, strict=True))
        for rank, item in enumerate(items, 1)
    ]
    true = [(at, gain) for at, truth in enumerate(truths) for gain in truth.values()]
    lists, rank, gain = np.array(flat, np.int64).reshape(-1, 3).T
    owner, wanted = np.array(true, np.int64).reshape(-1, 2).T
    return Lists(len(shown), lists, rank, gain.astype(float), owner, wanted.astype(float), k)


RANKED = st.lists(
    st.tuples(
        st.permutations(range(9)).flatmap(lambda order: st.integers(0, 9).map(lambda n: list(order[:n]))),
        st.dictionaries(st.integers(0, 11), st.sampled_from([1, 2, 3]), min_size=1, max_size=7),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("measure", TREC)
@given(pairs=RANKED, k=st.integers(1, 12))
def test_ranked_lists_have_the_values_of_trec_eval(measure: str, pairs: list[tuple[list[int], Truth]], k: int) -> None:
    """Empty lists, lists shorter than `k`, and more that was relevant than `k`, are among them. trec_eval divides the
    precisions of its average precision at `k` by all that was relevant, this by what a list of `k` can hold."""
    shown, truths = [items for items, _ in pairs], [truth for _, truth in pairs]
    named = [[str(item) for item in items] for items in shown]
    theirs = trec(measure, k, named, [{str(item): gain for item, gain in truth.items()} for truth in truths])
    if measure == "average_precision":
        relevant = np.array([len(truth) for truth in truths])
        theirs = theirs * relevant / np.minimum(relevant, k)
    ours = getattr(ranked_lists, measure)(lists_of(shown, truths, k))
    assert ours == pytest.approx(theirs, abs=EXACT)


def test_a_list_to_which_nothing_was_relevant_has_no_value_where_trec_eval_has_nought() -> None:
    """It says nothing of the ranking, and is left out of the mean, which trec_eval's zero would lower."""
    lists = lists_of([[1, 2], [1, 2]], [{1: 1}, {}], 2)
    for measure in TREC:
        assert np.isnan(getattr(ranked_lists, measure)(lists)[1])
        assert trec(measure, 2, [["1", "2"]], [{"1": 0}]) == [0.0]


def scored(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Five lists of up to six rows with ties: which list, the score, the relevance."""
    rng = np.random.default_rng(seed)
    query = np.repeat(np.arange(5), rng.integers(1, 7, 5))
    relevance = rng.integers(0, 3, query.size).astype(float)
    relevance[np.unique(query, return_index=True)[1]] += 1
    return query, rng.integers(0, 4, query.size) / 4, relevance


@pytest.mark.parametrize("measure", ["average_precision", "reciprocal_rank", "hit_rate"])
@given(seed=SEEDS, k=st.integers(1, 8))
def test_scores_with_ties_have_the_values_of_trec_eval_in_the_worst_order(measure: str, seed: int, k: int) -> None:
    """Rows of one score stand with the irrelevant ones first: an order that nobody chose makes nothing look better."""
    query, score, relevance = scored(seed)
    ours = getattr(ranking, measure)(query, score, relevance, k)
    theirs = []
    for one in np.unique(query):
        at = np.flatnonzero(query == one)
        worst = at[np.lexsort((relevance[at], -score[at]))]
        told = trec(measure, k, [[str(row) for row in worst]], [{str(row): int(relevance[row]) for row in at}])[0]
        relevant = (relevance[at] > 0).sum()
        theirs.append(told * (relevant / min(relevant, k) if measure == "average_precision" else 1.0))
    assert ours == pytest.approx(theirs, abs=EXACT)


@given(SEEDS, st.integers(1, 8))
def test_ndcg_with_ties_is_the_mean_of_trec_evals_over_all_orders_of_them(seed: int, k: int) -> None:
    """Of the first two lists, in every order of their rows that the scores allow."""
    query, score, relevance = scored(seed)
    ours = ranking.ndcg(query, score, relevance, k)
    for one in (0, 1):
        at = np.flatnonzero(query == one)
        orders = [order for order in itertools.permutations(at) if (np.diff([score[row] for row in order]) <= 0).all()]
        truth = {str(row): int(relevance[row]) for row in at}
        values = trec("ndcg", k, [[str(row) for row in order] for order in orders], [truth] * len(orders))
        assert ours[one] == pytest.approx(values.mean(), abs=EXACT)


# --- proper scores ----------------------------------------------------------------------------------------

Ask = Callable[..., np.ndarray]
_ANSWERS = """
import json, sys
import numpy as np, scoringrules
for line in sys.stdin:
    name, *given = json.loads(line)
    found = getattr(scoringrules, name)(*map(np.asarray, given), backend="numpy")
    print(json.dumps(np.asarray(found).tolist()), flush=True)
"""


@pytest.fixture(scope="module")
def ask() -> Iterator[Ask]:
    """What scoringrules says, in a process of its own: on import it compiles, which the tests have switched off."""
    environ = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, "-c", _ANSWERS], env=environ, text=True, **pipes) as process:
        assert process.stdin
        assert process.stdout

        def of(name: str, *given: object) -> np.ndarray:
            plain = [one.tolist() if isinstance(one, np.ndarray) else one for one in given]
            print(json.dumps([name, *plain]), file=process.stdin, flush=True)
            return np.array(json.loads(process.stdout.readline()))

        yield of
        process.stdin.close()


def forecasts(seed: int, levels: int) -> tuple[np.ndarray, np.ndarray]:
    """Ascending quantiles of shape `(levels, rows, 1)`, and truths, some of which are a quantile itself."""
    rng = np.random.default_rng(seed)
    forecast = np.sort(rng.normal(size=(levels, 30, 1)), axis=0)
    truth = np.where(rng.random((30, 1)) < 0.2, forecast[rng.integers(levels)], rng.normal(size=(30, 1)))
    return forecast, truth


@given(seed=SEEDS, level=st.floats(0.001, 0.999))
def test_pinball_loss_is_the_quantile_score(ask: Ask, seed: int, level: float) -> None:
    """Row by row, also where the truth is the quantile."""
    forecast, truth = forecasts(seed, 1)
    theirs = ask("quantile_score", truth, forecast[0], level)
    assert quantiles.pinball(level, forecast[0], truth) == pytest.approx(theirs, abs=EXACT)


@given(seed=SEEDS, levels=st.integers(1, 9))
def test_twice_the_mean_pinball_loss_is_the_ranked_probability_score_of_the_quantiles(
    ask: Ask, seed: int, levels: int
) -> None:
    """The continuous one, as it is taken of quantile forecasts."""
    level = np.arange(1, levels + 1) / (levels + 1)
    forecast, truth = forecasts(seed, levels)
    theirs = ask("crps_quantile", truth, np.moveaxis(forecast, 0, -1), level)
    assert 2 * quantiles.mean_pinball(level.tolist(), forecast, truth) == pytest.approx(theirs, abs=EXACT)


@given(seed=SEEDS, percent=st.integers(1, 49))
def test_the_interval_score_is_that_of_the_two_pinball_losses(ask: Ask, seed: int, percent: int) -> None:
    """Of a central interval: their sum over half of what lies outside (Gneiting and Raftery 2007, eq. 43)."""
    outside = 2 * percent / 100
    (lower, upper), truth = forecasts(seed, 2)
    theirs = ask("interval_score", *(one.ravel() for one in (truth, lower, upper)), outside)
    both = quantiles.pinball(outside / 2, lower, truth) + quantiles.pinball(1 - outside / 2, upper, truth)
    assert 2 / outside * both.ravel() == pytest.approx(theirs, abs=EXACT)
    held = quantiles.covered(lower, upper, truth).ravel() == 1
    assert theirs[held] == pytest.approx((upper - lower).ravel()[held], abs=EXACT)


def counts_of(score: np.ndarray, truth: np.ndarray) -> ScoreCounts:
    """Positives and negatives at each distinct score."""
    distinct, place = np.unique(score, return_inverse=True)
    positives = np.bincount(place, truth, distinct.size)
    return ScoreCounts(distinct, positives, np.bincount(place, 1 - truth, distinct.size), float(score.size))


@given(seed=SEEDS, rows=st.integers(1, 60))
def test_brier_and_log_score_of_probabilities(ask: Ask, seed: int, rows: int) -> None:
    """Scores come more than once."""
    rng = np.random.default_rng(seed)
    score, truth = rng.integers(1, 20, rows) / 20, rng.integers(0, 2, rows).astype(float)
    counts = counts_of(score, truth)
    for ours, theirs in ((scores.brier, "brier_score"), (scores.log_loss, "log_score")):
        assert ours(counts) == pytest.approx(ask(theirs, truth, score).mean(), abs=EXACT)


def test_a_certain_mistake_has_a_finite_log_loss_where_the_score_has_none(ask: Ask) -> None:
    """Scores are kept off 0 and 1 by one float epsilon, so that one row does not outweigh all others."""
    certain, truth = np.array([0.0, 1.0]), np.array([1.0, 0.0])
    assert np.isinf(ask("log_score", truth, certain)).all()
    assert scores.log_loss(counts_of(certain, truth)) == pytest.approx(-np.log(np.finfo(float).eps), abs=EXACT)
