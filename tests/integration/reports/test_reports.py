"""Reports say what the store holds: the same numbers in every form, what was not looked at as that, names as text."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import jsonschema_rs
import numpy as np
import pyarrow as pa
import pytest
from databases import Databases
from pages import ROOT, blocks, commands

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.documents.document import STATES
from modelspan_analyzer.governance.audit import record
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading.baselines import set_from_table
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reports import write
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views.report import Report, read
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

SCHEMA = json.loads((ROOT / "docs/schemas/report.schema.json").read_text())
MODEL, ROWS = "churn", 400
HOSTILE = "a/b <script>alert(1)</script> {{7*7}} #show \u202egnp `x`|y"
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
NOW = START + timedelta(hours=2, minutes=5)
CONFIG = parse(
    "version: 1\ndefaults:\n  fairness: {facets: [sex], min_group: 30}\n  schedule: {delay: 1s}\n"
    "  data_drift: {min_rows: 60}\n"
)
TAGS = pa.map_(pa.string(), pa.string())


def serve(store: Store, model: str, names: list[str], hours: int, *, moves: bool) -> None:
    """Predictions with labels, compared with a baseline; in the last hour the first feature moves and lacks values."""
    chance = np.random.default_rng(7)

    def draw(rows: int, moved: bool) -> dict[str, object]:
        first = [None if moved and chance.random() < 0.5 else float(each) for each in chance.normal(3 * moved, 1, rows)]
        return {names[0]: first, names[1]: chance.choice(["x", "<b>y</b>"], rows)}

    truth = chance.choice(["no", "yes"], 1500)
    known = {"predicted": truth, "truth": truth, "sex": chance.choice(["f", "m"], 1500)}
    table = pa.table({**draw(1500, False), **known})
    set_from_table(store, model, None, table, prediction="predicted", label="truth", tags=["sex"], source=f"of {model}")
    for hour in range(hours):
        begin, ids = START + timedelta(hours=hour), [f"{model}-{hour}-{row}" for row in range(ROWS)]
        stamps = pa.array([begin + timedelta(seconds=8 * row) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
        sexes = chance.choice(["f", "m"], ROWS)
        rows = {
            "model": [model] * ROWS,
            "version": ["1"] * ROWS,
            "timestamp": stamps,
            "prediction_id": ids,
            "label": chance.choice(["no", "yes"], ROWS),
            "tags": pa.array([[("sex", sex)] for sex in sexes], TAGS),
            **feature_maps(pa.table(draw(ROWS, moves and hour == hours - 1))),
        }
        store.insert("predictions", pa.table(rows))
        labels = {"prediction_id": ids[::2], "model": [model] * (ROWS // 2), "timestamp": stamps[::2]}
        store.insert("labels", pa.table({**labels, "label": chance.choice(["no", "yes"], ROWS // 2)}))


@pytest.fixture(scope="module")
def world(databases: Databases) -> Iterator[Store]:
    """A model that breaks, one whose every name is hostile, and one that nobody looked at."""
    with databases.one() as store:
        serve(store, MODEL, ["age", "plan"], 2, moves=True)
        serve(store, HOSTILE, ["<img src=x onerror=alert(1)>", "name " * 2000], 2, moves=True)
        card = {
            "model": [MODEL],
            "version": ["1"],
            "timestamp": pa.array([START], pa.timestamp("ns", "UTC")),
            "owner": ["risk <team>"],
            "training_data": ["customers of 2025"],
        }
        store.insert("models", pa.table(card))
        record(store, "labels loaded", model=MODEL, actor="ann", details={"rows": 7})
        Runner(store, CONFIG, respond=Responder(store, CONFIG), clock=lambda: NOW).once()
        unlooked = {
            "model": ["unlooked"] * 5,
            "version": ["1"] * 5,
            "timestamp": pa.array([NOW] * 5, pa.timestamp("ns", "UTC")),
            "prediction_id": list("abcde"),
        }
        store.insert("predictions", pa.table(unlooked))
        yield store


def of(store: Store, model: str = MODEL) -> Report:
    return read(store, {"model": model}, CONFIG, NOW)


def test_a_report_holds_what_an_auditor_asks_for(world: Store) -> None:
    """Card, lineage, monitors and their settings, incidents, fairness, labels, and who did what."""
    report, text = of(world), write(of(world), ".html").decode()
    assert report.incidents
    assert report.incidents[0].title.replace("<", "&lt;") in text
    for expected in (
        "customers of 2025",
        "risk &lt;team&gt;",
        "of churn",
        "data_drift.min_rows",
        "fairness.facets",
        "labels loaded",
        "ann",
        f"of {ROWS:,} of {2 * ROWS:,} predictions in the period (50 %)".replace("(50 %)", "(50.0 %)"),
        "sex=f",
    ):
        assert expected in text, expected
    headings = re.findall(r"<h2>(.*?)</h2>", text)
    assert headings[:3] == ["Signals", "Incidents", "Performance"]
    assert headings[-5:] == ["Model card", "Data lineage", "Monitors", "Settings", "Audit trail"]


def test_every_form_shows_the_numbers_of_the_view(world: Store) -> None:
    """Of each feature its drift, in the table of the page, in Markdown and in JSON."""
    report = of(world)
    told = json.loads(write(report, ".json"))
    jsonschema_rs.validate(SCHEMA, told)
    page, summary = write(report, ".html").decode(), write(report, ".md").decode()
    assert report.model.features
    for one, of_json in zip(report.model.features, told["model"]["features"], strict=True):
        assert (of_json["feature"], of_json["value"], of_json["verdict"]) == (one.feature, one.value, one.verdict)
        row = re.search(rf"<tr><td class=\"name\">{one.feature}</td>.*?</tr>", page)
        assert row
        assert STATES[one.verdict] in row[0]
        assert f"{one.value:.4g}" in row[0]
        assert f"| `{one.feature}` |" in summary
    moved = [one for one in report.model.features if one.verdict in ("alarm", "warning")]
    drawn = page.split("<h2>What moved</h2>")[1].split("</section>")[0]
    assert len(re.findall(r'<g class="bin', drawn)) == sum(
        sum(before > 0 or now > 0 for before, now in zip(one.baseline, one.window, strict=True)) for one in moved
    )


def test_a_pdf_is_typeset_for_the_file_and_fits_a_page_for_the_owner(world: Store) -> None:
    def pages(data: bytes) -> int:
        assert data.startswith(b"%PDF-")
        return len(re.findall(rb"/Type\s*/Page\b", data))

    assert pages(write(of(world), ".pdf")) >= 2
    assert pages(write(of(world), ".pdf", brief=True)) == 1
    assert pages(write(of(world, HOSTILE), ".pdf")) >= 2, "no name is a part of the typesetter's program"


class Read(HTMLParser):
    """The elements and the attributes of a page, as a browser sees them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect them."""
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize("brief", [False, True])
def test_hostile_names_are_text_in_every_form(world: Store, brief: bool) -> None:
    usual, hostile = (write(of(world, model), ".html", brief=brief).decode() for model in (MODEL, HOSTILE))
    found = [Read(text) for text in (usual, hostile)]
    assert found[1].elements - found[0].elements <= {"code"}, "backticks of a name in a sentence of ours"
    assert "`x`" in hostile.partition("<h1>")[2].partition("</h1>")[0]
    assert not re.search(r'<td class="name">[^\n]*?<code>[^\n]*?</td>', hostile.replace("</td>", "</td>\n"))
    assert found[1].attributes - found[0].attributes == set()
    assert "\u202e" not in hostile
    written = write(of(world, HOSTILE), ".md", brief=brief).decode()
    assert "<" not in re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", written).replace("\\<", "")
    jsonschema_rs.validate(SCHEMA, json.loads(write(of(world, HOSTILE), ".json")))


def test_what_was_not_looked_at_is_said_and_nothing_passes(world: Store) -> None:
    for brief in (False, True):
        text = write(of(world, "unlooked"), ".html", brief=brief).decode()
        assert "Not checked" in text
        assert not re.search(r"\b(Passed|healthy|OK)\b", re.sub(r"<style>.*?</style>", "", text, flags=re.S))
        assert re.search("No window (of it )?was looked at yet", text)


def test_a_report_of_500_features_stays_below_two_megabytes(world: Store) -> None:
    report = of(world)
    features = [
        replace(report.model.features[0], feature=f"a feature with a name of usual length {place}")
        for place in range(500)
    ]
    many = replace(report, model=replace(report.model, features=tuple(features)))
    assert len(write(many, ".html")) <= 2_000_000
    assert len(write(many, ".md")) <= 60_000, "what a comment under a pull request may hold"


@pytest.fixture
def modelspan(
    world: Store, engine_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str]], int]:
    """Run a command on the store, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    place = ["--store", engine_dsn, "--database", world.database, "--data", str(tmp_path)]
    return lambda words: main([*words, *place])


