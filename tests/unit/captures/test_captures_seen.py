"""Ids that an import has come across, however many batches they came in."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.captures.seen import Seen

ROWS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 2)), max_size=12)


@given(st.lists(ROWS, max_size=8))
def test_the_first_of_an_id_is_new_and_another_call_of_it_is_told(batches: list[list[tuple[str, int]]]) -> None:
    """As a dictionary would say, row by row."""
    seen, reference = Seen(), dict[str, int]()
    for batch in batches:
        times = pa.chunked_array([pa.array([time for _, time in batch], pa.int64())])
        versions = pa.chunked_array([pa.array(["1"] * len(batch), pa.string())])
        new, other = seen.look([each for each, _ in batch], times, versions)
        expected = [(key not in reference, time != reference.setdefault(key, time)) for key, time in batch]
        assert list(zip(new.tolist(), other.tolist(), strict=True)) == expected
