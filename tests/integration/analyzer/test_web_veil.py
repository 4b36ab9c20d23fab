"""Rules of redaction that are younger than what is stored hold on every page, in each of its forms, and for answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.incidents.store import load
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading.baselines import set_from_table
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reports import FORMS, write
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.views import report
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import veiled
from modelspan_analyzer.web.app import build
from modelspan_collector.access.rules import Redaction
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

MODEL, HOURS, ROWS = "credit", 3, 400
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS + 1)
STAMP, TEXTS = pa.timestamp("ns", "UTC"), pa.map_(pa.string(), pa.string())
DROPPED, HASHED = "passport_no", "account_no"
RULES = Redaction(
    drop=(DROPPED, "religion", "settled"), hash=(HASHED, "balance"), mask=(r"SECRET-\d+",), key=b"a key of the hashes"
)
HIDDEN = (
    DROPPED,
    "religion",
    "PASS-1",
    "PASS-2",
    "ACC-1",
    "ACC-2",
    "SECRET-1",
    "FAITH-1",
    "FAITH-2",
    "987654",
    "settled",
    "of_outcome",
    "765432",
)
HIDDEN_METRICS = ("of_faith", "of_papers", "of_both", "selected", "of_outcome", "selected_outcome")
CONFIG = parse(f"""
version: 1
defaults:
  segments: [feature.{HASHED}, tag.religion]
  slices: {{faithful: "religion = 'FAITH-1'"}}
  metrics:
  - {{name: of_faith, expression: "countIf(religion = 'FAITH-1') / count()", direction: above, threshold: 0.0}}
  - {{name: of_papers, expression: "uniqExact({DROPPED})", direction: above, threshold: 0.0}}
  - name: of_both
    expression: "countIf({DROPPED} = 'PASS-1' AND religion = 'FAITH-2')"
    direction: above
    threshold: 0.0
  - name: selected
    select: "SELECT uniqExact(categorical_features['{DROPPED}']) AS value FROM predictions"
    direction: above
    threshold: 0.0
  - {{name: of_outcome, expression: "avg(outcome('settled'))", direction: above, threshold: 0.0}}
  - name: selected_outcome
    select: "SELECT avg(value) AS value FROM labels WHERE outcome = 'settled'"
    direction: above
    threshold: 0.0
  fairness: {{facets: [religion], min_group: 30}}
  schedule: {{delay: 1s}}
  embedding: {{enabled: false}}
  estimation: {{enabled: false}}
