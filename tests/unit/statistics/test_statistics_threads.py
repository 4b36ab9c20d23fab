"""Models are fitted on the thread that asks for them."""

from __future__ import annotations

import os

import numpy as np
import pytest
from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

from modelspan_analyzer.statistics import threads
from modelspan_analyzer.statistics.estimation import dle, weighting
from modelspan_analyzer.statistics.fairness import flip_test

FITS = (dle.fit_losses, dle.estimate_losses, weighting.density_ratio, flip_test.flips)


@pytest.mark.parametrize("fits", FITS, ids=lambda each: each.__name__)
def test_what_would_take_all_cores_takes_one(fits: object) -> None:
    """Each of these goes through the one place that says so."""
    assert fits.__code__ is threads.one_thread()(len).__code__


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core")
def test_a_failure_gives_the_threads_back() -> None:
    """What others of the process may take is what it was."""

    @threads.one_thread()
    def seen(fail: bool) -> int:
        if fail:
            raise ValueError("no rows")
        return _openmp_effective_n_threads()

    before = _openmp_effective_n_threads()
    with pytest.raises(ValueError, match="no rows"):
        seen(fail=True)
    assert (seen(fail=False), _openmp_effective_n_threads()) == (1, before)
    assert before > 1 or os.environ.get("OMP_NUM_THREADS") == "1"


def test_results_are_those_of_many_threads() -> None:
    """Histograms are the same whoever counts them."""
    rows = np.random.default_rng(0).normal(size=(400, 3))
    none = np.zeros(3, bool)
    alone = weighting.density_ratio(rows[:200], rows[200:] + 0.5, none)
    assert np.array_equal(alone, weighting.density_ratio.__wrapped__(rows[:200], rows[200:] + 0.5, none))
