"""Outcomes of other names than the label: each by itself, read by who asks for it, by nobody who means the label."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pages import blocks, commands

from modelspan import conventions
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.forget import forget
from modelspan_analyzer.governance.notice import note_corrections
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.incidents import load_open
from modelspan_analyzer.monitors.concept.monitor import concept
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.metrics.monitor import metrics
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.runner.refresh import stale_windows
from modelspan_cli.main import main
from modelspan_collector.access.redact_table import redact_table
from modelspan_collector.access.rules import Redaction
from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import ExpressionError, compiled
from modelspan_collector.write import rows as written

PAGE = "docs/outcomes.md"
HOUR = timedelta(hours=1)
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOW = Window(END - HOUR, END)
TEXTS = pa.map_(pa.string(), pa.string())
ROWS = 600


def tips(seed: int, window: Window = WINDOW, rows: int = ROWS, **given: Any) -> dict[str, Any]:
    """Rides: will there be a tip, was there one, and in half of them what the rider paid and how they felt."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    city = given.get("city", rng.choice(["rome", "oslo"], rows))
    return {
        "ids": [f"{seed}-{row}" for row in range(rows)],
        "times": pa.array([window.start + row * (HOUR / rows) for row in range(rows)], pa.timestamp("ns", "UTC")),
        "score": score,
        "truth": np.where(rng.random(rows) < score, "1", "0"),
        "city": city,
        "paid": rng.gamma(3, 8, rows) * np.where(city == "oslo", given.get("oslo", 1.0), 1.0),
        "mood": rng.choice(["good", "bad"], rows),
        "known": rng.random(rows) < 0.5,
    }


def insert(store: Store, of: dict[str, Any], *, tenant: str = "") -> None:
    """Predictions and their labels."""
    names = {"model": ["tips"] * len(of["ids"]), "prediction_id": of["ids"], "timestamp": of["times"]}
    tags = [[("city", city), *([("tenant", tenant)] if tenant else [])] for city in of["city"]]
    answers = {"version": ["1"] * len(of["ids"]), "value": of["score"], "tags": pa.array(tags, TEXTS)}
    answers["label"] = np.where(of["score"] > 0.5, "1", "0").astype(str)
    store.insert("predictions", pa.table({**names, **answers}))
    store.insert("labels", pa.table({**names, "label": of["truth"].astype(str)}))


def tell(store: Store, of: dict[str, Any], outcome: str, column: str, **given: Any) -> None:
    """An outcome of the rides of which it is known."""
    known = of["known"]
    ids = [one for one, here in zip(of["ids"], known, strict=True) if here]
    told = of[column][known]
    what = {"value": told} if told.dtype.kind == "f" else {"label": told.astype(str)}
    shared = {"outcome": [outcome] * len(ids), "tenant": [given.get("tenant", "")] * len(ids)}
    times = of["times"].filter(pa.array(known))
    store.insert("labels", pa.table({"prediction_id": ids, "timestamp": times, **shared, **what}))


def measure(store: Store, text: str) -> dict[tuple[str, str], Result]:
    settings = parse(text).for_model("tips", "1")
    found = metrics(MonitorContext(store, "tips", "1", WINDOW, baselines.active(store, "tips", "1"), settings))
    return {(one.metric, one.segment): one for one in found}


EXPRESSIONS = """
models:
- model: tips
  segments: [tag.city]
  metrics:
  - {name: paid, expression: "avg(outcome('paid'))", direction: below, threshold: 1000}
  - {name: per_ride, expression: "sum(outcome('paid')) / count()", slices: false}
  - name: unhappy
    expression: countIf(outcome('mood') = 'bad') / countIf(outcome('mood') IS NOT NULL)
    slices: false
  - {name: of_tips, expression: "avgIf(outcome('paid'), outcome('label') = '1')", slices: false}
  - {name: never, expression: "avg(outcome('nothing'))", slices: false}
"""


