"""What redaction names is stored by no way in: from no table, text or name that is posted to the web port either."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from web_port import redacting

from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store

SECRET, DIGITS = "SECRET-c0ffee", 4111_1111_1111_1111
RULES = Redaction(
    drop=("*email*", "label"), hash=("user",), mask=(r"SECRET-[0-9a-f]+", r"4111\d{12}"), key=b"a key of the hashes"
)
HIDDEN = (SECRET, "ann@example.org", "ann-4711", str(DIGITS))
TABLE = pa.table({
    "user": ["ann-4711", "bob"],
    "User_EMAIL": ["ann@example.org", "x"],
    "note": [f"about {SECRET}", "y"],
    "coded": pa.array([SECRET, "z"]).dictionary_encode(),
    "viewed": pa.array([SECRET, "z"], pa.string_view()).cast(pa.string()),
    "card": [DIGITS, 5],
    f"named {SECRET}": [1.5, 2.5],
    "age": [31, 42],
    "label": [SECRET, "no"],
    "prediction_id": [f"id {SECRET}", "p2"],
})  # fmt: skip


@pytest.fixture
def client(store: Store, tmp_path: Path) -> Iterator[httpx.Client]:
    """Sends to the web port of an instance that redacts."""
    with redacting(store, tmp_path, RULES) as opened:
        yield opened


def forms() -> dict[str, bytes]:
    sink, stream = pa.BufferOutputStream(), pa.BufferOutputStream()
    parquet.write_table(TABLE, sink)
    with pa.ipc.new_stream(stream, TABLE.schema) as writer:
        writer.write_table(TABLE)
    text = TABLE.to_pandas()
    return {
        "application/vnd.apache.parquet": sink.getvalue().to_pybytes(),
        "application/vnd.apache.arrow.stream": stream.getvalue().to_pybytes(),
        "text/csv": text.to_csv(index=False).encode(),
        "application/x-ndjson": text.to_json(orient="records", lines=True).encode(),
    }


def stored(store: Store) -> str:
    """Everything in every table, as text."""
    names = store.rows(  # but for views with parameters, which have no columns without them
        "SELECT name FROM system.tables AS t WHERE database = currentDatabase() AND (database, name) IN"
        " (SELECT database, table FROM system.columns)"
    )
    tables = [row["name"] for row in names if not row["name"].startswith(("otlp_", "."))]
    shown = [store.rows(f"SELECT * FROM `{name}`") for name in tables if not name.endswith(("_from_otlp", "_views"))]
    return repr(shown)


@pytest.mark.parametrize("kind", forms())
def test_posted_tables_are_redacted_as_telemetry_is(kind: str, store: Store, client: httpx.Client) -> None:
    """Names are dropped or hashed, whatever their case; texts and numbers are masked; what the rows need stays."""
    body, headers = forms()[kind], {"content-type": kind}
    said = {"model": f"m {SECRET}", "source": f"of {SECRET}"}
    roles = {"label": "label", "tag": ["note", "User_EMAIL"], "feature": ["user", "card"]}

    made = client.post("/api/baselines", params={**said, **roles}, content=body, headers=headers)
    labels = client.post("/api/labels", params=said | {"actor": SECRET}, content=body, headers=headers)
    told = {"opinion": "noise", "comment": f"like {SECRET}", "actor": SECRET}
    client.post("/api/incidents/x/feedback", json=told)

    assert (made.status_code, labels.status_code) == (201, 201), (made.text, labels.text)
    assert any("User_EMAIL" in sentence and "redaction" in sentence for sentence in made.json()["left_out"])
    everything = stored(store)
    assert not [hidden for hidden in HIDDEN if hidden in everything]
    row = store.rows("SELECT * FROM reference_predictions ORDER BY prediction_id")[0]
    assert row["numeric_features"] == {"age": 31.0, "named ***": 1.5}
    assert row["categorical_features"]["user"] == RULES.digest("ann-4711")
    assert (row["tags"], row["true_label"]) == ({"note": "about ***"}, "***")
    assert store.rows("SELECT prediction_id, label FROM labels ORDER BY 1") == [
        {"prediction_id": "id ***", "label": "***"},
        {"prediction_id": "p2", "label": "no"},
    ]
