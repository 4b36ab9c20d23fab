"""Two tables are compared by the rules of the monitors, whatever they come as; no report says more than was seen."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pages import ROOT, blocks, commands
from scipy.stats import ks_2samp
from sklearn.metrics import accuracy_score, mean_absolute_error, roc_auc_score

from modelspan_analyzer import compare_frames
from modelspan_analyzer.checking import Status
from modelspan_analyzer.files.rows import FileError
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.two_frames import Comparison
from modelspan_cli.main import main

SCHEMA = json.loads((ROOT / "docs/schemas/drift.schema.json").read_text())
HOSTILE = ("<script>alert(1)</script>", "x|y`z\n# head", "@everyone {{7*7}}", "\u202egnp", "y" * 10_000, "a\x00b", "")


def customers(rows: int, seed: int, moved: float = 0.0) -> pd.DataFrame:
    """Customers with a score, a class and a truth."""
    random = np.random.default_rng(seed)
    score = random.random(rows)
    return pd.DataFrame(
        {
            "age": random.normal(40 + 15 * moved, 12, rows),
            "amount": np.where(random.random(rows) < 0.02 + 0.1 * moved, np.nan, random.lognormal(3, 1, rows)),
            "country": random.choice(["DE", "FR", "US"], rows, p=[0.5, 0.3 + 0.1 * moved, 0.2 - 0.1 * moved]),
            "sex": random.choice(["f", "m"], rows),
            "score": score,
            "predicted": np.where(score > 0.5, "yes", "no"),
            "churned": np.where(random.random(rows) < np.where(moved > 0, 0.5, score), "yes", "no"),
        }
    )


OUTCOMES: dict[str, Any] = {"prediction": "predicted", "score": "score", "label": "churned", "tags": ["sex"]}
BEFORE, SAME, MOVED = customers(4000, 1), customers(3000, 2), customers(3000, 3, 1.0)


def one(comparison: Comparison, signal: str, metric: str, feature: str = "") -> Any:
    """The only finding of a signal, a metric and a feature."""
    found = [
        each
        for each in comparison.findings.found[signal]
        if each.metric == metric and each.seen.feature == feature and not each.seen.segment
    ]
    assert len(found) == 1, (signal, metric, feature, found)
    return found[0]


def alarms(comparison: Comparison) -> set[tuple[str, str, str]]:
    return {(signal, each.metric, each.seen.feature) for signal, each in comparison.findings.against}


def test_what_is_the_same_passes_and_what_moved_is_named() -> None:
    assert compare_frames(BEFORE, SAME, **OUTCOMES).status is Status.PASSED
    moved = compare_frames(BEFORE, MOVED, **OUTCOMES)
    assert moved.status is Status.ALARM
    assert alarms(moved) >= {
        ("data_drift", "psi", "age"),
        ("data_drift", "psi", "amount"),
        ("data_quality", "null_rate", "amount"),
        ("performance", "roc_auc", ""),
    }
    assert "features drifted" in moved.sentence


def test_the_numbers_are_those_of_scipy_and_scikit_learn() -> None:
    found = compare_frames(BEFORE, MOVED, **OUTCOMES)
    ks = one(found, "data_drift", "kolmogorov_smirnov", "age").value
    assert ks == pytest.approx(ks_2samp(BEFORE["age"], MOVED["age"]).statistic)
    truth = MOVED["churned"] == "yes"
    assert one(found, "performance", "roc_auc").value == pytest.approx(roc_auc_score(truth, MOVED["score"]))
    assert one(found, "performance", "accuracy").value == pytest.approx(
        accuracy_score(MOVED["churned"], MOVED["predicted"])
    )
    selected = MOVED[MOVED["sex"] == "f"]["predicted"].eq("yes").mean()
    others = MOVED[MOVED["sex"] == "m"]["predicted"].eq("yes").mean()
    impact = next(
        each
        for each in found.findings.found["fairness"]
        if each.metric == "disparate_impact" and each.seen.segment == "sex=f"
    )
    assert impact.value == pytest.approx(selected / others)


def test_bins_are_pinned_on_the_reference() -> None:
    details = one(compare_frames(BEFORE, MOVED), "data_drift", "psi", "age").judged.details
    assert details["baseline"][:10] == pytest.approx([0.1] * 10, abs=0.001)
    edges = np.quantile(BEFORE["age"], np.arange(1, 10) / 10, method="inverted_cdf")
    counted = np.histogram(MOVED["age"], [-np.inf, *edges, np.inf])[0] / len(MOVED)
    assert details["window"][:10] == pytest.approx(counted, abs=0.001)


def test_a_regression_is_compared_by_its_errors() -> None:
    random = np.random.default_rng(5)
    truth = random.normal(100, 20, 2000)
    before = {"x": random.random(2000), "price": truth + random.normal(0, 1, 2000), "paid": truth}
    after = {**before, "price": truth + random.normal(0, 9, 2000)}
    found = compare_frames(before, after, prediction="price", label="paid")
    assert one(found, "performance", "mean_absolute_error").value == pytest.approx(
        mean_absolute_error(after["paid"], after["price"])
    )
    assert ("performance", "mean_absolute_error", "") in alarms(found)


def test_classes_without_a_score_still_alarm() -> None:
    wrong = MOVED.assign(churned=MOVED["churned"].sample(frac=1, random_state=1).to_numpy())
    found = compare_frames(BEFORE, wrong, prediction="predicted", label="churned")
    assert ("performance", "balanced_accuracy", "") in alarms(found)


def test_a_label_of_no_class_of_the_model_leaves_it_one_of_two_classes() -> None:
    odd = SAME.assign(churned=SAME["churned"].mask(SAME.index < 3, "disputed"))
    found, without = (compare_frames(BEFORE, frame, **OUTCOMES) for frame in (odd, SAME[3:]))
    for metric in ("roc_auc", "balanced_accuracy"):
        assert one(found, "performance", metric).value == pytest.approx(one(without, "performance", metric).value)
    assert "3 of 3,000 labels: disputed, no class of the model" in found.findings.current.remarks.left_out


FRAMES = {
    "pandas": lambda frame: frame,
    "polars": pl.from_pandas,
    "polars, lazy": lambda frame: pl.from_pandas(frame).lazy(),
    "Arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "a mapping of lists": lambda frame: {name: frame[name].tolist() for name in frame},
    "a mapping": lambda frame: {name: frame[name].to_numpy() for name in frame},
    "pandas with categories": lambda frame: frame.astype({"country": "category", "sex": "category"}),
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_kind_of_frame_gives_the_same_findings(kind: str) -> None:
    of = FRAMES[kind]
    told = compare_frames(of(BEFORE), of(MOVED), **OUTCOMES).as_json()
    expected = compare_frames(BEFORE, MOVED, **OUTCOMES).as_json()
    assert told["findings"] == expected["findings"]


NOT_CHECKED: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "no row": (BEFORE, BEFORE.head(0), {}, "no row"),
    "few rows": (BEFORE, SAME.head(20), {}, "a verdict needs"),
    "nothing in common": (BEFORE[["age"]], SAME[["amount"]].rename(columns={"amount": "other"}).head(10), {}, "common"),
    "labels that are not in": (BEFORE, SAME.drop(columns="churned"), OUTCOMES, "not known yet"),
    "labels that are all empty": (BEFORE, SAME.assign(churned=None), OUTCOMES, "both a prediction and a label"),
    "few labels": (BEFORE, SAME.assign(churned=SAME["churned"].where(SAME.index < 20)), OUTCOMES, "are needed"),
}


@pytest.mark.parametrize("case", NOT_CHECKED)
def test_what_cannot_be_judged_is_not_checked_and_says_why(case: str) -> None:
    """Never passed, and no number in place of what is not known."""
    reference, current, options, why = NOT_CHECKED[case]
    found = compare_frames(reference, current, **options)
    assert found.status is Status.NOT_CHECKED, found.sentence
    assert why in found.sentence
    assert "Passed" not in found.html()


def test_columns_that_are_gone_new_or_of_another_type_are_named() -> None:
    current = SAME.drop(columns="country").assign(extra=np.arange(len(SAME)) % 7, age=SAME["age"].astype(str) + " y")
    found = compare_frames(BEFORE, current, **OUTCOMES)
    assert ("data_quality", "missing_feature", "country") in alarms(found)
    assert ("data_quality", "type_error_rate", "age") in alarms(found)
    assert one(found, "data_quality", "new_feature", "extra").judged.verdict is Verdict.WARNING


def test_what_is_no_feature_in_the_reference_is_none_in_the_current_table() -> None:
    """An id that is long enough to be told there is not told in a few rows."""
    before = BEFORE.assign(customer_id=np.arange(len(BEFORE)))
    after = SAME.head(90).assign(customer_id=np.arange(90) + 9_000_000)
    found = compare_frames(before, after)
    assert "customer_id" not in {each.seen.feature for several in found.findings.found.values() for each in several}


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name[:12]))
def test_hostile_names_and_values_are_text_in_every_report(name: str, tmp_path: Path) -> None:
    before = BEFORE.assign(country=BEFORE["country"].replace("US", name or "empty")).rename(columns={"age": name})
    after = MOVED.assign(country=MOVED["country"].replace("US", name or "empty")).rename(columns={"age": name})
    found = compare_frames(before, after, names=(name, name))
    for text in (found.html(), found._repr_html_()):
        assert set(re.findall(r"<([a-z0-9]+)", re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL))) <= ALLOWED
        assert not re.search(r"\bon\w+=|javascript:|\x00|\u202e", text)
    written = found.markdown()
    assert "<" not in re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", written).replace("\\<", "")
    for table in re.findall(r"(?:^\|.*\n)+", written, re.M):
        assert len({line.count("|") - line.count("\\|") for line in table.splitlines()}) == 1, table
    for ending in ("html", "md", "json"):
        found.save(tmp_path / f"report.{ending}")
    jsonschema_rs.validate(SCHEMA, json.loads((tmp_path / "report.json").read_text()))


ALLOWED = frozenset(re.findall(r"<([a-z0-9]+)", compare_frames(BEFORE, MOVED).html()))
"""The elements of a report on names that are not hostile."""


def test_what_a_frame_holds_that_is_no_feature_is_left_out_and_named() -> None:
    """Nothing is compared by the texts of objects, and what is read as text is said."""
    rows = len(BEFORE)
    frame = BEFORE.assign(vector=[[1.0, 2.0]] * rows, object=[{"a": 1}] * rows, mixed=[1, "a", None, 2.5] * (rows // 4))
    remarks = compare_frames(frame, frame).findings.current.remarks
    assert any("'vector'" in sentence for sentence in remarks.left_out)
    assert any("'object'" in sentence for sentence in remarks.left_out)
    assert remarks.assumed == ["column 'mixed' holds values of several kinds: read as text"]


def test_extreme_numbers_are_compared_and_the_json_holds_none_that_json_lacks() -> None:
    random = np.random.default_rng(1)
    columns = {
        "large": random.choice([1e308, -1e308, 0.0], 500),
        "infinite": random.choice([np.inf, -np.inf, 1.0], 500),
        "nothing": np.full(500, np.nan),
        "constant": np.ones(500),
        "texts": np.array([f"value {row % 400}" for row in range(500)]),
    }
    found = compare_frames(columns, {**columns, "constant": np.zeros(500), "large": np.full(500, 5e-324)})
    told = json.loads(json.dumps(found.as_json(), allow_nan=False))
    jsonschema_rs.validate(SCHEMA, told)
    assert ("data_drift", "psi", "constant") in alarms(found)
    found.html()


def test_a_report_of_500_features_stays_below_two_megabytes() -> None:
    random = np.random.default_rng(2)
    before = {f"a feature with a name of usual length {at}": random.normal(0, 1, 300) for at in range(500)}
    after = {name: values + (at % 5 == 0) for at, (name, values) in enumerate(before.items())}
    found = compare_frames(before, after)
    assert len(found.findings.against) >= 100
    assert len(found.html().encode()) <= 2_000_000


def test_what_is_no_table_is_refused_in_a_sentence() -> None:
    with pytest.raises(FileError, match="current is of type int, and no table"):
        compare_frames(BEFORE, 3)
    with pytest.raises(FileError, match="has no column 'ages'"):
        compare_frames(BEFORE, SAME, features=["ages"])
    with pytest.raises(ValueError, match="positive class 'maybe'"):
        compare_frames(BEFORE, SAME, **OUTCOMES, positive_class="maybe")


def test_the_command_compares_files_and_answers_by_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    BEFORE.to_parquet("train.parquet")
    MOVED.to_csv("today.csv", index=False)
    SAME.to_csv("same.csv", index=False, sep=";", decimal=",")
    assert main(["drift", "train.parquet", "same.csv", "-o", "report.md"]) == 0
    assert main(["drift", "train.parquet", "today.csv", "-o", "report.html", "--label", "churned"]) == 3
    said = capsys.readouterr()
    assert "alarm: data_drift psi age" in said.out
    assert "separated by semicolons" in said.err
    assert "features drifted" in Path("report.html").read_text()
    assert main(["drift", "train.parquet", "same.csv", "--min-rows", "100000"]) == 4
    assert main(["drift", "train.parquet", "gone.csv"]) == 1
    assert main(["drift", "train.parquet", "today.csv", "-o", "no/where.html"]) == 1
    assert main(["drift", "train.parquet", "today.csv", "--label", "gone"]) == 1
    assert "hint" not in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["drift", "train.parquet", "today.csv", "-o", "report.docx"])


def test_the_page_on_reports_says_what_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first blocks of docs/reports.md, on files like those that they speak of."""
    monkeypatch.chdir(tmp_path)
    BEFORE.to_parquet("train.parquet")
    MOVED.to_parquet("today.parquet")
    for words in commands(blocks("docs/reports.md", "sh")[0]):
        assert main(words) == 3
        assert Path("report.html").read_text().startswith("<!doctype html>")
    assert re.search(r"^\d of \d features drifted, .* of performance\.$", capsys.readouterr().out, re.M)
    *lines, last = blocks("docs/reports.md", "python")[0].text.strip().splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert "features drifted" in eval(last, names)._repr_html_()