def test_what_a_metric_makes_of_outcomes_is_what_numpy_makes_of_them(store: Store) -> None:
    """Numbers and classes, over all rows and in slices; rows count where what is asked for is known."""
    of = tips(1)
    insert(store, of)
    tell(store, of, "paid", "paid")
    tell(store, of, "mood", "mood")
    found = measure(store, EXPRESSIONS)
    paid, known, oslo = of["paid"], of["known"], of["city"] == "oslo"
    expected = {
        ("paid", ""): paid[known].mean(),
        ("paid", "tag.city=oslo"): paid[known & oslo].mean(),
        ("per_ride", ""): paid[known].sum() / ROWS,
        ("unhappy", ""): (of["mood"][known] == "bad").mean(),
        ("of_tips", ""): paid[known & (of["truth"] == "1")].mean(),
    }
    for key, value in expected.items():
        assert found[key].value == pytest.approx(value, rel=1e-9), key
        assert found[key].n == (known & oslo if key[1] else known).sum()
    assert found["paid", ""].verdict is Verdict.ALARM
    assert (found["never", ""].verdict, found["never", ""].n) == (Verdict.NOT_ENOUGH_DATA, 0)


def test_a_correction_replaces_its_own_outcome_alone_and_is_noticed_as_one(store: Store) -> None:
    """Also after merges; two outcomes of one prediction are no correction of each other."""
    of = tips(2)
    insert(store, of)
    tell(store, of, "paid", "paid")
    tell(store, of, "mood", "mood")
    note_corrections(store, datetime.now(UTC), actor="test")
    entries = audit.entries(store, since=datetime(2020, 1, 1, tzinfo=UTC), model="")
    assert [one for one in entries if one.action == "labels corrected"] == []
    later = {**of, "paid": of["paid"] * 2, "times": pa.array([END] * ROWS, pa.timestamp("ns", "UTC"))}
    tell(store, later, "paid", "paid")
    store.command("OPTIMIZE TABLE labels FINAL")
    found = measure(store, EXPRESSIONS)
    assert found["paid", ""].value == pytest.approx(2 * of["paid"][of["known"]].mean())
    assert found["unhappy", ""].value == pytest.approx((of["mood"][of["known"]] == "bad").mean())
    assert store.scalar("SELECT count() FROM labels WHERE outcome = ''") == ROWS


def test_no_other_outcome_changes_what_is_said_of_labels(store: Store) -> None:
    """Every result of performance, fairness and concept drift is the same before and after, in a window and beside a
    baseline; and outcomes alone are no labels."""
    for seed, window in ((3, Window(END - 2 * HOUR, END - HOUR)), (4, WINDOW)):
        insert(store, tips(seed, window))
    baseline = baselines.set_from_window(store, "tips", "1", Window(END - 2 * HOUR, END - HOUR))
    settings = ModelSettings.model_validate({"fairness": {"facets": ("city",)}, "segments": ("tag.city",)})

    def said() -> list[Result]:
        context = MonitorContext(store, "tips", "1", WINDOW, baseline, settings)
        return [one for monitor in (performance, fairness, concept) for one in monitor(context)]

    before = said()
    for seed, window in ((3, Window(END - 2 * HOUR, END - HOUR)), (4, WINDOW)):
        of = {**tips(seed, window), "times": pa.array([END] * ROWS, pa.timestamp("ns", "UTC"))}
        of["known"] = np.ones(ROWS, bool)
        tell(store, of, "mood", "mood")
        tell(store, {**of, "wrong": np.where(of["truth"] == "1", "0", "1")}, "second", "wrong")
    assert len(before) > 50
    assert said() == before
    store.command("ALTER TABLE labels DELETE WHERE outcome = '' SETTINGS mutations_sync = 2")
    alone = performance(MonitorContext(store, "tips", "1", WINDOW, None, settings))
    assert {one.value for one in alone if one.metric == "labels_share"} == {0.0}


