"""What a statistical test returns."""

from __future__ import annotations

from typing import NamedTuple


class TestResult(NamedTuple):
    """A test's statistic and its p-value: how probable a statistic at least as extreme is without any difference."""

    statistic: float
    p_value: float


TestResult.__test__ = False  # type: ignore[attr-defined]  # pytest takes classes called Test* for tests
