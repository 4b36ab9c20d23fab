"""SageMaker's captures become predictions and labels as typed columns; what is odd costs its own line alone."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.sagemaker import read_sagemaker
from modelspan_analyzer.captures.whole import read_captured, read_labels
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.replay.history import split

NAMES = Options(columns=("age", "plan"))


def half(data: str, encoding: str = "CSV", content: str = "text/csv") -> dict[str, str]:
    """One side of an exchange."""
    return {"observedContentType": content, "data": data, "encoding": encoding}


def line(asked: Any, answered: Any, event: str = "e1", time: Any = "2026-01-31T14:00:39Z", **told: Any) -> str:
    """A line of a capture; sides that are texts are CSV, and of None nothing was captured."""
    sides = {"endpointInput": asked, "endpointOutput": answered}
    held = {name: half(side) if isinstance(side, str) else side for name, side in sides.items() if side is not None}
    metadata = {"eventId": event, "inferenceTime": time, **told}
    return json.dumps({"captureData": held, "eventMetadata": metadata, "eventVersion": "0"})


def truth(data: str, event: str, key: str = "eventId") -> str:
    """A line of ground truth."""
    return json.dumps({"groundTruthData": {"data": data, "encoding": "CSV"}, "eventMetadata": {key: event}})


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., tuple[pa.Table, Misfits]]:
    """Read lines as one capture; its rows, and what was not understood."""

    def lines(*given: str | bytes, options: Options = NAMES) -> tuple[pa.Table, Misfits]:
        raw = b"\n".join(each.encode() if isinstance(each, str) else each for each in given)
        (tmp_path / "part.jsonl").write_bytes(raw)
        misfits = Misfits()
        batches = list(read_sagemaker([tmp_path], options, misfits))
        return pa.concat_tables([each.rows for each in batches], promote_options="permissive"), misfits

    return lines


def test_a_line_of_one_row_is_a_prediction_with_its_time(read: Callable[..., Any]) -> None:
    """Its id is the event's, and numbers are numbers though CSV has none."""
    rows, misfits = read(line("41.5,gold", "9.25"))
    assert rows.drop_columns(["timestamp"]).to_pylist() == [
        {"prediction_id": "e1", "version": "", "sample_weight": 1.0, "age": 41.5, "plan": "gold", "prediction": 9.25}
    ]
    assert rows["timestamp"][0].as_py() == datetime(2026, 1, 31, 14, 0, 39, tzinfo=UTC)
    assert not misfits


def test_a_line_of_several_rows_is_as_many_predictions(read: Callable[..., Any]) -> None:
    """Each has the event's id with its position, and the answer of that position."""
    rows, misfits = read(line("1,a\n2,b\n3,c\n", "10\n20\n30\n"), line("4,d", "40", "e2"))
    assert rows["prediction_id"].to_pylist() == ["e1_0", "e1_1", "e1_2", "e2"]
    assert rows.select(["age", "plan", "prediction"]).to_pydict() == {
        "age": [1.0, 2.0, 3.0, 4.0],
        "plan": ["a", "b", "c", "d"],
        "prediction": [10.0, 20.0, 30.0, 40.0],
    }
    assert not misfits


def test_the_callers_own_id_counts_before_the_events(read: Callable[..., Any]) -> None:
    """Ground truth names it."""
    assert read(line("1,a", "2", inferenceId="mine"))[0]["prediction_id"].to_pylist() == ["mine"]


