"""The examples of the page on answers, as they stand there, with the store behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pages import blocks

from modelspan_collector.store.connect import Store


def test_the_examples_are_stored_as_the_page_says(store: Store, sent: Callable[[], None]) -> None:
    """One namespace, as a reader would run them; the query reads what they left."""
    names: dict[str, Any] = {}
    for block in blocks("docs/answers.md", "python"):
        exec(block.text, names)
    sent()
    rows = {row["model"]: row for row in store.rows("SELECT * FROM predictions")}
    assert {name: row["shape"] for name, row in rows.items()} == {
        "shelf": "multioutput",
        "tagger": "multilabel",
        "shop": "ranking",
        "load": "quantile",
    }
    assert (rows["tagger"]["items"], rows["tagger"]["scores"]["spam"]) == (["billing", "refund"], 0.05)
    assert (rows["shop"]["items"], rows["shop"]["outputs"]["score"]) == (["tea", "cup", "spoon"], [0.9, 0.6, 0.2])
    truths = {row["prediction_id"]: row for row in store.rows("SELECT * FROM labels FINAL")}
    assert truths[rows["shop"]["prediction_id"]]["items"] == ["cup", "kettle"]
    assert truths[rows["load"]["prediction_id"]]["outputs"] == {"value": [97.0, 125.0]}
    (query,) = blocks("docs/answers.md", "sql")
    (found,) = store.rows(query.text)
    assert (found["demand"], found["returns"]) == (15.0, 2.5)
    cards = store.rows("SELECT model, task FROM models FINAL")
    assert {row["model"]: row["task"] for row in cards} == {name: row["shape"] for name, row in rows.items()}
