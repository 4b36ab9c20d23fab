"""Labels of other people's files, read and posted: what fits arrives, what does not is named."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from starlette.applications import Starlette

from modelspan_analyzer.files.labels import LabelRows, label_rows
from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.roles import Hints
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.governance import audit
from modelspan_analyzer.load_labels import load_labels
from modelspan_analyzer.web import uploads
from modelspan_analyzer.web.baselines import baseline_routes
from modelspan_analyzer.web.labels import label_routes
from modelspan_collector.access.rules import Redaction
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

STORED = "SELECT prediction_id, label, value FROM labels FINAL ORDER BY prediction_id"


def read(text: str, time: str = "", **hints: str) -> LabelRows:
    """The labels of a CSV text."""
    return label_rows(
        from_bytes(text.encode(), ("prediction_id", time)), "prediction_id", "label", time, Hints(**hints)
    )


def predicted(store: Store, ids: list[str], classes: list[str]) -> None:
    """Predictions of the model `m`."""
    times = pa.array([1_790_000_000 * 10**9] * len(ids), pa.timestamp("ns", "UTC"))
    fixed = {"model": ["m"] * len(ids), "version": ["1"] * len(ids), "timestamp": times}
    store.insert("predictions", pa.table({**fixed, "prediction_id": ids, "label": classes}))


def test_ids_are_kept_as_they_are_written(store: Store) -> None:
    """Zeros in front stay, and ids of twenty digits stay two."""
    load_labels(store, read("prediction_id,label\n00042,1\n12345678901234567890,1\n12345678901234567891,0\n"))
    ids = [row["prediction_id"] for row in store.rows(STORED)]
    assert ids == ["00042", "12345678901234567890", "12345678901234567891"]


@pytest.mark.parametrize(
    ("classes", "labels", "spelt"),
    [
        (["Yes", "No"], ["YES", " no"], ["Yes", "No"]),
        (["1", "0"], ["True", "False"], ["1", "0"]),
        (["true", "false"], ["1", "0.0"], ["true", "false"]),
        ([], ["Yes", "yes"], ["Yes", "Yes"]),
    ],
)
def test_labels_are_spelt_as_predictions_are(
    store: Store, classes: list[str], labels: list[str], spelt: list[str]
) -> None:
    """One class in two spellings is one, and what was changed is said."""
    if classes:
        predicted(store, ["a", "b"], classes)
    given = read("prediction_id,label\n" + "".join(f"{name},{text}\n" for name, text in zip("ab", labels, strict=True)))
    assert load_labels(store, given, model="m") == 2
    assert [row["label"] for row in store.rows(STORED)] == spelt
    assert any(sentence.startswith("spellings of one class") for sentence in given.remarks.assumed)


def test_labels_that_name_no_predicted_class_are_said(store: Store) -> None:
    """They are kept, as all predictions may be wrong, but never in silence."""
    predicted(store, ["a", "b"], ["positive", "negative"])
    given = read("prediction_id,label\na,1\nb,0\n")
    assert load_labels(store, given, model="m") == 2
    said = " ".join(given.remarks.assumed)
    assert "no label ('0', '1') is a class that the predictions name ('negative', 'positive')" in said


def test_a_row_that_is_no_label_is_left_out_alone(store: Store) -> None:
    """No id, a year beyond the store's, a lone surrogate and no time cost their rows, which are named and counted."""
    table = pa.table(
        {
            "prediction_id": pa.array([b"a", None, b"\xed\xa0\x80", b"d", b"e", b"f"], pa.binary()),
            "label": ["1", "1", "1", "0", None, "1"],
            "when": ["2026-01-01", "2026-01-01", "2026-01-01", "2300-01-01", "2026-01-01", "2026-01-01T00:00:00Z"],
        }
    )
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    given = label_rows(from_bytes(sink.getvalue()), "prediction_id", "label", "when")
    assert load_labels(store, given) == 2
    assert [row["prediction_id"] for row in store.rows(STORED)] == ["a", "f"]
    said = " | ".join(given.remarks.left_out)
    assert "3 of 6 labels: row 2 has no id in 'prediction_id', row 3 has no id" in said
    assert "row 4 has no time in 'when'" in said
    assert "1 of 6 rows, whose 'label' is empty: not known yet" in said


def test_seconds_since_1970_are_no_nanoseconds(store: Store) -> None:
    """The unit is told by the numbers' size, said, and settled by the option."""
    given = read("prediction_id,label,at\na,1,1767225600\n", "at")
    load_labels(store, given)
    assert store.scalar("SELECT toYear(timestamp) FROM labels") == 2026
    assert "column 'at' counts seconds since 1970 (--time-unit says otherwise)" in given.remarks.assumed
    assert (
        read("prediction_id,label,at\na,1,1767225600\n", "at", time_unit="ms").table["timestamp"][0].as_py().year
        == 1970
    )


