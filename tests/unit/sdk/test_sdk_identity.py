"""Prediction ids."""

from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from modelspan import _identity

TIMES = st.integers(0, 2**62)
NUMBERS = st.integers(0, 2**62 - 1)


@given(st.lists(st.tuples(TIMES, NUMBERS), min_size=1, max_size=20))
def test_column_equals_text(calls: list[tuple[int, int]]) -> None:
    """The fast column and the text of each call are the same."""
    times, numbers = zip(*calls, strict=True)
    assert _identity.column(times, numbers).to_pylist() == [_identity.text(*call) for call in calls]


@given(TIMES, NUMBERS, st.integers(0, 1000), st.integers(1, 50))
def test_batch_column_equals_text(time_ns: int, number: int, first: int, rows: int) -> None:
    """The ids of a batch are those of its rows."""
    expected = [_identity.text(time_ns, number, row) for row in range(first, first + rows)]
    assert _identity.batch_column(time_ns, number, first, rows).to_pylist() == expected


@given(st.integers(0, 2**48 * 10**6 - 1), NUMBERS)
def test_is_uuid_version_7(time_ns: int, number: int) -> None:
    """An id is a UUID of version 7 whose first 48 bits are the milliseconds (RFC 9562, 5.7)."""
    found = uuid.UUID(_identity.text(time_ns, number))
    assert (found.version, found.variant, found.int >> 80) == (7, uuid.RFC_4122, time_ns // 10**6)


def test_no_number_repeats() -> None:
    """Numbers of a process differ, and two processes start elsewhere."""
    first, second = _identity.numbers(), _identity.numbers()
    assert len({first() for _ in range(10_000)} | {second() for _ in range(10_000)}) == 20_000


def test_later_ids_sort_later() -> None:
    """Ids of later milliseconds sort after earlier ones."""
    ids = [_identity.text(time * 10**6, 2**61 - time) for time in range(10**12, 10**12 + 50)]
    assert ids == sorted(ids)