""")

SCHEDULED = """
version: 1
reports: [{{name: daily, cron: "0 0 * * *", folder: {folder}, formats: [json]}}]
"""


def features(rows: int, seed: int, *, broken: bool = False) -> pa.Table:
    """Of which one is dropped, two are hashed, and one holds what is masked; all move where something is broken."""
    chance = np.random.default_rng(seed)
    share = 0.9 if broken else 0.3

    def either(first: str, second: str) -> np.ndarray:
        return np.where(chance.random(rows) < share, first, second)

    return pa.table({
        DROPPED: either("PASS-1", "PASS-2"),
        HASHED: either("ACC-1", "ACC-2"),
        "balance": 987654.25 + (5 if broken else 0) + chance.normal(0, 0.01, rows),
        "comment": either("about SECRET-1", "nothing"),
        "age": chance.normal(60 if broken else 40, 5, rows),
    })  # fmt: skip


def fill(store: Store) -> None:
    baseline = features(2000, 1).append_column("answer", pa.array(["yes", "no"] * 1000))
    baseline = baseline.append_column("truth", baseline["answer"])
    set_from_table(store, MODEL, None, baseline, prediction="answer", label="truth", source="rows of SECRET-1")
    for hour, version in [*((hour, "1") for hour in range(HOURS)), (HOURS - 1, "2")]:
        begin = START + timedelta(hours=hour)
        stamps = pa.array([begin + timedelta(seconds=8 * row) for row in range(ROWS)], STAMP)
        ids = [f"p{hour if version == '1' else 'other'}-{row}" for row in range(ROWS)]
        answer = ["yes", "no"] * (ROWS // 2)
        faith = [[("religion", "FAITH-1" if row % 3 else "FAITH-2")] for row in range(ROWS)]
        rows = {
            "model": [MODEL] * ROWS, "version": [version] * ROWS, "timestamp": stamps, "prediction_id": ids,
            "label": answer, "tags": pa.array(faith, TEXTS),
            **feature_maps(features(ROWS, 5 + hour, broken=hour == HOURS - 1)),
        }  # fmt: skip
        store.insert("predictions", pa.table(rows))
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": answer}))
        settled = {"value": [765432.5] * ROWS, "outcome": ["settled"] * ROWS}
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, **settled}))
    now = START + timedelta(hours=HOURS, minutes=1)
    Runner(store, CONFIG, respond=Responder(store, CONFIG), clock=lambda: now).once()


@pytest.fixture(scope="module")
def filled(databases: Any) -> Iterator[Store]:
    with databases.one() as store:
        fill(store)
        yield store


@pytest.fixture(scope="module")
def client(filled: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Asks an instance whose rules came after what it holds."""
    folder: Path = tmp_path_factory.mktemp("log")
    collector = Collector(filled, CollectorConfig(folder, grpc_port=0, http_port=0, redaction=RULES))
    collector.start()
    server = AsgiServer(build(filled, collector, CONFIG), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=120) as opened:
        yield opened
    server.stop()
    collector.stop()


def of(path: str, **given: str) -> tuple[str, str]:
    return path, urlencode({"model": MODEL, **given})


LAST = {"version": "1", "since": (START + timedelta(hours=HOURS - 1)).isoformat()}
OTHER = {"other_since": START.isoformat(), "other_until": (START + timedelta(hours=1)).isoformat()}
VIEWS = [
    ("/", ""),
    ("/digest", urlencode({"until": (START + timedelta(hours=HOURS + 1)).isoformat()})),
    of("/model", version="1"),
    of("/model", signal="data_quality", version="1"),
    of("/model", signal="data_drift", version="1"),
    of("/model", signal="fairness", version="1"),
    of("/feature", feature="age", version="1"),
    of("/feature", feature=HASHED, version="1"),
    of("/feature", feature="balance", version="1"),
    of("/feature", feature="comment", version="1"),
    of("/compare", version="1"),
    of("/compare", **{"with": "before"}, version="1"),
    of("/compare", **{"with": "version", "version": "1", "other_version": "2"}),
    of("/compare", **{"with": "window"}, **LAST, **OTHER),
    ("/incidents", ""),
    ("/incidents/ID", ""),
    ("/prediction", urlencode({"id": "p2-7"})),
    of("/monitors"),
]
ANSWERS = [
    of("/api/results", limit="10000"), ("/api/models", ""), ("/api/incidents", ""), ("/api/incidents/ID", ""),
    ("/api/why", f"about={MODEL}"), ("/api/baselines", ""), ("/metrics", ""),
]  # fmt: skip


def shown(text: str) -> list[str]:
    """What is shown of what is hidden, with what stands around it."""
    return [text[max(0, text.find(each) - 90) : text.find(each) + 40] for each in HIDDEN if each in text]


@pytest.mark.parametrize(("path", "query"), VIEWS, ids=lambda part: part[:60])
def test_no_page_shows_what_the_rules_hide(filled: Store, client: httpx.Client, path: str, query: str) -> None:
    """As a page, as JSON and as CSV: no dropped name, no value of it or of a hashed feature, nothing that is masked."""
    for one in load(filled) if "ID" in path else [None]:
        at = path.replace("ID", one.incident_id) if one else path
        stem = "/index" if at == "/" else at
        page = client.get(f"{at}?{query}", headers={"accept": "text/html"})
        told = client.get(f"{stem}.json?{query}")
        tables = [each for each in page.text.split('"') if each.startswith(f"{stem}.csv")]
        assert (page.status_code, told.status_code) == (200, 200), page.text[-2000:]
        assert not shown(page.text)
        assert not shown(told.text)
        for table in tables:
            assert not shown(client.get(table.replace("&amp;", "&")).text), table


