"""All tests of a window together: how often chance passes, and what weak evidence has to do to count."""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.verdicts.together import Evidence, judged_together

SIZES = {"drift": 30, "quality": 100, "performance": 2, "latency": 4, "concept": 10}
QUIET = [Evidence("quality", p) for p in np.linspace(0.01, 1, 100)]


def test_chance_passes_as_rarely_as_the_level_says_however_many_tests_and_windows_there_are() -> None:
    """Uniform p-values of five monitors, each with those of the two windows before."""
    generator = np.random.default_rng(1)
    passed = 0
    for _ in range(1500):
        tests = [
            Evidence(name, *draw[:1], earlier=draw[1:])
            for name, size in SIZES.items()
            for draw in generator.random((size, 3)).tolist()
        ]
        passed += bool(judged_together(tests, 0.02).sure.any())
    assert passed <= 0.03 * 1500


def test_many_tests_of_one_monitor_cost_another_nothing() -> None:
    """Of a single test p 2e-4 is enough beside one other monitor, whether that has one test or a hundred."""
    found = [Evidence("performance", 2e-4)]
    for others in (QUIET[-1:], QUIET):
        assert judged_together([*found, *others], 0.001).sure[0]
    assert not judged_together([*found, *(Evidence("quality", 0.5) for _ in range(99))], 0.0005).sure.any()


def test_weak_evidence_counts_where_it_comes_again_within_two_windows() -> None:
    """p 0.006 is chance in one window, and none in two of three; what was before and is gone does not count."""

    def sure(*earlier: float, now: float = 0.006) -> bool:
        return bool(judged_together([Evidence("performance", now, earlier), *QUIET], 0.001).sure[0])

    assert not sure()
    assert not sure(0.5, 0.7)
    assert sure(0.006)
    assert sure(0.6, 0.006)
    assert not sure(1e-9, 1e-9, now=0.2)


def test_what_several_monitors_see_needs_no_more_evidence_than_alone() -> None:
    """At p 4e-4 each: one of five monitors is not sure, five of five are."""
    names = list(SIZES)
    one = [Evidence(names[0], 4e-4), *(Evidence(name, 0.5) for name in names[1:])]
    assert not judged_together(one, 0.001).sure.any()
    assert judged_together([Evidence(name, 4e-4) for name in names], 0.001).sure.all()
