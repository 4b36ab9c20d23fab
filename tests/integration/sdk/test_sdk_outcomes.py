"""Outcomes of other names than the label, from the SDK: each in records of its own, and labels as they ever were."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pages import blocks

import modelspan
from modelspan.testing import Receiver


def test_the_lines_of_the_guide_send_each_outcome_by_its_name(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Of the label there is no column: records of it are those of before."""
    sdk(endpoint=receiver.endpoint)
    (block,) = blocks("docs/outcomes.md", "python")
    exec(block.text, {})
    assert modelspan.flush(60)
    found = [(row["prediction_id"], row.get("outcome", "-"), row["value"]) for row in receiver.labels()]
    assert sorted(found, key=str) == sorted(
        [
            ("order-17", "-", None),
            ("order-17", "revenue", 79.5),
            ("order-17", "revenue", 82.0),
            ("order-17", "satisfaction", 4.0),
            ("order-18", "satisfaction", 2.0),
        ],
        key=str,
    )


@pytest.mark.swallows("labels are left out: the name of an outcome")
def test_a_name_that_is_none_is_said_and_the_label_has_its_own(sdk: Callable[..., None], receiver: Receiver) -> None:
    """Nothing is sent under no name, and `label` is the label; tables and classes have outcomes too."""
    sdk(endpoint=receiver.endpoint)
    modelspan.label("a", 1.0, outcome=" ")
    modelspan.label("b", 1.0, outcome=3)  # type: ignore[arg-type]
    modelspan.label("c", 1.0, outcome="label")
    modelspan.label([{"prediction_id": "d", "label": "yes"}], outcome=" chargeback ")
    assert modelspan.flush(60)
    found = {row["prediction_id"]: (row.get("outcome"), row["value"], row["label"]) for row in receiver.labels()}
    assert found == {"c": (None, 1.0, None), "d": ("chargeback", None, "yes")}