def test_tenants_have_outcomes_of_their_own(store: Store) -> None:
    """Of one id two tenants say two things; nobody's counts where a tenant has none."""
    of = {**tips(5), "known": np.ones(ROWS, bool)}
    insert(store, of, tenant="acme")
    tell(store, {**of, "paid": np.full(ROWS, 5.0)}, "paid", "paid", tenant="acme")
    tell(store, {**of, "paid": np.full(ROWS, 7.0)}, "paid", "paid", tenant="other")
    tell(store, {**of, "paid": np.full(ROWS, 9.0)}, "paid", "paid")
    tell(store, of, "mood", "mood")
    found = measure(store, EXPRESSIONS)
    assert found["paid", ""].value == 5.0
    assert found["unhappy", ""].n == ROWS
    joined = store.rows(
        "SELECT outcome, count() AS n, avg(value) AS mean FROM outcomes GROUP BY outcome ORDER BY outcome"
    )
    assert [(row["outcome"], row["n"], row["mean"]) for row in joined] == [
        ("label", ROWS, None), ("mood", ROWS, None), ("paid", ROWS, 5.0)
    ]  # fmt: skip


def test_an_outcome_that_comes_late_has_its_window_measured_again(store: Store) -> None:
    """As a late label has."""
    of = tips(6)
    insert(store, of)
    config = parse("defaults: {metrics: [{name: paid, expression: \"avg(outcome('paid'))\"}]}")
    runner = Runner(store, config)
    runner.run_window("tips", "1", WINDOW)
    assert stale_windows(store, "tips", "1", datetime.now(UTC)) == []
    tell(store, of, "paid", "paid")
    assert stale_windows(store, "tips", "1", datetime.now(UTC)) == [WINDOW]


def test_who_is_forgotten_has_no_outcome_left(store: Store) -> None:
    """Of nobody else anything goes."""
    of = {**tips(7, rows=50), "known": np.ones(50, bool)}
    insert(store, of)
    tell(store, of, "paid", "paid")
    forget(store, Subject(frozenset({of["ids"][3]})), patience=0, databases=(store.database,), actor="test")
    assert store.scalar("SELECT count() FROM labels WHERE prediction_id = '7-3'") == 0
    assert store.scalar("SELECT count() FROM labels WHERE outcome = 'paid'") == 49


def test_rules_of_redaction_meet_outcomes_by_their_names() -> None:
    """Dropped, or of a class its hash; the label and what no rule names stay."""
    columns = {"prediction_id": ["a", "b", "c", "d"], "value": [1.0, 2.0, None, None]}
    table = pa.table({**columns, "label": [None, None, "good", "1"], "outcome": ["paid", "tip", "mood", None]})
    rules = Redaction(drop=("paid",), hash=("mood", "tip"), key=b"k" * 32)
    kept, touched = redact_table(rules, conventions.EVENT_LABELS, table)
    assert kept["prediction_id"].to_pylist() == ["b", "c", "d"]
    assert kept["label"].to_pylist() == [rules.digest("2"), rules.digest("good"), "1"]
    assert kept["value"].to_pylist() == [None, None, None]
    assert touched == 3


def test_the_label_has_one_name_in_the_store() -> None:
    """Sent by its name, without one, or in a stream of before: all are the label."""
    stamps = pa.array([END] * 3, pa.timestamp("ns", "UTC"))
    stream = pa.table({"timestamp": stamps, "prediction_id": ["a", "b", "c"], "value": [1.0, 2.0, 3.0]})
    received = pa.array([int(END.timestamp() * 1e9)] * 3, pa.int64())
    assert written.labels(stream, received, "", "").rows["outcome"].to_pylist() == ["", "", ""]
    named = stream.append_column("outcome", pa.array(["label", None, "revenue"]))
    assert written.labels(named, received, "", "").rows["outcome"].to_pylist() == ["", "", "revenue"]


@pytest.mark.parametrize("expression", ["avg(outcome(revenue))", "avg(outcome())", "avg(outcome('a', 'b'))"])
def test_an_outcome_is_named_in_quotation_marks(expression: str) -> None:
    """The message says how."""
    with pytest.raises(ExpressionError, match=r"outcome\('revenue'\)"):
        compiled(expression, aggregates=True, outcomes=True)


