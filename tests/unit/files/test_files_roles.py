"""The columns of a file get their roles and types; guesses are said with the option that settles them."""

import datetime
import uuid
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.roles import Hints, Roles, Settled, settle
from modelspan_analyzer.files.rows import FileError, FileRows

MANY = 200


def settled(columns: dict[str, object], roles: Roles, **hints: str) -> Settled:
    """A table with its columns settled."""
    return settle(FileRows.of(pa.table(columns)), roles, Hints(**hints))


OUTCOMES = Roles(prediction="p", label="y")

TASKS: dict[str, tuple[dict[str, object], str, str, str]] = {
    "fractions": ({"p": [1.5, 2.0], "y": [1.0, 2.5]}, "", "regression", ""),
    "whole numbers of many values": ({"p": list(range(50)), "y": list(range(50))}, "", "regression", "amounts"),
    "whole numbers of few values": ({"p": [1, 2, 3], "y": [1, 2, 2]}, "", "classification", "3 different ones"),
    "whole predictions of fractional labels": ({"p": [1, 2], "y": [1.5, 2.0]}, "", "regression", "amounts"),
    "zeros and ones": ({"p": [0, 1], "y": [1, 1]}, "", "classification", ""),
    "truth values": ({"p": [True, False], "y": [True, True]}, "", "classification", ""),
    "texts": ({"p": ["a", "b"], "y": ["a", "a"]}, "", "classification", ""),
    "texts of many numbers": (
        {"p": [str(row / 3) for row in range(50)], "y": [str(row / 4) for row in range(50)]},
        "",
        "regression",
        "is text that holds more than 20 different numbers",
    ),
    "shares of a labelled class": ({"p": [0.2, 0.7], "y": [0, 1]}, "", "classification", "the score of class 1"),
    "amounts called classes": ({"p": list(range(50)), "y": list(range(50))}, "classification", "classification", ""),
    "classes called amounts": ({"p": [0, 1], "y": [1, 1]}, "regression", "regression", ""),
}


@pytest.mark.parametrize("kind", TASKS)
def test_the_task_is_told_or_guessed_and_said(kind: str) -> None:
    """Whether outcomes are classes or amounts follows from both columns; where that is a guess, it is said."""
    columns, told, task, said = TASKS[kind]
    found = settled(columns, OUTCOMES, task=told)
    assert found.guess.task == task
    assert said in " ".join(found.rows.remarks.assumed)
    assert bool(said) == bool(found.rows.remarks.assumed)
    if said and "is text" not in said:
        assert "--task" in found.rows.remarks.assumed[0]
    number = task == "regression" or found.guess.scored
    assert pa.types.is_floating(found.rows.table["p"].type) == number
    assert pa.types.is_floating(found.rows.table["y"].type) == (task == "regression")


@pytest.mark.parametrize(
    ("predicted", "true", "spelt"),
    [
        ([True, False], [1, 0], ["true", "false"]),
        ([1, 0], [True, False], ["1", "0"]),
        (["yes", "no"], ["Yes", " NO"], ["yes", "no"]),
        ([1, 0], [1.0, 0.0], ["1", "0"]),
        (["1", "0"], ["1.0", "0.0"], ["1", "0"]),
        (["Spam", "Ham"], ["spam", "HAM "], ["Spam", "Ham"]),
        (["a", "A"], ["A", "a"], ["A", "a"]),
        (["1", "2"], ["true", "2"], ["true", "2"]),
    ],
)
def test_one_class_in_two_spellings_is_one(predicted: list[object], true: list[object], spelt: list[str]) -> None:
    """Labels are spelt as the predictions spell their classes, where they can only mean the same."""
    found = settled({"p": predicted, "y": true}, OUTCOMES)
    assert found.rows.table["y"].to_pylist() == spelt


def test_labels_that_name_no_predicted_class_are_a_sentence() -> None:
    """An accuracy of 0 would be a wrong number; where one class alone is known, it is only said."""
    columns = {"p": ["positive", "negative"], "y": [1, 0]}
    with pytest.raises(FileError, match=r"no label of column 'y' \('0', '1'\) is a class .*'negative', 'positive'"):
        settled(columns, OUTCOMES)
    one = settled({"p": ["cat", "cat"], "y": ["dog", "dog"]}, OUTCOMES)
    assert "all of them are wrong" in one.rows.remarks.assumed[0]


def test_fractions_are_no_classes_and_many_texts_are_said_to_be() -> None:
    """What would make a class of every row is an error, or a guess that is said with the option that settles it."""
    amounts: dict[str, object] = {"p": [row / 7 for row in range(MANY)], "s": [0.5] * MANY}
    with pytest.raises(FileError, match=r"column 'p' holds fractions such as 0\.14.*, which are no classes"):
        settled(amounts, Roles(prediction="p", score="s"))
    texts = settled({"p": [f"about {row}" for row in range(MANY)]}, Roles(prediction="p"))
    assert texts.rows.remarks.assumed == ["'p' holds 200 different texts: classes (--task regression says otherwise)"]