IN_BASE64 = base64.b64encode(b'7,"a, b"').decode()
FORMS: dict[str, tuple[Any, Any]] = {
    "CSV with quotes": ('7,"a, b"', "0.5"),
    "CSV with line ends of Windows": ('7,"a, b"\r\n', "0.5\r\n"),
    "CSV in base64": (half(IN_BASE64, "BASE64"), "0.5"),
    "CSV in quotes throughout": ('"7","a, b"', '"0.5"'),
    "encoding told by the content type": (half('7,"a, b"', "NONE", "text/csv; charset=utf-8"), "0.5"),
    "rows as lists": (half('{"instances":[[7,"a, b"]]}', "JSON", "application/json"), "0.5"),
    "rows as objects": (half('{"instances":[{"age":7,"plan":"a, b"}]}', "JSON"), half("[0.5]", "JSON")),
    "features of a lone row": (half('{"features":[7,"a, b"]}', "JSON"), half('{"predictions":[0.5]}', "JSON")),
    "an object a line": (half('{"age":7,"plan":"a, b"}\n', "JSON", "application/jsonlines"), half("0.5", "JSON")),
    "JSON in base64": (half(base64.b64encode(b'[[7, "a, b"]]').decode(), "BASE64", "application/json"), "0.5"),
    "objects answered": ("7,\"a, b\"", half('{"predictions":[{"prediction":0.5}]}', "JSON")),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_payload_gives_the_same_row(read: Callable[..., Any], form: str) -> None:
    """Whatever the container took and answered."""
    rows, misfits = read(line(*FORMS[form]))
    assert list(misfits.sentences()) == []
    assert rows.select(["age", "plan", "prediction"]).to_pylist() == [{"age": 7.0, "plan": "a, b", "prediction": 0.5}]


HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("{", "lines that are no JSON"),
    "half a line": (line("1,a", "2")[:-7], "lines that are no JSON"),
    "NUL": (b"\0" * 40, "lines that are no JSON"),
    "bytes that are no UTF-8": (line("1,X", "2").encode().replace(b"X", b"\xff\xfe"), "lines that are no JSON"),
    "a lone surrogate": (line("1,X", "2").replace("X", "\\ud800"), "lines that are no JSON"),
    "nested without end": ("[" * 100_000, "lines that are no JSON"),
    "another format": ('{"a":1}', "lines that are neither a capture nor ground truth"),
    "a list": ("[1]", "lines that are neither a capture nor ground truth"),
    "metadata that are a text": ('{"captureData":{},"eventMetadata":"x"}', "lines that are neither a capture"),
    "an id that is a list": (line("1,a", "2", inferenceId=[1]), "lines whose id is no text"),
    "broken base64": (line(half("!!!", "BASE64"), "2"), "payloads that are no text in base64"),
    "a picture": (line(half("/9j/4AAQ", "BASE64", "image/jpeg"), "2"), "payloads that are no text in base64"),
    "a pickle": (line(half("gASVAQ==", "BASE64", "application/x-pickle"), "2"), "payloads that are no text"),
    "an array": (line(half("x", "NONE", "application/x-npy"), "2"), "payloads of content type 'application/x-npy'"),
    "broken JSON within": (line(half("{", "JSON"), "2"), "payloads that are no JSON"),
    "nested without end within": (line(half("[" * 5000, "JSON"), "2"), "payloads that are no JSON"),
    "a value too many": (line("1,a,b", "2"), "payloads of 3 columns, where 2 were expected"),
    "a value too few in its second row": (line("1,a\n2", "2\n3"), "payloads of 1 columns, where 2 were expected"),
    "an empty payload": (line("", "2"), "payloads without a row"),
    "fewer answers than rows": (line("1,a\n2,b", "2"), "events with more or fewer answers"),
    "a cell of a megabyte in quotes": (line(f'1,"{"x" * 10**6}"', "2"), "payloads that are no CSV"),
    "nothing captured": (line(None, None), "events with neither a request nor an answer"),
    "no time": (line("1,a", "2", time=None), "events without a time that can be read"),
    "a time that is none": (line("1,a", "2", time="yesterday"), "events without a time that can be read"),
    "a time that is a number": (line("1,a", "2", time=7), "events without a time that can be read"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_or_broken_costs_its_own_line_alone(read: Callable[..., Any], what: str) -> None:
    """Its neighbours are read, and the reason is said with the file and the line."""
    text, reason = HOSTILE[what]
    rows, misfits = read(line("1,a", "10", "first"), text, line("3,c", "30", "last"))
    timed = rows.filter(rows["timestamp"].is_valid())
    assert timed.select(["prediction_id", "age", "plan", "prediction"]).to_pylist() == [
        {"prediction_id": "first", "age": 1.0, "plan": "a", "prediction": 10.0},
        {"prediction_id": "last", "age": 3.0, "plan": "c", "prediction": 30.0},
    ]
    [sentence] = misfits.sentences()
    assert sentence.startswith(f"1 {reason}")
    assert sentence.endswith("part.jsonl line 2")
    assert (misfits.lines, misfits.cells) == (1, 0)


def test_a_cell_that_is_no_number_is_missing_and_named(read: Callable[..., Any]) -> None:
    """The rest of its row stays."""
    many = [line(f"{row}.5,a", "1", f"e{row}") for row in range(40)]
    rows, misfits = read(*many, line("old,b", "1", "odd"), line("NA,", "1", "none"))
    assert rows.slice(40).select(["age", "plan"]).to_pylist() == [
        {"age": None, "plan": "b"},
        {"age": None, "plan": None},
    ]
    [sentence] = misfits.sentences()
    assert sentence.startswith("1 cells of column 'age' that hold no number: ")
    assert sentence.endswith("part.jsonl line 41: 'old'")


def test_a_side_that_was_not_captured_is_missing(read: Callable[..., Any]) -> None:
    """Inputs alone, or answers alone, are rows too."""
    rows, misfits = read(line("1,a", None, "asked"), line(None, "5", "answered"))
    assert sorted(rows.select(["prediction_id", "age", "prediction"]).to_pylist(), key=str) == [
        {"prediction_id": "answered", "age": None, "prediction": 5.0},
        {"prediction_id": "asked", "age": 1.0, "prediction": None},
    ]
    assert not misfits


def test_names_that_nothing_tells_are_made_and_said(read: Callable[..., Any]) -> None:
    """With the option that gives them."""
    rows, misfits = read(line("1,a", "5,0.25"), options=Options())
    assert rows.column_names[4:] == ["feature_1", "feature_2", "output_1", "output_2"]
    assert misfits.remarks.assumed == [
        "columns without a name are called feature_1 to feature_2 (--columns names them)",
        "columns without a name are called output_1 to output_2 (--outputs names them)",
    ]


def test_a_column_that_is_called_as_ours_keeps_its_values(read: Callable[..., Any]) -> None:
    """Under a name that tells which side it is of, which is said."""
    rows, misfits = read(line("1,a", "5"), options=Options(("timestamp", "prediction")))
    assert rows.column_names[4:] == ["input.timestamp", "prediction", "output.prediction"]
    assert len(misfits.remarks.assumed) == 2


def test_columns_keep_their_type_over_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers first and fractions later are one column, and so are codes."""
    monkeypatch.setattr("modelspan_analyzer.captures.lines.read_lines.__defaults__", (100,))
    lines = [line(f"{row},0{row}", "1", f"e{row}") for row in range(3)] + [line("3.5,77", "1", "e3")]
    for at, text in enumerate(lines):
        (tmp_path / f"{at}.jsonl").write_text(text)
    batches = list(read_sagemaker([tmp_path], NAMES, Misfits()))
    assert len(batches) > 1
    assert {batch.rows.schema.field("age").type for batch in batches} == {pa.float64()}
    assert [plan for batch in batches for plan in batch.rows["plan"].to_pylist()] == ["00", "01", "02", "77"]


@pytest.mark.parametrize("side", ["7,a\n08,b", half('[[7,"a"],["08","b"]]', "JSON")], ids=["CSV", "JSON"])
def test_codes_stay_texts_where_it_is_said(read: Callable[..., Any], side: Any) -> None:
    """Whichever way they are written."""
    rows, misfits = read(line(side, "1\n2"), options=Options(("age", "plan"), kinds={"age": pa.string()}))
    assert (rows["age"].to_pylist(), list(misfits.sentences())) == (["7", "08"], [])


def test_compressed_files_a_mark_and_empty_lines_are_read(tmp_path: Path) -> None:
    """As they lie in a bucket."""
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line("1,a", "1", "a").encode() + b"\n\n"))
    (tmp_path / "b.jsonl").write_bytes(b"\xef\xbb\xbf" + line("2,b", "2", "b").encode() + b"\r\n  \r\n")
    broken = gzip.compress("\n".join(line("3,c", "3", f"c{row}") for row in range(2000)).encode())[:-20]
    (tmp_path / "c.jsonl.gz").write_bytes(broken)
    misfits = Misfits()
    [batch] = read_sagemaker([tmp_path], NAMES, misfits)
    assert batch.rows["prediction_id"].to_pylist()[:2] == ["a", "b"]
    assert any(
        "c.jsonl.gz from line" in each and "all that follows cannot be read" in each for each in misfits.sentences()
    )


def test_a_line_that_is_too_long_is_left_out_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it goes on, and whatever follows it."""
    monkeypatch.setattr("modelspan_analyzer.captures.lines.LONGEST_LINE", 1000)
    monkeypatch.setattr("modelspan_analyzer.captures.lines._PIECE", 64)
    long = line("1," + "x" * 20_000, "1", "long")
    (tmp_path / "a.jsonl").write_text("\n".join([line("1,a", "1", "a"), long, line("2,b", "2", "b"), "{"]))
    misfits = Misfits()
    [batch] = read_sagemaker([tmp_path], NAMES, misfits)
    assert batch.rows["prediction_id"].to_pylist() == ["a", "b"]
    found = sorted(misfits.sentences())
    assert found[0] == f"1 lines of more than 1,000 bytes: {tmp_path}/a.jsonl line 2"
    assert found[1] == f"1 lines that are no JSON: {tmp_path}/a.jsonl line 4"


def test_ground_truth_is_of_the_hour_of_its_folder_and_joins_its_rows(tmp_path: Path) -> None:
    """By either name of the id; with several rows, by position."""
    folder = tmp_path / "truth/2026/02/01/09"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text("\n".join([truth("1", "e1"), truth("0\n1", "e2", "inferenceId"), truth("1", "e9")]))
    (tmp_path / "capture.jsonl").write_text("\n".join([line("1,a", "0.9"), line("2,b\n3,c", "0.1\n0.2", "e2")]))
    labels = read_labels("sagemaker", [folder], NAMES).table
    assert labels["prediction_id"].to_pylist() == ["e1", "e2_0", "e2_1", "e9"]
    assert set(labels["timestamp"].to_pylist()) == {datetime(2026, 2, 1, 9, tzinfo=UTC)}
    captured = read_captured("sagemaker", [tmp_path], NAMES)
    assert captured.rows.table.select(["prediction_id", "label"]).to_pydict() == {
        "prediction_id": ["e1", "e2_0", "e2_1"],
        "label": [1.0, 0.0, 1.0],
    }
    roles = captured.roles(Roles())
    assert (roles.id, roles.time, roles.prediction, roles.label) == (
        "prediction_id",
        "timestamp",
        "prediction",
        "label",
    )
    assert roles.features == ("age", "plan")


def test_a_capture_is_a_history_for_replay(tmp_path: Path) -> None:
    """Its inputs are the features, and nothing else is one."""
    lines = [line(f"{at},a", f"0.{at}", f"e{at}", f"2026-01-31T14:{at:02d}:00Z") for at in range(10, 30)]
    (tmp_path / "a.jsonl").write_text("\n".join([*lines, *(truth("1", f"e{at}") for at in range(10, 30))]))
    captured = read_captured("sagemaker", [tmp_path], NAMES)
    history = split(captured.rows, captured.roles(Roles(segments=("plan",))), "0.5")
    assert (history.baseline.num_rows, history.live.num_rows) == (10, 10)
    assert (history.columns.features, history.columns.segments, history.columns.label) == (("age",), ("plan",), "label")


def test_several_outputs_need_a_word(tmp_path: Path) -> None:
    """Except where the names are those of SageMaker's own models."""
    (tmp_path / "a.jsonl").write_text(line("1,a", "1,0.9"))
    with pytest.raises(FileError, match="name one with --prediction"):
        read_captured("sagemaker", [tmp_path], NAMES).roles(Roles())
    answer = half('{"predictions":[{"score":0.9,"predicted_label":1}]}', "JSON")
    (tmp_path / "a.jsonl").write_text(line("1,a", answer))
    roles = read_captured("sagemaker", [tmp_path], NAMES).roles(Roles())
    assert (roles.prediction, roles.score) == ("predicted_label", "score")


def test_what_is_not_in_the_format_at_all_is_an_error(tmp_path: Path) -> None:
    """That says why."""
    (tmp_path / "a.csv").write_text("age,plan\n1,a\n")
    with pytest.raises(FileError, match="holds no prediction in this format: 2 lines that are no JSON"):
        read_captured("sagemaker", [tmp_path], NAMES)
    with pytest.raises(FileError, match="there is no file or folder"):
        read_captured("sagemaker", [tmp_path / "none"], NAMES)


def test_the_columns_of_a_baseline_may_begin_with_the_outcome(read: Callable[..., Any]) -> None:
    """SageMaker's statistics are of training data, whose first column payloads do not have."""
    rows, misfits = read(line("1,a", "5"), options=Options(("churned", "age", "plan"), outcome_first=True))
    assert rows.column_names[4:] == ["age", "plan", "prediction"]
    assert misfits.remarks.assumed[0].startswith("'churned', the first of the columns")
    _, misfits = read(line("1,a", "5"), options=Options(("churned", "age", "plan")))
    assert next(misfits.sentences()).startswith("1 payloads of 2 columns, where 3 were expected")


def packed(text: str, content: str = "text/csv") -> dict[str, str]:
    """A side that SageMaker takes for binary."""
    return half(base64.b64encode(text.encode()).decode(), "BASE64", content)


CELL = st.sampled_from(["1", "2.5", "-3", "", " 4", "gold", '"a,b"', "ö", "1e3", "null"])
ROW = st.lists(CELL, min_size=1, max_size=3).map(",".join)
SEVERAL = st.lists(st.sampled_from(["1,a", "2.5,b", ",", "3", "", "4,ö", "5,c,d"]), min_size=1, max_size=3).map(
    "\n".join
)
PAYLOAD = st.one_of(
    ROW,
    SEVERAL,
    st.one_of(ROW, SEVERAL).map(packed),
    st.sampled_from(["1,a\n2,b", "1,a\n", "1,a\r\n", "1,a\r\n2,b", "", "\n", "\n1,a", 'broken"']),
    st.sampled_from([half("[[1, 2]]", "JSON", "application/json"), half("MSxh?", "BASE64"), {"data": 5}, None]),
    st.sampled_from([packed("[[1, 2]]", "application/json"), packed("1,a", "text/plain"), packed("[1, 2]", "")]),
    st.sampled_from([half("gAE=", "BASE64"), {"data": "MSxh", "encoding": "BASE64"}]),
)
LINES = st.one_of(
    st.builds(
        line,
        PAYLOAD,
        st.one_of(st.sampled_from(["0.5", "0.25\n", "1", "1\n2", "0.5\n\n1\n"]), PAYLOAD),
        st.sampled_from(["e1", "e2", "\ud83d", "ü", 7]),
        st.sampled_from(["2026-01-31T14:00:39Z", "2026-01-31T14:00:39.25+02:00", "yesterday", None, 3]),
        inferenceId=st.sampled_from([None, "", "i1", 4]),
    ),
    st.sampled_from(["", "{}", "[]", "null", '{"captureData": 1}', '{"a": 1} {"a": 2}', truth("1", "e1"), "\udcff"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(LINES, min_size=1, max_size=12))
def test_lines_read_by_columns_are_what_they_are_read_one_by_one(read: Callable[..., Any], lines: list[str]) -> None:
    """A blank in front of a line, which means nothing in JSON, has it read by itself; the types are told."""
    kinds = {"age": pa.float64(), "plan": pa.string(), "output.prediction": pa.float64()}
    typed = Options(columns=("age", "plan"), kinds=kinds)
    usual = [line(f"{number},a", "0.5", f"n{number}") for number in range(150)]
    usual[70:70] = lines
    texts = [each.encode(errors="surrogateescape") for each in usual]
    together, left_out = read(*texts, options=typed)
    apart, also_left_out = read(*(b" " + each if each else each for each in texts), options=typed)
    assert together.equals(apart)
    assert left_out.told() == also_left_out.told()