def test_a_column_cannot_be_held_against_itself() -> None:
    """An answer that is its own truth is always right; it used to pass."""
    with pytest.raises(FileError, match="both --prediction and --label"):
        compare_frames(BEFORE, SAME, prediction="churned", label="churned")


def test_measures_that_are_there_to_be_read_let_nothing_pass() -> None:
    """Of labels of one class no measure that may alarm is defined, though others are."""
    sides = [table.assign(churned="yes") for table in (BEFORE, SAME)]
    found = compare_frames(*sides, score="score", prediction="predicted", label="churned", positive_class="yes")
    assert {each.judged.verdict for each in found.findings.found["performance"]} >= {
        Verdict.NOT_COMPARED,
        Verdict.SKIPPED,
    }
    assert found.status is Status.NOT_CHECKED
    assert "nothing could be judged by performance: no measure that may alarm is defined" in found.sentence


def unequal(seed: int) -> pd.DataFrame:
    """Customers of whom one group is chosen half as often, always."""
    table = customers(4000, seed)
    return table.assign(predicted=np.where(table.score > np.where(table.sex == "f", 0.7, 0.4), "yes", "no"))


def test_a_group_that_was_always_disadvantaged_is_no_ok() -> None:
    """It did not move, so it does not alarm; the four-fifths rule is broken all the same."""
    found = compare_frames(unequal(1), unequal(2), **OUTCOMES)
    assert found.status is Status.PASSED
    impact = {each.seen.segment: each for each in found.findings.found["fairness"] if each.metric == "disparate_impact"}
    assert impact["sex=f"].judged.verdict is Verdict.WARNING
    assert "breaks the four-fifths rule" in impact["sex=f"].judged.reason
    assert impact["sex=m"].judged.verdict is Verdict.OK
    assert "1 warning" in found.sentence


