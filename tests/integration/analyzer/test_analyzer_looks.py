"""A look where nothing was written asks one small question, and whatever is written is seen by the next look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents import load, timeline
from modelspan_analyzer.incidents.steps import take
from modelspan_analyzer.monitors.performance.monitor import PERFORMANCE
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.unchanged import Standing
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.runner.choose import choose_baseline, learnt_until
from modelspan_collector.store.connect import Store
from modelspan_collector.store.sketches import QUIET, TABLES

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STAMP = pa.timestamp("ns", "UTC")
Changes = Callable[["Looks"], None]


def predict(store: Store, hour: int, rows: int = 60, version: str = "1", role: str = "primary", **more: Any) -> None:
    """Predictions of an hour, 100 and more of a minute."""
    stamps = round((START + hour * HOUR).timestamp()) * 10**9 + np.arange(rows) * int(3600e9 / rows)
    numbers = np.random.default_rng(hour).normal(0, 1, rows)
    identity = {"model": ["m"] * rows, "version": [version] * rows, "role": [role] * rows}
    identity |= {"prediction_id": [f"{version}-{hour}-{place}" for place in range(rows)]}
    values = {"timestamp": pa.array(stamps).cast(STAMP), "label": ["yes", "no"] * (rows // 2)}
    store.insert("predictions", pa.table({**identity, **values, **feature_maps(pa.table({"age": numbers})), **more}))


def label(store: Store, hour: int, said: str = "yes", rows: int = 60) -> None:
    """What was true of an hour's predictions."""
    ids = {"model": ["m"] * rows, "prediction_id": [f"1-{hour}-{place}" for place in range(rows)]}
    store.insert("labels", pa.table({**ids, "timestamp": pa.array([START] * rows, STAMP), "label": [said] * rows}))


class Looks:
    """An analyzer of one store, by a clock that is driven, and the queries that it asks."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch | None = None, **settings: Any) -> None:
        self.store, self.at, self.asked = store, START, 0
        told = {"baseline": {"learn": 100}, "performance": {"min_rows": 30}, **settings}
        self.config = MonitorsConfig.model_validate({"workers": 1, "defaults": told})
        self.runner = self.started(self.config)
        for name in ("rows", "scalar", "arrow", "command", "insert") if monkeypatch else ():
            monkeypatch.setattr(store, name, self._counted(getattr(store, name)))

    def started(self, config: MonitorsConfig) -> Runner:
        """A new analyzer."""
        signals, respond = Signals.of(DATA_QUALITY, PERFORMANCE), Responder(self.store, config)
        return Runner(self.store, config, signals=signals, respond=respond, clock=lambda: self.at)

    def _counted(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **given: Any) -> Any:
            self.asked += 1
            return ask(*args, **given)

        return counted

    def look(self, hour: float, minutes: float = 2) -> set[tuple[str, int]]:
        """Look after an hour: the signals that were measured, and of the windows of which hours."""
        self.at, self.asked = START + hour * HOUR + minutes * MINUTE, 0
        return {_place(one) for one in self.runner.once(self.at)}

    def told(self, action: str) -> int:
        """Entries of the audit log."""
        return len(audit.entries(self.store, since=datetime(2020, 1, 1, tzinfo=UTC), action=action))


def _place(result: Result) -> tuple[str, int]:
    return result.signal, (result.window.start - START) // HOUR


@pytest.fixture
def store(databases: Databases) -> Iterator[Store]:
    """A store of the test's own, as looks take all models."""
    with databases.one() as opened:
        yield opened


@pytest.fixture(scope="module")
def looked(databases: Databases) -> Iterator[Store]:
    """Six hours, looked at until nothing is left to do."""
    with databases.one() as prepared:
        for hour in range(6):
            predict(prepared, hour)
        first = Looks(prepared)
        assert [bool(first.look(6, minute)) for minute in (2, 3, 4)] == [True, False, False]
        yield prepared