def checkouts(seed: int, window: Window, brought: float) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Orders, whether each was paid for, and what it brought, in one country times `brought`."""
    rng = np.random.default_rng(seed)
    score, country = rng.random(ROWS), rng.choice(["DE", "PT"], ROWS, p=[0.7, 0.3])
    ids = [f"{seed}-{row}" for row in range(ROWS)]
    stamps = pa.array([window.start + row * (HOUR / ROWS) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    names = {"model": ["checkout"] * ROWS, "prediction_id": ids, "timestamp": stamps}
    tags = pa.array([[("country", one)] for one in country], TEXTS)
    answers = {"version": ["1"] * ROWS, "value": score, "label": np.where(score > 0.5, "yes", "no").astype(str)}
    paid = np.where(rng.random(ROWS) < score, "yes", "no").astype(str)
    revenue = rng.gamma(20, 5, ROWS) * np.where(country == "PT", brought, 1.0)
    told = {"prediction_id": ids, "timestamp": stamps, "outcome": ["revenue"] * ROWS, "value": revenue}
    return pa.table({**names, **answers, "tags": tags}), pa.table({**names, "label": paid}), pa.table(told)


OFF = "".join(
    f"  {name}: {{enabled: false}}\n"
    for name in ("multivariate", "embedding", "poisoning", "concept", "attribution", "worst_slices", "estimation")
)


def test_revenue_of_a_country_falls_while_accuracy_stays_and_people_work_on_it(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's monitors: the metric alarms with its slice, the incident is worked on to its end, and all of it is in
    `status`, the audit log and SQL. One hour's revenue comes from a file, by the page's command."""
    config = parse(blocks(PAGE, "yaml")[0].text + "defaults:\n" + OFF)
    runner, place = Runner(store, config, respond=Responder(store, config)), ["--store", engine_dsn]
    place += ["--database", store.database]
    baseline = Window(END - 3 * HOUR, END - 2 * HOUR)
    for hour, brought in ((3, 1.0), (2, 1.0), (1, 0.3)):
        window = Window(END - hour * HOUR, END - (hour - 1) * HOUR)
        predictions, labels, revenue = checkouts(hour, window, brought)
        store.insert("predictions", predictions)
        store.insert("labels", labels)
        if hour == 1:
            lines = zip(revenue["prediction_id"].to_pylist(), revenue["value"].to_pylist(), strict=True)
            text = "order_id,eur\n" + "".join(f"{one},{value!r}\n" for one, value in lines)
            (tmp_path / "revenue.csv").write_text(text)
            ((command, _, *asked),) = commands(blocks(PAGE, "sh")[0])
            assert main([command, str(tmp_path / "revenue.csv"), *asked, *place]) == 0
            assert f"{ROWS} outcomes (revenue) loaded" in capsys.readouterr().out
        else:
            store.insert("labels", revenue)
        if hour == 3:
            baselines.set_from_window(store, "checkout", "1", baseline)
        else:
            runner.run_window("checkout", "1", window)

    alarms = store.rows("SELECT metric, segment, window_end FROM monitor_results FINAL WHERE verdict = 'alarm'")
    assert {(row["metric"], row["segment"]) for row in alarms} == {("revenue_per_order", "tag.country=PT")}
    assert len(alarms) == 1
    measured = (
        "SELECT groupArray(verdict) FROM monitor_results FINAL WHERE metric = 'balanced_accuracy' AND segment = ''"
    )
    assert set(store.scalar(measured)) == {"ok"}
    (incident,) = load_open(store)
    assert "tag.country=PT" in {member.segment for member in incident.findings}
    assert any("EUR" in member.reason for member in incident.findings)

    for step in (["acknowledge"], ["assign", "eve"], ["action", "fixed the price list"], ["close", "old prices"]):
        assert main(["incidents", incident.incident_id, *step, "--actor", "ann", *place]) == 0
    capsys.readouterr()
    assert main(["status", *place]) == 0
    said = capsys.readouterr().out
    assert re.search(rf"{incident.incident_id} resolved .*closed by ann .*old prices", said)
    assert main(["audit", *place]) == 0
    audited = capsys.readouterr().out
    for done in ("labels loaded", "incident acknowledged", "incident assigned", "incident acted on", "incident closed"):
        assert done in audited
    (query,) = blocks(PAGE, "sql")
    told = {(row["country"], row["outcome"]): row for row in store.rows(query.text)}
    assert set(told) == {(country, outcome) for country in ("DE", "PT") for outcome in ("label", "revenue")}
    assert told["PT", "revenue"]["mean"] < 0.85 * told["DE", "revenue"]["mean"]
