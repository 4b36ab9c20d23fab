"""Promises of answers: how often one that is kept is said to be broken."""

import numpy as np
import pytest

from modelspan_analyzer.monitors.performance.promise import Share

TRIES = 4000
ROWS = 300


@pytest.mark.parametrize("together", [0.0, 0.6, 1.0], ids=["steps apart", "in part", "all alike"])
@pytest.mark.parametrize("promised", [0.2, 0.5, 0.95])
def test_a_kept_promise_is_seldom_broken_whatever_steps_share(promised: float, together: float) -> None:
    """One in a hundred by the test at 1 %, at most, within what chance makes of so many tries."""
    generator = np.random.default_rng(3)
    whole = generator.random((TRIES, ROWS, 1)) < promised
    each = generator.random((TRIES, ROWS, 4)) < promised
    shared = generator.random((TRIES, ROWS, 1)) < together
    seen = np.where(shared, whole, each).mean(axis=2).mean(axis=1)
    broken = np.mean([Share(float(one), promised, 0.0).p_value(ROWS) < 0.01 for one in seen])
    assert broken <= 0.01 + 3 * np.sqrt(0.01 / TRIES)


def test_what_matters_is_not_enough_and_neither_is_what_is_sure() -> None:
    """Both have to be."""
    assert Share(0.35, 0.2, 0.286).surely_matters(1000, 0.999)
    assert not Share(0.35, 0.2, 0.286).surely_matters(20, 0.999)
    assert not Share(0.22, 0.2, 0.286).surely_matters(100_000, 0.999)