@pytest.fixture
def looks(databases: Databases, looked: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """An analyzer that was started again after those six hours, and looked around."""
    with databases.like(looked) as store:
        found = Looks(store, monkeypatch)
        assert [found.look(6, 4) for _ in range(2)] == [set()] * 2
        yield found


def test_a_look_where_nothing_was_written_and_nothing_is_due_asks_one_question(looks: Looks) -> None:
    assert looks.look(6, 5) == set()
    assert looks.asked == 1


def test_all_is_looked_at_again_when_the_hour_is_over_and_when_sketches_were_quiet(looks: Looks) -> None:
    """So that nothing rests for ever on what parts tell, and sketches that stopped growing are thinned."""
    looks.look(6, 5)
    looks.look(6, 5 + QUIET / MINUTE)
    assert looks.asked == 2, "the sketches"
    looks.look(6, 6 + QUIET / MINUTE)
    assert looks.asked == 1
    looks.look(7)
    assert looks.asked > 10


def arrive(looks: Looks) -> None:
    """The next window's predictions."""
    predict(looks.store, 6)
    assert looks.look(7) == {("data_quality", 6), ("performance", 6)}


def arrive_late(looks: Looks) -> None:
    """Half as many again of a window that was looked at, once its claim is over; then none, which changes nothing."""
    late = {"prediction_id": [f"late-{place}" for place in range(30)]}
    predict(looks.store, 4, 30, **late)
    assert looks.look(6, 50) == {("data_quality", 4), ("performance", 4)}
    assert looks.look(6, 51) == set()


def arrive_as_spans(looks: Looks) -> None:
    """Predictions that another collector writes as spans."""
    looks.store.command(
        "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, SpanAttributes) SELECT {begin:DateTime64(9, 'UTC')} + "
        "toIntervalSecond(number), toString(number), toString(number), map('modelspan.model.name', 'm', "
        "'modelspan.model.version', '1') FROM numbers(60)",
        {"begin": START + 6 * HOUR},
    )
    assert looks.look(7) == {("data_quality", 6), ("performance", 6)}


def label_late(looks: Looks) -> None:
    """What was true of a window that was looked at without."""
    label(looks.store, 4)
    assert looks.look(6, 6) == {("performance", 4)}
    assert looks.look(6, 7) == set()


def correct(looks: Looks) -> None:
    """Other labels than those that came first."""
    looks.store.command("SYSTEM STOP MERGES labels")
    label(looks.store, 4, "no")
    looks.look(6, 6)
    looks.at = datetime.now(UTC)
    label(looks.store, 4, "yes")
    looks.runner.once(looks.at)
    looks.store.command("SYSTEM START MERGES labels")
    assert looks.told("labels corrected") == 1


def register(looks: Looks) -> None:
    """A model's card."""
    card = {"model": ["m"], "version": ["1"], "timestamp": pa.array([START], STAMP)}
    looks.store.insert("models", pa.table({**card, "owner": ["ann"], "task": ["binary"]}))
    looks.look(6, 6)
    assert looks.told("model registered") == 1


def promote(looks: Looks) -> None:
    """A version that was a shadow answers."""
    predict(looks.store, 5, 2, version="2", role="shadow")
    looks.look(6, 6)
    before = looks.told("model promoted")
    predict(looks.store, 6, 2, version="2")
    looks.look(6, 7)
    assert looks.told("model promoted") == before + 1


def share(looks: Looks) -> None:
    """Another tenant's predictions of the same model."""
    looks.at = datetime.now(UTC)
    for tenant in ("one", "two"):
        tags = pa.array([[("tenant", tenant)]] * 2, pa.map_(pa.string(), pa.string()))
        more = {"tags": tags, "prediction_id": [f"{tenant}-{place}" for place in range(2)]}
        predict(looks.store, (looks.at - START) // HOUR, 2, version="2", **more)
        looks.runner.once(looks.at)
    assert looks.told("tenants measured together") == 1


def set_baseline(looks: Looks) -> None:
    """Another baseline, by hand: the next window is compared with it."""
    made = baselines.set_from_table(looks.store, "m", "1", pa.table({"age": np.arange(200.0)}), source="test")
    predict(looks.store, 6)
    looks.at = START + 7 * HOUR + 2 * MINUTE
    assert {one.baseline_id for one in looks.runner.once(looks.at)} == {made.baseline_id}


def set_otherwise(looks: Looks) -> None:
    """Settings of a new start."""
    told = looks.config.defaults.model_copy(update={"false_alarms": 0.01})
    looks.runner = looks.started(looks.config.model_copy(update={"defaults": told}))
    before = looks.told("settings changed")
    looks.look(6, 6)
    assert looks.told("settings changed") == before + 1


def delete(looks: Looks) -> None:
    """Nothing of a model is left."""
    looks.store.command("DELETE FROM predictions WHERE model = 'm'")
    assert looks.look(7) == set()


def pass_time(looks: Looks) -> None:
    """Nothing comes: each window of the silence is recorded, an incident opens, and ends when predictions are back."""
    assert looks.look(7) == {("data_quality", 6), ("performance", 6)}
    assert looks.look(8) == {("data_quality", 7), ("performance", 7)}
    assert [one.status for one in load(looks.store)] == ["open"]
    for hour in range(8, 8 + looks.config.defaults.incidents.resolve_after):
        predict(looks.store, hour)
        looks.look(hour + 1)
    assert [one.status for one in load(looks.store)] == ["resolved"]


CHANGES = [arrive, arrive_late, arrive_as_spans, label_late, correct, register, promote, share, set_baseline,
           set_otherwise, delete, pass_time]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_whatever_changes_is_seen_by_the_next_look(looks: Looks, change: Changes) -> None:
    """After looks where nothing had changed."""
    looks.look(6, 5)
    assert looks.asked == 1
    change(looks)


def test_a_window_of_a_silence_asks_little_and_is_recorded(looks: Looks) -> None:
    """While nothing else is written: what was written, for the look and for incidents; and its results and its run."""
    for hour in (7, 8, 9):
        looks.look(hour)
    assert looks.look(10, 3) == {("data_quality", 9), ("performance", 9)}
    assert [one.status for one in load(looks.store)] == ["open"]
    asked = looks.asked
    for hour in (11, 12):
        looks.look(hour, 2)  # once an hour all is looked at
        looks.look(hour, 3)
        assert looks.asked == 1
    assert asked < 25


MINUTES = {"window": {"size": "5m"}, "schedule": {"every": "5m"}}


@pytest.fixture(scope="module")
def silent(databases: Databases) -> Iterator[Store]:
    """Windows of five minutes: three hours with predictions, and a silence since that an incident is open of."""
    with databases.one() as prepared:
        for hour in range(3):
            predict(prepared, hour, 600)
        first = Looks(prepared, **MINUTES)
        for minute in range(2, 32, 5):
            first.look(3, minute)
        yield prepared


@pytest.fixture
def short(databases: Databases, silent: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    """An analyzer that was started again in that silence, and looked around."""
    with databases.like(silent) as store:
        found = Looks(store, monkeypatch, **MINUTES)
        assert [found.look(3, 27) for _ in range(2)] == [set()] * 2
        yield found


def test_a_window_that_says_what_the_one_before_it_said_writes_what_it_measured_and_nothing_of_the_incident(
    short: Looks,
) -> None:
    for minute in (32, 37, 42, 47):  # until what it read stands
        short.look(3, minute)
    (before,) = load(short.store)
    assert short.look(3, 52) == {("data_quality", 3), ("performance", 3)}
    assert short.asked == 4, "what was written, the results, what was written to incidents, and the run"
    assert load(short.store) == [before]
    newest = "SELECT max(window_end) FROM monitor_results WHERE metric = 'volume' AND verdict = 'alarm'"
    assert short.store.scalar(newest).replace(tzinfo=UTC) == START + 3 * HOUR + 50 * MINUTE


def test_somebody_who_closes_the_incident_of_a_silence_is_heard_at_once(short: Looks) -> None:
    """The next window that began since alarms, and reopens it; one that had begun by then does not."""
    (one,) = load(short.store)
    take(short.store, one.incident_id, "close", actor="ann", now=START + 3 * HOUR + 28 * MINUTE)
    short.look(3, 32)
    assert [one.status for one in load(short.store)] == ["resolved"]
    short.look(3, 37)
    assert [one.status for one in load(short.store)] == ["open"]


def test_what_came_late_ends_no_silence_that_lasts(short: Looks) -> None:
    """Good windows of before do not count for one whose newest windows alarmed, though that was not written of each."""
    short.look(3, 42)
    late = round((START + 3 * HOUR).timestamp()) * 10**9 + np.arange(200) * int(6e9)  # of the first twenty minutes
    predict(short.store, 3, 200, timestamp=pa.array(late).cast(STAMP))
    measured = short.look(3, 47)
    assert ("data_quality", 3) in measured
    (one,) = load(short.store)
    assert one.status == "open"
    assert "resolved" not in {event.kind for event in timeline(short.store, one.incident_id)}


def test_databases_of_one_engine_are_looked_at_apart(
    looks: Looks, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.one() as other:
        predict(other, 0)
        beside = Looks(other, monkeypatch)
        beside.look(6)
        assert looks.look(6, 5) == set() and looks.asked == 1
        predict(other, 6)
        assert ("data_quality", 6) in beside.look(7)


def test_two_analyzers_that_begin_to_look_at_once_learn_one_baseline(store: Store) -> None:
    """Of which neither knew when its look began; each then has it for the rest of the look."""
    predict(store, 0, 200)
    settings = ModelSettings.model_validate({"baseline": {"learn": 100}})
    known: list[list[Baseline]] = [[], []]
    ends = {learnt_until(store, "m", "1", settings, 200, one) for one in known}
    (first,), (second,) = known
    assert len(ends) == 1
    assert first.baseline_id == second.baseline_id
    chosen = choose_baseline(store, "m", "1", Window(START + HOUR, START + 2 * HOUR), settings, known[1])
    assert chosen is second


def test_what_fails_is_tried_again_by_the_next_look(store: Store) -> None:
    standing, answers = Standing(store, "labels"), iter([ValueError("no"), 1, 2])

    def read() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    standing.look(START)
    with pytest.raises(ValueError, match="no"):
        standing.read("number", read, "labels")
    assert [standing.read("number", read, "labels") for _ in range(3)] == [1, 1, 1]
    assert standing.read("number", read, "labels", also="another") == 2


@pytest.mark.parametrize("engine", ["Merge(currentDatabase(), '^labels$')", "Buffer(currentDatabase(), labels, 1, 1, "
                                    "1, 1, 1, 1, 1)"], ids=["merge", "buffer"])  # fmt: skip
def test_nothing_stands_where_the_parts_are_not_the_stores_own(databases: Databases, engine: str) -> None:
    """As where tables are spread over shards: parts that are elsewhere tell nothing here."""
    with databases.one() as opened:
        opened.command(f"CREATE TABLE spread AS labels ENGINE = {engine}")
        standing, asked = Standing(opened, "labels", "spread"), iter(range(9))
        for minute in range(3):
            standing.look(START + minute * MINUTE)
            assert standing.read("number", lambda: next(asked), "spread") == minute


def test_parts_that_only_merge_say_the_same(looks: Looks) -> None:
    for table in ("predictions", *TABLES):
        looks.store.command(f"OPTIMIZE TABLE {table} FINAL")
    assert looks.look(6, 6) == set()