def test_the_page_on_reports_says_what_is_true(modelspan: Callable[[list[str]], int]) -> None:
    """Its commands write the files that they name (docs/reports.md)."""
    for words in commands(blocks("docs/reports.md", "sh")[1]):
        assert modelspan(words) == 0, words
        assert Path(words[words.index("-o") + 1]).stat().st_size > 500, words


def test_what_is_wrong_is_said_in_a_sentence(
    modelspan: Callable[[list[str]], int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words, why in (
        (["report", "chrun", "-o", "report.html"], "there is no model 'chrun'"),
        (["report", MODEL, "--since", "yesterday", "-o", "report.html"], "yesterday"),
        (["report", MODEL, "-o", "no/where.html"], "cannot write"),
    ):
        assert modelspan(words) == 1
        assert why in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "typst", None)
    assert modelspan(["report", MODEL, "-o", "report.pdf"]) == 1
    assert "pip install 'modelspan[pdf]'" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        modelspan(["report", MODEL, "-o", "report.docx"])


def test_a_summary_counts_only_what_was_judged_as_fine(world: Store) -> None:
    """A signal that had too few rows is named as that; it used to count among those that do not alarm."""
    text = write(of(world), ".md", brief=True).decode()
    signals = of(world).model.member.signals
    judged = [one for one in signals if one.verdict.value in ("ok", "warning", "alarm", "error")]
    assert 0 < len(judged) < len(signals)
    assert f"{len(judged)} of {len(signals)} kinds of check could be judged" in text
    for one in signals:
        assert (one.signal.replace("_", " ") in text.partition("Nothing can be said of")[2]) == (one not in judged)


def test_a_report_without_the_settings_does_not_say_that_nothing_was_set(world: Store) -> None:
    """Those that the analyzer ran by are on record; a report that was given no file used to deny them."""
    assert of(world).settings_of_analyzer is None, "the same file"
    report = read(world, {"model": MODEL}, MonitorsConfig(), NOW)
    text = write(report, ".html").decode()
    settings = text.partition("<h2>Settings</h2>")[2].partition("</section>")[0]
    assert "Nothing was set" not in settings
    for told in ("data_drift.min_rows", "60", "fairness.facets", "--config"):
        assert told in settings, told
    jsonschema_rs.validate(SCHEMA, json.loads(write(report, ".json")))
