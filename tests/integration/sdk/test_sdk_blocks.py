"""A block of a call of a model: it is stored by the id that it told, so that labels find it."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest

import modelspan
from modelspan.testing import Receiver


@pytest.mark.parametrize("when", ["at once", "in the block"])
@pytest.mark.parametrize("many", [False, True], ids=["a row", "a table"])
def test_a_block_is_stored_by_the_id_that_it_told(
    when: str, many: bool, sdk: Callable[..., None], receiver: Receiver
) -> None:
    """Whatever its time, and whenever it is asked: a label of an id that no prediction has is lost."""
    sdk(endpoint=receiver.endpoint)
    past = datetime.datetime(2026, 1, 2, 3, tzinfo=datetime.UTC)
    with modelspan.prediction("m", "1", timestamp=past if when == "at once" else None) as p:
        before = p.prediction_id
        p.features = [{"a": 1.0}, {"a": 2.0}] if many else {"a": 1.0}
        if when == "in the block":
            p.timestamp = past
        with modelspan.prediction("other", "1") as inner:
            inner.value = 1.0
        told = p.prediction_id
    assert modelspan.flush(60)
    stored = [row for row in receiver.predictions() if row.get("feature.a") is not None]
    assert {before, told, p.prediction_id} == {stored[0]["prediction_id"]}
    assert len({row["prediction_id"] for row in stored}) == len(stored) == 1 + many
    assert {row["timestamp"] for row in stored} == {past}
    assert modelspan.prediction_ids() == [row["prediction_id"] for row in stored]