def test_numbers_and_classes_land_where_they_belong(store: Store) -> None:
    """Fractions are values, whole numbers and texts classes, and the task settles it."""
    assert load_labels(store, read("prediction_id,label\na,2.5\nb,7\n")) == 2
    assert load_labels(store, read("prediction_id,label\nc,1\nd,0\n")) == 2
    assert load_labels(store, read("prediction_id,label\ne,1\n", task="regression")) == 1
    rows = {row["prediction_id"]: (row["label"], row["value"]) for row in store.rows(STORED)}
    assert rows == {"a": ("", 2.5), "b": ("", 7.0), "c": ("1", None), "d": ("0", None), "e": ("", 1.0)}
    assert len(audit.entries(store, since=datetime(2020, 1, 1, tzinfo=UTC), action="labels loaded")) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prediction_id,truth\na,1\n", "no column 'label'; it has prediction_id, truth"),
        ("prediction_id,label\n", "no labels below its header"),
        ("prediction_id,label\na,\n", "none of its 1 rows is a label"),
    ],
)
def test_a_file_of_no_labels_is_one_sentence(text: str, words: str) -> None:
    """It says what there is instead."""
    with pytest.raises(FileError, match=words):
        read(text)


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    """A client of the HTTP interface on the store."""
    server = AsgiServer(Starlette(routes=[*label_routes(store), *baseline_routes(store)]), "127.0.0.1", 0, name="web")
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as opened:
        yield opened
    server.stop()


