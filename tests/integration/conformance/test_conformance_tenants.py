"""Two tenants of one database use the same names for everything: no label and no card of one reaches the other's rows.

Both send, with tokens of their own, the same prediction ids of the same model and version, with opposite labels and
different cards. `READERS` is the table of what is told of labels and cards; a new reader is one line there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from conformance_access import collecting
from conformance_wire import post_event
from databases import Databases

from modelspan_analyzer.comparison.compare import compare
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.notice import LABELS_CORRECTED, REGISTERED, TOGETHER, notice
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.cards import Card, card_for, told_task
from modelspan_analyzer.reading.owners import owners
from modelspan_analyzer.reading.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.why import Finding
from modelspan_analyzer.why.selection import select
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

MODEL, ROWS = "credit", 200
TENANTS = ("acme", "globex")
CLASSES = ("0", "1")
STAMP = pa.timestamp("ns", "UTC")
TAGS = pa.map_(pa.string(), pa.string())
TASKS = {"acme": "binary", "globex": "multiclass"}
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
WINDOW = Window(START, START + timedelta(hours=1))
SETTINGS = ModelSettings.model_validate(
    {
        "segments": ("tag.tenant",),
        "performance": {"min_rows": 50},
        "fairness": {"facets": ("tenant",), "min_group": 20, "flip_rows": 0, "estimated": False},
    }
)


def _truth(row: int) -> str:
    return CLASSES[row % 2]


def _send(port: int, tenant: str, version: str) -> None:
    """All predictions are right for acme, and wrong for globex."""
    headers = {"authorization": f"Bearer {tenant}-token"}
    times = pa.array([START + timedelta(seconds=row) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    ids = pa.array([f"p{row}" for row in range(ROWS)])
    answers = pa.array([_truth(row) for row in range(ROWS)])
    post_event(
        port, headers, "modelspan.predictions",
        pa.table({"timestamp": times, "prediction_id": ids, "label": answers,
                  "feature.x": pa.array([float(row) for row in range(ROWS)])}),
        MODEL, version,
    )  # fmt: skip
    known = [_truth(row + (tenant == "globex")) for row in range(ROWS)]
    labels = pa.table({"timestamp": times, "prediction_id": ids, "label": pa.array(known)})
    post_event(port, headers, "modelspan.labels", labels, MODEL, version)
    card = {"timestamp": times.slice(0, 1), "owner": [f"{tenant}'s"], "task": [TASKS[tenant]], "classes": [CLASSES]}
    post_event(port, headers, "modelspan.model", pa.table(card | {"hyperparameters": [tenant]}), MODEL, version)


@pytest.fixture(scope="module")
def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The database of both."""
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "tokens.txt").write_text("".join(f"{name}-token tenant={name}\n" for name in TENANTS))
    with databases.one() as store:
        collector = collecting(store, folder / "data", tokens=folder / "tokens.txt")
        collector.start()
        for tenant in TENANTS:
            for version in ("1", "2"):
                _send(collector.http_port, tenant, version)
        collector.flush()
        collector.stop()
        yield store


def _of_rows(store: Store, tenant: str) -> float:
    rows = window_rows(MODEL, "1", WINDOW)
    sql = f"SELECT avg(truth = label) FROM ({rows.sql}) WHERE tags['tenant'] = {{tenant:String}}"
    return float(store.scalar(sql, {**rows.parameters, "tenant": tenant}))


def _of_performance(store: Store, tenant: str) -> float:
    found = performance(MonitorContext(store, MODEL, "1", WINDOW, None, SETTINGS))
    (accuracy,) = (one.value for one in found if (one.metric, one.segment) == ("accuracy", f"tag.tenant={tenant}"))
    return float(accuracy or 0)


def _of_fairness(store: Store, tenant: str) -> float:
    """A difference in accuracy is that of the group from the others: 1 - 0, or 0 - 1."""
    found = fairness(MonitorContext(store, MODEL, "1", WINDOW, None, SETTINGS))
    (gap,) = (one for one in found if (one.metric, one.segment) == ("accuracy_difference", f"tenant={tenant}"))
    return (1 + abs(gap.value or 0)) / 2 if tenant == "acme" else (1 - abs(gap.value or 0)) / 2


def _of_baseline(store: Store, tenant: str) -> float:
    kept = baselines.set_from_window(store, MODEL, "1", WINDOW)
    sql = """SELECT avg(true_label = label) FROM reference_predictions
             WHERE baseline_id = {id:String} AND tags['tenant'] = {tenant:String}"""
    return float(store.scalar(sql, {"id": kept.baseline_id, "tenant": tenant}))


def _of_why(store: Store, tenant: str) -> float:
    """The share of predictions that are not among the wrong ones."""
    chosen = select(store, Finding(MODEL, WINDOW, "wrong", version="1", segment=f"tag.tenant={tenant}"))
    sql = chosen.fill(
        "SELECT sum({weight}) AS wrong, count() AS n {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')}"
    )
    row = store.rows(sql, chosen.during(WINDOW))[0]
    return 1 - float(row["wrong"]) / int(row["n"])


READERS: Mapping[str, Callable[[Store, str], float]] = {
    "rows of a window": _of_rows,
    "performance of a slice": _of_performance,
    "fairness": _of_fairness,
    "baseline of a window": _of_baseline,
    "why": _of_why,
}
"""The accuracy of one tenant's predictions, as each reader has it."""


@pytest.mark.parametrize("tenant", TENANTS)
@pytest.mark.parametrize("reader", READERS)
def test_each_tenant_has_its_own_labels(shared: Store, reader: str, tenant: str) -> None:
    """Whatever reads labels gives acme's rows acme's, and globex's rows globex's."""
    assert READERS[reader](shared, tenant) == {"acme": 1.0, "globex": 0.0}[tenant]


