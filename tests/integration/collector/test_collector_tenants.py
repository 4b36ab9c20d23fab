"""What a tenant sends arrives whole, whoever it is and however its columns are encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from collector_otlp import arrow, event, post, predictions

from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

TEXTS = ["north", None, "north"]
ENCODINGS = {
    "string": pa.array(TEXTS),
    "large": pa.array(TEXTS, pa.large_string()),
    "view": pa.array(TEXTS, pa.string_view()),
    "dictionary": pa.array(TEXTS).dictionary_encode(),
    "large_dictionary": pa.array(TEXTS, pa.large_string()).dictionary_encode(),
    "runs": pc.run_end_encode(pa.array(TEXTS)),
}
NUMBERS = {"integer": pa.array([7, None, 7]), "category": pa.array([7, None, 7]).dictionary_encode()}
TAGS = {f"tag.{name}": column for name, column in {**ENCODINGS, **NUMBERS}.items()}


@pytest.fixture
def own(store: Store) -> Iterator[str]:
    """The name of a database of a tenant's own."""
    name = f"{store.database}_own"
    yield name
    store.command(f"DROP DATABASE IF EXISTS {name}")


@pytest.mark.parametrize(
    "tenant", ["", "tenant=acme", "tenant=acme database={}", "database={}"], ids=["none", "tag", "both", "database"]
)
def test_predictions_of_every_tenant_arrive(
    start: Callable[..., Collector], store: Store, own: str, tmp_path: Path, tenant: str
) -> None:
    """A token's tenant joins the tags of a record, whose texts may be in any encoding that Arrow has."""
    (tmp_path / "tokens").write_text(f"alpha {tenant.format(own)}\n")
    collector = start(tokens=tmp_path / "tokens")
    streams = [predictions(3), predictions(3, label=pa.array(TEXTS, pa.string_view()), **TAGS)]
    for stream in streams:
        body = event("modelspan.predictions", arrow(stream)).SerializeToString()
        assert post(collector.http_port, "/v1/logs", body, authorization="Bearer alpha").status == 200
    collector.flush()
    database = own if "database" in tenant else store.database
    rows = store.rows(f"SELECT tags, label FROM {database}.predictions ORDER BY timestamp, prediction_id")
    told = {"tenant": "acme"} if "acme" in tenant else {}
    north = dict.fromkeys(ENCODINGS, "north") | dict.fromkeys(NUMBERS, "7") | told
    assert [row["tags"] for row in rows] == [told] * 3 + [north, told, north]
    assert [row["label"] for row in rows] == [""] * 3 + ["north", "", "north"]
    assert not list((tmp_path / "data" / "dead").rglob("*.json"))