def test_fairness_without_labels_says_so_once_for_all_measures() -> None:
    found = compare_frames(BEFORE, SAME.drop(columns="churned"), **OUTCOMES)
    page = found.html()
    assert "disparate impact" in page
    rows = re.findall(r"<tr>(?:(?!</tr>).)*needs labels.*?</tr>", page)
    assert 1 <= len(rows) <= 3, "not one for each measure of each group"
    assert "accuracy difference" in "".join(rows)
    assert "sex=f" in "".join(rows)
    assert "sex=m" in "".join(rows)


def test_tables_without_a_common_feature_say_so_first() -> None:
    found = compare_frames({"a": list(range(200))}, {"b": np.arange(200.0)})
    assert found.status is Status.NOT_CHECKED
    assert found.sentence.endswith("the tables have no feature in common.")
    assert "feature in common" in compare_frames(BEFORE[["age"]], SAME[["amount"]]).sentence


def test_what_is_not_sure_over_all_tests_of_the_tables_is_a_warning_as_in_a_window() -> None:
    """11 of 200 values are missing (p 7e-4): an alarm of data quality alone, and of two signals together a warning."""
    random = np.random.default_rng(0)
    before, after = (pd.DataFrame({"a": random.random(200), "b": random.random(200)}) for _ in range(2))
    after.loc[:10, "a"] = np.nan
    comparison = compare_frames(before, after)
    found = one(comparison, "data_quality", "null_rate", "a").judged
    assert (found.verdict, found.details["alone"]) == (Verdict.WARNING, "alarm")
    assert "not sure over all" in found.reason
    assert comparison.status is Status.PASSED
    after.loc[:20, "a"] = np.nan
    assert one(compare_frames(before, after), "data_quality", "null_rate", "a").judged.verdict is Verdict.ALARM