def test_labels_that_are_not_known_and_infinite_amounts_are_counted() -> None:
    """A column of labels that holds few or none does not pass in silence, and one infinity does not cost all means."""
    found = settled({"p": ["a", "b"], "y": [None, None]}, OUTCOMES)
    assert found.rows.remarks.left_out == ["2 of 2 labels: 'y' holds none there, so they are not known yet"]
    infinite = settled({"p": [1.5, float("inf")], "y": [float("-inf"), 2.5]}, OUTCOMES)
    assert infinite.rows.table["p"].to_pylist() == [1.5, None]
    assert "1 of 2 cells of column 'p', which are infinite (row 2: inf)" in infinite.rows.remarks.left_out
    assert "1 of 2 cells of column 'y', which are infinite (row 1: -inf)" in infinite.rows.remarks.left_out


@pytest.mark.parametrize("mark", ["NA", "n/a", "None", "?", "-"])
def test_a_text_that_stands_for_nothing_elsewhere_is_said_to_be_a_class(mark: str) -> None:
    """Namibia is one; that a cell should be empty where nothing is known is said."""
    said = settled({"p": ["a", "b", "a"], "y": ["a", mark, None]}, OUTCOMES).rows.remarks.assumed
    assert any(f"1 of 3 cells of column 'y' hold a text such as '{mark}'" in sentence for sentence in said), said
    said = settled({"p": ["a", "b", "a"], "y": ["a", "b", None]}, OUTCOMES).rows.remarks.assumed
    assert not any("leave a cell empty" in sentence for sentence in said)


def test_scores_are_probabilities() -> None:
    """Percentages are an error that names the option, which then settles it; a few misfits are left out alone."""
    roles = Roles(prediction="p", score="s")
    percent = {"p": ["a", "b"] * MANY, "s": [float(number % 100) for number in range(2 * MANY)]}
    with pytest.raises(FileError, match=r"holds 0 to 99, and scores are probabilities .* --score-scale 100"):
        settled(percent, roles)
    assert settled(percent, roles, score_scale="100").rows.table["s"][50].as_py() == 0.5
    odds = settled({"p": ["a", "b"], "s": [0.0, 9.0]}, roles, score_scale="logit").rows.table["s"]
    assert odds.to_pylist() == pytest.approx([0.5, 0.99987660])
    one = {"p": ["a", "b"] * MANY, "s": [0.5] * (2 * MANY - 1) + [7.0]}
    found = settled(one, roles)
    assert found.rows.table["s"].null_count == 1
    assert "1 scores of column 's', which are no probabilities (row 400: 7.0)" in found.rows.remarks.left_out
    with pytest.raises(FileError, match="--score-scale is what stands for certain"):
        settled(one, roles, score_scale="percent")


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        (["high", "low"], "holds text such as 'high' \\(row 1\\), not numbers; name a column of numbers with --score"),
        ([[0.1, 0.9], [0.2, 0.8]], "holds list<.*>, not numbers.*take one number of each list first"),
        ([{"a": 1}, {"a": 2}], "not numbers"),
    ],
)
def test_a_column_that_holds_no_scores_is_one_sentence(scores: list[object], words: str) -> None:
    """It names the column, what it holds, and what to do."""
    with pytest.raises(FileError, match=words):
        settled({"p": ["a", "b"], "s": scores}, Roles(prediction="p", score="s"))


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        (Roles(prediction="s", score="s"), "both --prediction and --score: .*the score alone with --prediction"),
        (Roles(prediction="p", score="s", label="s"), "both --label and --score"),
        (Roles(prediction="p", id="p"), "both --prediction and --id"),
        (Roles(prediction="p", time="p"), "both --prediction and --time"),
        (Roles(prediction="p", score="s", id="s"), "both --score and --id"),
    ],
)
def test_a_column_has_one_role(roles: Roles, words: str) -> None:
    """Each role keeps its column in a type of its own: what was named twice is said, not called a wrong type."""
    with pytest.raises(FileError, match=words):
        settled({"p": [0.0, 1.0], "s": [0.25, 0.5]}, roles)


