"""What a statistical test returns."""

from __future__ import annotations

from typing import NamedTuple

from modelspan_analyzer.statistics.counts import Floats


class TestResult(NamedTuple):
    """A test's statistic and its p-value: how probable a statistic at least as extreme is without any difference."""

    statistic: float
    p_value: float


class TestResults(NamedTuple):
    """The same of many pairs of samples side by side, both of shape (…)."""

    statistic: Floats
    p_value: Floats

    def single(self) -> TestResult:
        """Of one pair of samples, the result as numbers."""
        return TestResult(float(self.statistic), float(self.p_value))


TestResult.__test__ = TestResults.__test__ = False  # type: ignore[attr-defined]  # pytest takes Test* for tests