@pytest.mark.parametrize(("path", "query"), ANSWERS, ids=lambda part: part[:60])
def test_no_answer_tells_what_the_rules_hide(filled: Store, client: httpx.Client, path: str, query: str) -> None:
    for one in load(filled) if "ID" in path else [None]:
        answer = client.get(f"{path.replace('ID', one.incident_id) if one else path}?{query}")
        assert answer.status_code == 200, answer.text
        assert not shown(answer.text)


def test_a_metric_of_what_is_hidden_is_not_shown(filled: Store, client: httpx.Client) -> None:
    """Neither its values nor its name: it was measured, as is in SQL; of a slice by what is hidden the same holds."""
    assert filled.scalar("SELECT count() FROM monitor_results WHERE signal = 'metrics' AND verdict = 'alarm'") > 0
    told = client.get("/api/results", params={"model": MODEL, "signal": "metrics"}).json()
    assert [one for one in told if one["metric"] in HIDDEN_METRICS] == []
    exposed = client.get("/metrics").text
    assert [name for name in HIDDEN_METRICS if f'metric="{name}"' in exposed] == []


def test_what_is_not_hidden_is_shown_beside_it(client: httpx.Client) -> None:
    """A hashed feature by its name, with digests for its categories; the others as ever."""
    model = client.get("/model.json", params={"model": MODEL, "version": "1"}).json()
    assert {one["feature"] for one in model["features"]} == {HASHED, "balance", "comment", "age"}
    feature = client.get("/feature.json", params={"model": MODEL, "version": "1", "feature": HASHED}).json()
    assert {RULES.digest("ACC-1"), RULES.digest("ACC-2")} <= set(feature["newest"]["bins"])
    age = client.get("/feature.json", params={"model": MODEL, "version": "1", "feature": "age"}).json()
    assert age["sentence"].startswith("age has moved")
    results = client.get("/api/results", params={"model": MODEL, "feature": "age"}).json()
    assert results


@pytest.mark.parametrize(
    "asked",
    [{"feature": DROPPED}, {"segment": f"feature.{HASHED}=ACC-1"}, {"feature": "none"}, {"segment": "tag.region=none"}],
)
def test_a_question_after_what_is_hidden_is_not_answered(client: httpx.Client, asked: dict[str, str]) -> None:
    """Neither whether a guess is right, nor which names there are instead."""
    answer = client.get("/feature.json", params={"model": MODEL, "feature": "age", **asked})
    assert answer.status_code in (400, 404)
    assert not shown(answer.text.replace(asked.get("feature", "age"), ""))


@pytest.mark.parametrize("form", [*(form for form in FORMS if form != ".pdf"), ".json"])
def test_a_report_is_veiled_by_the_same_rules(filled: Store, form: str) -> None:
    made = report.read(filled, {"model": MODEL}, CONFIG, datetime.now(UTC))
    whole = write(veiled(made, veil_over(filled, RULES)), form).decode()
    assert not shown(whole)
    assert shown(write(made, form).decode())


def test_a_report_on_schedule_is_veiled(filled: Store, tmp_path: Path) -> None:
    weekly = CONFIG.model_copy(update={"reports": parse(SCHEDULED.format(folder=tmp_path)).reports})
    due = START + timedelta(days=2)
    assert Reporter(filled, weekly, rules=RULES).once(due) == 0
    (made,) = [path.read_text() for path in tmp_path.rglob("*.json")]
    assert not shown(made)
