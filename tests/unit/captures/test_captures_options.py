"""What a user says of a capture's columns, by name or by a file of SageMaker's."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.files.rows import FileError
from modelspan_cli.capture_options import add_columns, options


def said(*words: str) -> Options:
    """What some options come to."""
    parser = argparse.ArgumentParser()
    add_columns(parser)
    return options(parser.parse_args(words))


def test_names_are_listed_or_stand_in_a_file(tmp_path: Path) -> None:
    """Which tells types too, and an option says otherwise."""
    file = tmp_path / "statistics.json"
    told = {"age": "Integral", "zip": "Integral", "plan": "String", "odd": "Unknown"}
    file.write_text(json.dumps({"features": [{"name": name, "inferred_type": told[name]} for name in told]}))
    assert said("--columns", "a, b", "--outputs", "p") == Options(("a", "b"), ("p",))
    found = said("--columns", str(file), "--texts", "zip")
    assert (found.columns, found.outcome_first) == (("age", "zip", "plan", "odd"), True)
    assert found.kinds == {"age": pa.float64(), "zip": pa.string(), "plan": pa.string()}


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"features": [1]}', '{"features": [{"name": "a"}, {"name": "a"}]}'])
def test_a_file_that_names_no_columns_is_an_error(tmp_path: Path, text: str) -> None:
    """And so is a name that stands twice."""
    file = tmp_path / "constraints.json"
    file.write_text(text)
    with pytest.raises(FileError, match=r"names no columns|named twice"):
        said("--columns", str(file))
    with pytest.raises(FileError, match="names no columns"):
        said("--columns", str(tmp_path / "none.json"))