def test_what_is_shared_is_said_wherever_it_is_read_or_set(shared: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Baselines, alarms and incidents are of a model's name: the audit log says so once, and every command that tells
    of one or sets one says it too, with what keeps tenants apart; a model of one tenant is not mentioned.
    """
    row = {"model": ["own"], "version": ["1"], "prediction_id": ["a"], "timestamp": pa.array([START], STAMP)}
    shared.insert("predictions", pa.table(row | {"tags": pa.array([[("tenant", "acme")]], TAGS)}))
    for _ in range(2):
        notice(shared, MonitorsConfig(), datetime.now(UTC))
    (told,) = audit.entries(shared, since=datetime(1970, 1, 1, tzinfo=UTC), action=TOGETHER)
    assert (told.model, json.loads(told.details)) == (MODEL, {"tenants": list(TENANTS)})
    span = ["--start", f"{WINDOW.start:%Y-%m-%dT%H:%M:%S}", "--end", f"{WINDOW.end:%Y-%m-%dT%H:%M:%S}"]
    for command in (["status"], ["check", "--model", MODEL], ["baseline", "set", "--model", MODEL, *span]):
        with suppress(SystemExit):
            main([*command, "--store", shared.dsn, "--database", shared.database])
        answer = "".join(capsys.readouterr())
        assert f"{MODEL} is of several tenants (acme, globex)" in answer, command
        assert "own is of several" not in answer


def test_requests_of_two_tenants_are_never_matched(shared: Store) -> None:
    """Two versions are compared by requests: the same id of another tenant is another request."""
    found = compare(shared, MODEL, "1", "2", WINDOW, SETTINGS.performance)
    assert found.matched.rows == len(TENANTS) * ROWS


def test_neither_is_told_to_have_corrected_the_other(shared: Store) -> None:
    """Opposite labels of two tenants are no correction, and each tenant's card is registered."""
    notice(shared, MonitorsConfig(), datetime.now(UTC))
    told = audit.entries(shared, since=datetime(1970, 1, 1, tzinfo=UTC), model=MODEL)
    registered = [json.loads(one.details) for one in told if one.action == REGISTERED]
    assert sorted((one["tenant"], one["owner"]) for one in registered) == [
        (name, f"{name}'s") for name in TENANTS for _ in range(2)
    ]
    assert [one for one in told if one.action == LABELS_CORRECTED] == []


def test_a_card_speaks_for_its_own_tenant(shared: Store) -> None:
    """Cards are kept apart; where tenants' cards differ, none speaks for the rows of both, nor for the model."""
    rows = shared.rows("SELECT tenant, owner FROM models FINAL WHERE version = '1' ORDER BY tenant")
    assert rows == [{"tenant": name, "owner": f"{name}'s"} for name in TENANTS]
    for tenant in TENANTS:
        assert card_for(shared, MODEL, {tenant}) == Card(TASKS[tenant], CLASSES)
    assert card_for(shared, MODEL, set(TENANTS)) == card_for(shared, MODEL, ()) == Card()
    assert (told_task(shared, MODEL), owners(shared, MODEL).of(MODEL, "1", "")) == ("", "")


def test_what_nobody_sent_counts_where_a_tenant_has_none(shared: Store) -> None:
    """A label from a file, or of before tenants were kept, is of every tenant that has no label of its own."""
    table = {"prediction_id": ["p0", "of-globex"], "model": [MODEL] * 2, "label": ["7", "7"]}
    times = pa.array([datetime.now(UTC)] * 2, pa.timestamp("ns", "UTC"))
    shared.insert("labels", pa.table(table | {"timestamp": times}))
    one = pa.array([START], pa.timestamp("ns", "UTC"))
    rows = {"model": ["late"] * 3, "version": ["1"] * 3, "prediction_id": ["p0", "of-globex", "of-globex"],
            "label": ["7"] * 3, "timestamp": pa.concat_arrays([one] * 3)}  # fmt: skip
    tags = pa.array([[("tenant", "acme")], [("tenant", "globex")], []], TAGS)
    shared.insert("predictions", pa.table(rows | {"tags": tags}))
    found = window_rows("late", "1", WINDOW)
    told = shared.rows(f"SELECT tags['tenant'] AS tenant, truth FROM ({found.sql}) ORDER BY tenant", found.parameters)
    assert [(row["tenant"], row["truth"]) for row in told] == [("", "7"), ("acme", _truth(0)), ("globex", "7")]


@pytest.mark.parametrize("tenant", ["", "acme"])
def test_labels_read_the_same_whether_one_tenant_has_some_or_more(store: Store, tenant: str) -> None:
    """Where all labels are one tenant's none has to be chosen: what is read so stays the same once another's come."""
    times = pa.array([START] * 3, pa.timestamp("ns", "UTC"))
    rows = {"model": [MODEL] * 3, "version": ["1"] * 3, "prediction_id": ["a", "b", "c"], "label": ["1"] * 3,
            "timestamp": times, "tags": pa.array([[("tenant", tenant)]] * 3, TAGS)}  # fmt: skip
    store.insert("predictions", pa.table(rows))
    found = window_rows(MODEL, "1", WINDOW)
    for sender, truth in ((tenant, "0"), ("globex", "1")):
        known = {"model": [MODEL] * 2, "prediction_id": ["a", "b"], "label": [truth] * 2, "tenant": [sender] * 2}
        store.insert("labels", pa.table(known | {"timestamp": times.slice(0, 2)}))
        told = store.rows(f"SELECT truth FROM ({found.sql}) ORDER BY prediction_id", found.parameters)
        assert [row["truth"] for row in told] == ["0", "0", ""]