CSV = "prediction_id,label\n00042,1\n,1\n"
TABLES = {
    "text/csv": CSV.encode(),
    "application/x-ndjson": b'{"prediction_id": "00042", "label": 1}\n{"prediction_id": null, "label": 1}\n',
    "application/octet-stream": CSV.encode("utf-16"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_labels_are_posted_as_any_table(client: httpx.Client, store: Store, kind: str) -> None:
    """The answer says how many were stored and what was left out."""
    answer = client.post("/api/labels?model=m", content=TABLES[kind], headers={"Content-Type": kind})
    assert answer.status_code == 201, answer.text
    assert answer.json()["labels"] == 1
    assert answer.json()["left_out"] == [
        f"1 of 2 labels: line {2 if 'json' in kind else 3} has no id in 'prediction_id'"
    ]
    assert store.rows(STORED)[0]["prediction_id"] == "00042"


def test_a_baseline_is_posted_as_any_table(client: httpx.Client) -> None:
    """What is read and left out is the same as on the command line."""
    text = "p;x;Unnamed: 0\n" + "".join(f"{row % 2};{row},5;{row}\n" for row in range(20))
    answer = client.post(
        "/api/baselines?model=m&prediction=p", content=text.encode("cp1252"), headers={"Content-Type": "text/csv"}
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["rows"] == 20
    assert "'Unnamed: 0'" in answer.json()["left_out"][0]
    assert "decimal comma" in " ".join(answer.json()["assumed"])


SEVERAL = "labels of several parts are sent by `modelspan.label`"


def test_lists_that_are_written_as_text_are_classes_and_named() -> None:
    """Each spelling would be a class of its own: it is said of how many cells, and what sends lists."""
    given = label_rows(
        from_bytes(b'prediction_id,label\na,"[""tea"", ""cup""]"\nb, [1] \nc,tea\n'), "prediction_id", "label"
    )
    assert given.remarks.assumed == [
        f"2 of 3 cells of 'label' look like lists ('[…]'), and each is taken for one class; {SEVERAL}"
    ]


@pytest.mark.parametrize("cell", ["(1, 2)", "('tea',)", "{'tea', 'cup'}", "{'tea': 0.9}"])
def test_tuples_sets_and_mappings_as_text_are_named_too_and_a_word_in_brackets_is_not(cell: str) -> None:
    given = label_rows(from_bytes(f'prediction_id;label\na;"{cell}"\nb;(none)\n'.encode()), "prediction_id", "label")
    said = (
        f"1 of 2 cells of 'label' look like lists ('{cell[0]}…{cell[-1]}'), and each is taken for one class; {SEVERAL}"
    )
    assert said in given.remarks.assumed


@pytest.mark.parametrize("limit", [2**20, 2**62], ids=["posted", "on disk"])
def test_columns_of_lists_are_refused_with_what_sends_them(limit: int) -> None:
    """Also where a bounded reader has left the column out, which does not say that there is none."""
    sink = io.BytesIO()
    parquet.write_table(pa.table({"prediction_id": ["a", "b"], "label": [["tea"], ["cup"]]}), sink)
    said = "no column 'label' that can be used" if limit < 2**62 else f"holds list<.*>, .*; {SEVERAL}"
    with pytest.raises(FileError, match=said):
        label_rows(from_bytes(sink.getvalue(), limit=limit), "prediction_id", "label")


@pytest.mark.parametrize("path", ["/api/labels", "/api/baselines?model=m"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_page_can_send_unasked_is_refused(client: httpx.Client, path: str, kind: str) -> None:
    """Content types that a browser sends across origins without asking are no tables."""
    answer = client.post(path, content=CSV.encode(), headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "a table is posted with a content type of" in answer.json()["error"]


@pytest.mark.parametrize("path", ["/api/labels", "/api/baselines?model=m"])
def test_a_body_beyond_its_bounds_is_refused(
    client: httpx.Client, path: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Too many bytes are 413 before they are all read; few bytes that unfold to many rows are 400."""
    monkeypatch.setattr(uploads, "MOST_BYTES", 1000)
    monkeypatch.setattr(uploads, "MOST_UNFOLDED", 100_000)
    headers = {"Content-Type": uploads.PARQUET_TYPE}
    assert client.post(path, content=b"x" * 1001, headers=headers).status_code == 413
    parquet.write_table(
        pa.table({"x": pa.array([1]).take(pa.array([0] * 1_000_000))}), tmp_path / "x", compression="zstd"
    )
    monkeypatch.setattr(uploads, "MOST_BYTES", 10**7)
    answer = client.post(path, content=(tmp_path / "x").read_bytes(), headers=headers)
    assert answer.status_code == 400
    assert "unfolds to more than" in answer.json()["error"]


@pytest.mark.parametrize(
    ("cells", "values", "classes", "said"),
    [
        ("4,2,5", [4.0, 2.0, 5.0], ["", "", ""], ""),
        ("yes,no,yes", [None] * 3, ["yes", "no", "yes"], ""),
        ("4,2,often", [None] * 3, ["4", "2", "often"], "all of 'label' are classes, as 'often' is no number"),
    ],
)
def test_whole_numbers_of_an_outcome_are_numbers_as_when_they_are_sent(
    cells: str, values: list[float | None], classes: list[str], said: str
) -> None:
    """Of a label they may be classes; and one cell that is none makes classes of all, which is said."""
    lines = "".join(f"{row},{cell}\n" for row, cell in enumerate(cells.split(",")))
    text = f"prediction_id,label\n{lines}".encode()
    given = label_rows(from_bytes(text, ("prediction_id", "")), "prediction_id", "label", named=True)
    assert given.table["value"].to_pylist() == values
    assert given.table["label"].to_pylist() == classes
    assert said in "; ".join(given.remarks.assumed)
    assert bool(said) == bool(given.remarks.assumed)


def test_an_outcome_without_a_name_is_refused(client: httpx.Client, store: Store) -> None:
    """It would be taken for the label, and overwrite it."""
    body, csv = b"prediction_id,label\na,yes\n", {"content-type": "text/csv"}
    for name in ("", " "):
        told = client.post("/api/labels", params={"outcome": name}, content=body, headers=csv)
        assert (told.status_code, "the name of an outcome is a text" in told.json()["error"]) == (400, True)
    assert store.scalar("SELECT count() FROM labels") == 0


def test_a_file_may_be_of_another_outcome_than_the_label(store: Store) -> None:
    """Posted with its name: beside the labels, spelt as it is, and refused where the rules of redaction drop it."""
    predicted(store, ["a", "b"], ["Yes", "No"])
    load_labels(store, read("prediction_id,label\na,yes\nb,no\n"))
    server = AsgiServer(Starlette(routes=label_routes(store, Redaction(drop=("salary",)))), "127.0.0.1", 0)
    server.start()
    try:
        url, csv = f"http://127.0.0.1:{server.port}/api/labels", {"content-type": "text/csv"}
        body = b"prediction_id,label\na,yes\nb,often\n"
        told = httpx.post(url, params={"outcome": "complained"}, content=body, headers=csv, timeout=60)
        refused = httpx.post(url, params={"outcome": "salary"}, content=body, headers=csv, timeout=60)
    finally:
        server.stop()
    assert (told.status_code, told.json()["labels"]) == (201, 2)
    assert refused.status_code == 400
    assert "salary" in refused.text
    found = store.rows("SELECT prediction_id, outcome, label FROM labels FINAL ORDER BY outcome, prediction_id")
    assert [tuple(row.values()) for row in found] == [
        ("a", "", "Yes"), ("b", "", "No"), ("a", "complained", "yes"), ("b", "complained", "often")
    ]  # fmt: skip