def test_a_text_among_scores_is_left_out_alone() -> None:
    """Words for missing and words for nothing cost their cells, and are said."""
    scores = ["0.5"] * 98 + ["n/a", "high"]
    found = settled({"p": ["a"] * 100, "s": scores}, Roles(prediction="p", score="s"))
    assert found.rows.table["s"].null_count == 2
    assert "is text and is read as numbers; 1 of its cells are missing (row 99: 'n/a')" in found.rows.remarks.assumed[0]
    assert "row 100: 'high'" in found.rows.remarks.left_out[0]


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (pa.array(["00042", "a", ""]), ["00042", "a", None]),
        (pa.array([12345678901234567, None, 7], pa.int64()), ["12345678901234567", None, "7"]),
        (pa.array([2**64 - 1, 0, 7], pa.uint64()), ["18446744073709551615", "0", "7"]),
        (pa.array([7.0, float("nan"), 8.0]), ["7", None, "8"]),
        (pa.array([Decimal("12345678901234567890"), None, Decimal(7)]), ["12345678901234567890", None, "7"]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.array([b"a", b"\xed\xa0\x80", b"b"]), ["a", None, "b"]),
        (pa.array([uuid.UUID(int=5).bytes] * 3, pa.binary(16)), [str(uuid.UUID(int=5))] * 3),
    ],
)
def test_ids_are_text_always(given: pa.Array, texts: list[str | None]) -> None:
    """No id goes through a number on its way, whatever its column's type is."""
    found = settled({"id": given, "x": [1, 2, 3]}, Roles(id="id"))
    assert found.rows.table["id"].to_pylist() == texts
    assert found.roles.features == ("x",)


@pytest.mark.parametrize(
    ("written", "kept", "said"),
    [
        ('="00042"', "00042", "written as formulas"),
        ("1.23457E+11", "1.23457E+11", "no longer what they were"),
        (" a ", " a ", "spaces around ids"),
    ],
)
def test_what_spreadsheets_do_to_ids_is_undone_or_said(written: str, kept: str, said: str) -> None:
    """An id that can meet no prediction is not stored in silence."""
    found = settled({"id": [written, "b"], "x": [1, 2]}, Roles(id="id"))
    assert found.rows.table["id"].to_pylist() == [kept, "b"]
    assert said in " ".join(found.rows.remarks.assumed)


def test_rows_without_a_group_are_a_group() -> None:
    """They are counted and named, not dropped."""
    found = settled({"g": ["m", None, ""], "x": [1, 2, 3]}, Roles(segments=("g",)))
    assert found.rows.table["g"].to_pylist() == ["m", "(missing)", "(missing)"]
    assert found.rows.remarks.assumed == ["the 2 of 3 rows without 'g' are its group (missing)"]


NO_FEATURES: dict[str, tuple[str, object]] = {
    "pandas' index without a name": ("", list(range(MANY))),
    "the same, read again": ("Unnamed: 0", [5] * MANY),
    "the same, in Parquet": ("__index_level_0__", list(range(MANY))),
    "row numbers": ("n", list(range(MANY))),
    "row numbers downwards": ("n", list(range(MANY, 0, -1))),
    "ids by name": ("customer_id", [f"c{(row * 37) % MANY}" for row in range(MANY)]),
    "ids by another name": ("orderKey", [(row * 37) % MANY for row in range(MANY)]),
    "UUIDs": ("request", [str(uuid.UUID(int=(row * 37) % MANY)) for row in range(MANY)]),
    "a clock": ("seen", [datetime.datetime(2026, 1, 1) + datetime.timedelta(minutes=row) for row in range(MANY)]),
}


@pytest.mark.parametrize("kind", NO_FEATURES)
def test_a_column_that_names_rows_is_no_feature(kind: str) -> None:
    """It is left out with a warning that names it, and `--feature` takes it back."""
    name, values = NO_FEATURES[kind]
    columns = {"x": [1.5] * MANY, name: values}
    found = settled(columns, Roles())
    assert found.roles.features == ("x",)
    assert repr(name) in found.rows.remarks.left_out[0]
    assert "--feature" in found.rows.remarks.left_out[0]
    assert settled(columns, Roles(asked_back=(name,))).roles.features == ("x", name)
    assert settled(columns, Roles(features=(name,))).roles.features == (name,)


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("sample_weight", ""),
        ("weight", ""),
        ("prob_0", "--score"),
        ("prob_1", "--score"),
        ("probability", "--score"),
        ("y_true", "--label"),
        ("y_pred", "--prediction"),
        ("Prediction", "--prediction"),
    ],
)
def test_a_feature_that_is_named_as_something_else_is_said(name: str, option: str) -> None:
    """It is a guess, which names the options that settle it; once it is settled, nothing is said."""
    columns = {"x": [1.5, 2.5], name: [0.5, 1.5]}
    found = settled(columns, Roles())
    assert found.roles.features == ("x", name)
    (said,) = found.rows.remarks.assumed
    assert all(part in said for part in (repr(name), option, "--features", "--feature "))
    for settles in (Roles(features=("x", name)), Roles(asked_back=(name,)), Roles(features=("x",))):
        assert settled(columns, settles).rows.remarks.assumed == []


DAYS = [datetime.datetime(2026, 1, 1) + datetime.timedelta(hours=row) for row in range(MANY)]


@pytest.mark.parametrize(
    ("name", "values", "is_feature"),
    [
        ("year", [2025 + (2 * row) // MANY for row in range(MANY)], False),
        ("Order Year", [2025 + (2 * row) // MANY for row in range(MANY)], False),
        ("week", [row // 5 for row in range(MANY)], False),
        ("day", [datetime.date(2026, 1, 1) + datetime.timedelta(days=row // 3) for row in range(MANY)], False),
        ("ticket", [f"T{row:05}" for row in range(MANY)], False),
        ("release", [f"r{row // 20}" for row in range(MANY)], True),
        ("switched", [int(row > 60) for row in range(MANY)], True),
        ("year", [2026] * MANY, True),
        ("year_built", [1990 + row % 30 for row in range(MANY)], True),
        ("energy", [row + 0.5 for row in range(MANY)], True),
    ],
)
def test_a_column_that_only_rises_with_time_is_no_feature(name: str, values: list[object], is_feature: bool) -> None:
    """In whichever order the rows stand; what switches once, or is a fraction, is one."""
    order = np.random.default_rng(2).permutation(MANY)
    columns = {"at": [DAYS[place] for place in order], "x": [1.5] * MANY, name: [values[place] for place in order]}
    found = settled(columns, Roles(time="at"))
    assert (name in found.roles.features) == is_feature
    assert settled(columns, Roles(time="at", asked_back=(name,))).roles.features == ("x", name)
    if not is_feature:
        assert any("only rises with time" in said for said in found.rows.remarks.left_out)


FEATURES: dict[str, tuple[str, object]] = {
    "measurements that rise": ("x", [row / 7 for row in range(MANY)]),
    "amounts that differ": ("amount", [(row * 37) % MANY for row in range(MANY)]),
    "few rows": ("n", list(range(50))),
    "an id that repeats": ("customer_id", ["a", "b"] * (MANY // 2)),
    "texts that differ": ("comment", [f"c{(row * 37) % MANY}" for row in range(MANY)]),
    "embeddings": ("vector", [[float(row), 1.0] for row in range(MANY)]),
}


@pytest.mark.parametrize("kind", FEATURES)
def test_a_column_that_may_describe_rows_stays(kind: str) -> None:
    """The rule is conservative: what is not surely an id stays a feature."""
    name, values = FEATURES[kind]
    found = settled({name: values}, Roles())
    assert found.roles.features == (name,)
    assert found.rows.remarks.left_out == []


def test_a_column_without_a_place_is_left_out_alone() -> None:
    """Nested columns are named with the reason, and all others arrive."""
    nested = {"s": [["a"], ["b"]], "m": [{"k": 1}, {"k": 2}], "ll": [[[1.0]], [[2.0]]]}
    found = settled({"p": ["a", "b"], "x": [1, 2], **nested}, Roles(prediction="p"))
    assert found.roles.features == ("x",)
    assert [sentence.split(":")[0] for sentence in found.rows.remarks.left_out] == [
        f"column {name!r}" for name in nested
    ]
    with pytest.raises(FileError, match="column 's' cannot be a feature"):
        settled({"s": [["a"]]}, Roles(features=("s",)))


def test_a_missing_column_is_named_with_those_there_are() -> None:
    """The nearest spelling comes first."""
    with pytest.raises(FileError, match="no column 'Label'; it has label, x"):
        settled({"x": [1], "label": [1]}, Roles(label="Label"))


def test_very_many_columns_take_no_time_with_their_square() -> None:
    """Ten thousand columns of a posted table took minutes: longer than any test may take."""
    names = [f"f{at}" for at in range(10_000)]
    text = "\n".join([",".join(names), *(",".join(str(row * at % 7) for at in range(len(names))) for row in range(2))])

    found = settle(from_bytes(text.encode()), Roles(asked_back=tuple(names)))

    assert found.roles.features == tuple(names)
    assert set(found.rows.table.schema.types) == {pa.float64()}


def test_columns_that_are_named_alike_are_told_of_together() -> None:
    """A score a class is one line, however many classes there are; it used to be a line each."""
    names = [f"proba_{at}" for at in range(30)]
    assumed = settled({"x": [1], **{name: [0.5] for name in names}}, Roles()).rows.remarks.assumed
    assert len(assumed) == 1
    assert assumed[0].startswith("columns 'proba_0', 'proba_1'")
    assert "and 20 more, named as a score is, are features (--score takes one of them as what it is" in assumed[0]
