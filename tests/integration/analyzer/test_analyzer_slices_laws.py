"""Laws of slices, by every monitor that takes them: a slice of all rows is the whole, parts add up, sketches say what
rows say, what is left out is said, and what is found stands in SQL by the slice's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.monitors.table import MONITORS, SIGNALS
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading import segments as spelling
from modelspan_analyzer.reading.profiles import parts, read
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments

START = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS = 1500
NIGHT, DAY = "slice.night=hour >= 22 OR hour < 6", "slice.day=hour >= 6 AND hour < 22"
ALL, RARE = "slice.all=minutes >= 0", "slice.rare=minutes > 9000"
SETTINGS = """
models:
- model: tickets
  {segments}
  slices: {slices}
  metrics: [{{name: waiting, expression: "avg(minutes)"}}, {{name: strict, expression: "max(minutes)", min_rows: 300}}]
  estimation: {{min_rows: 100}}
  fairness: {{facets: [channel]}}
"""
SLICED = [name for name, signal in SIGNALS.items() if not signal.whole_only]
Rows = dict[str, np.ndarray]
Key = tuple[str, str, str]


def tickets(seed: int, rows: int = ROWS) -> Rows:
    """Support tickets, of which a model says how likely they are to come back; by night the queue is another."""
    rng = np.random.default_rng([31, seed])
    hour = rng.integers(0, 24, rows)
    minutes = rng.lognormal(3, 0.8, rows) * np.where((hour >= 22) | (hour < 6), 1.5, 1.0)
    score = 1 / (1 + np.exp(-rng.normal(0, 1.5, rows)))
    return {
        "hour": hour.astype(float),
        "minutes": minutes,
        "channel": rng.choice(["mail", "chat", "phone"], rows, p=[0.5, 0.3, 0.2]),
        "desk": rng.choice(["north", "south", "tiny"], rows, p=[0.5, 0.49, 0.01]),
        "score": score,
        "back": (rng.random(rows) < score).astype(int).astype(str),
        "seconds": rng.lognormal(-3, 0.4, rows),
    }


def by_night(rows: Rows) -> np.ndarray:
    return (rows["hour"] >= 22) | (rows["hour"] < 6)


def unsure(rows: Rows) -> Rows:
    """By night the scores say less."""
    return {**rows, "score": np.where(by_night(rows), 0.5 + (rows["score"] - 0.5) / 2.5, rows["score"])}


def insert(store: Store, place: int, rows: Rows, model: str = "tickets", labels: bool = False) -> Window:
    """One hour of predictions, and what was true of them where they are labelled."""
    window, n = Window(START + place * HOUR, START + (place + 1) * HOUR), len(rows["score"])
    stamps = pa.array([window.start + row * (HOUR / n) for row in range(n)], pa.timestamp("ns", "UTC"))
    names = {"model": [model] * n, "prediction_id": [f"{model}{place}-{row}" for row in range(n)], "timestamp": stamps}
    texts, numbers = pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.float64())
    features = [[("hour", a), ("minutes", b)] for a, b in zip(rows["hour"], rows["minutes"], strict=True)]
    store.insert(
        "predictions",
        pa.table({
            **names, "version": ["1"] * n, "value": rows["score"], "duration": rows["seconds"],
            "tags": pa.array([[("desk", one)] for one in rows["desk"]], texts),
            "categorical_features": pa.array([[("channel", one)] for one in rows["channel"]], texts),
            "numeric_features": pa.array(features, numbers),
        }),
    )  # fmt: skip
    if labels:
        store.insert("labels", pa.table({**names, "label": rows["back"]}))
    return window


def with_baseline(store: Store, rows: Rows, model: str = "tickets") -> None:
    """Labelled rows of their own, with what the slices are cut by."""
    roles = {"features": ["hour", "minutes", "channel"], "score": "score", "label": "back", "tags": ["desk"]}
    table = pa.table({name: column for name, column in rows.items() if name != "seconds"})
    baselines.set_from_table(store, model, "1", table, source="test", **roles)  # type: ignore[arg-type]


def look(
    store: Store, window: Window, *keys: str, segments: str = "", model: str = "tickets", only: str = ""
) -> dict[str, list[Result]]:
    """What each monitor that takes slices says of a window, by its signal."""
    slices = {key.partition("=")[0].removeprefix("slice."): key.partition("=")[2] for key in keys}
    text = SETTINGS.format(slices=slices, segments=f"segments: [{segments}]" if segments else "")
    settings = parse(text).for_model("tickets", "1")
    context = MonitorContext(store, model, "1", window, baselines.active(store, model, "1"), settings)
    found: dict[str, list[Result]] = {}
    for one in MONITORS:
        if one.signal.name in SLICED and only in ("", one.signal.name) and not one.name.startswith("worst_slices"):
            found.setdefault(one.signal.name, []).extend(one.run(context))
    return found


def values(results: list[Result], segment: str) -> dict[Key, Result]:
    """What was measured of a slice, by metric, feature and group of it."""
    return {
        (one.metric, one.feature, group): one
        for one in results
        if (group := group_of(one, segment)) is not None and one.value is not None
    }


def group_of(one: Result, segment: str) -> str | None:
    """Which group of a slice a result is of; '' of all groups, None where it is of another slice."""
    if not segment:
        return None if one.segment.startswith(("slice.", "tag.")) else one.segment
    inner = one.segment.removeprefix(f"{segment} & feature.")
    return "" if one.segment == segment else inner if inner != one.segment else None


@pytest.fixture(scope="module")
def labelled(shared_store: Store) -> Window:
    """A window whose labels are in, and one of which they are not."""
    with_baseline(shared_store, tickets(1, 8 * ROWS))
    insert(shared_store, 9, unsure(tickets(3)))
    return insert(shared_store, 5, tickets(2), labels=True)


def test_a_slice_of_all_rows_is_the_whole(shared_store: Store, labelled: Window) -> None:
    """The same values of the same rows, with the same verdict, by every signal: nothing else is another population."""
    for signal, results in look(shared_store, labelled, ALL).items():
        whole, part = values(results, ""), values(results, ALL)
        assert part, f"{signal} measured nothing of the slice"
        for key, one in part.items():
            assert key in whole, (signal, key)
            assert one.value == pytest.approx(whole[key].value, rel=1e-9, abs=1e-12), (signal, key)
            assert (one.n, one.verdict) == (whole[key].n, whole[key].verdict), (signal, key)
            if whole[key].p_value is not None:
                assert one.p_value == pytest.approx(whole[key].p_value, rel=1e-6, abs=1e-12), (signal, key)


def test_two_halves_have_the_rows_of_the_whole(shared_store: Store, labelled: Window) -> None:
    """Of every measurement that is of rows as they are: those of night and of day together are all."""
    added = set()
    for signal, results in look(shared_store, labelled, NIGHT, DAY).items():
        whole, night, day = (values(results, segment) for segment in ("", NIGHT, DAY))
        both = whole.keys() & night.keys() & day.keys()
        for key in [one for one in both if one[2] or signal != "fairness"]:  # of all groups n is the smallest's
            assert night[key].n + day[key].n == pytest.approx(whole[key].n, abs=1), (signal, key)
            added.add(signal)
    assert added == set(SLICED)


def test_a_slice_is_estimated_as_a_model_that_has_no_other_rows(shared_store: Store, labelled: Window) -> None:
    """The same rows under a name of their own, on both sides: nothing of the other rows reaches into a slice."""
    before, now = tickets(1, 8 * ROWS), unsure(tickets(3))
    alone = [{name: column[by_night(rows)] for name, column in rows.items()} for rows in (before, now)]
    with_baseline(shared_store, alone[0], "alone")
    expected = look(shared_store, insert(shared_store, 9, alone[1], "alone"), model="alone", only="estimation")
    hour = Window(START + 9 * HOUR, START + 10 * HOUR)
    found = look(shared_store, hour, NIGHT, DAY, only="estimation")
    whole, part = values(expected["estimation"], ""), values(found["estimation"], NIGHT)
    assert part.keys() == whole.keys() >= {("roc_auc", "cbpe", "")}
    for key in whole:
        assert part[key].value == pytest.approx(whole[key].value, abs=0.02), key
        assert part[key].n == whole[key].n


def test_a_model_that_should_be_worse_by_night_alarms_there_alone(shared_store: Store, labelled: Window) -> None:
    """Before a label of it is in; the whole is worse too, but by less."""
    hour = Window(START + 9 * HOUR, START + 10 * HOUR)
    found = look(shared_store, hour, NIGHT, DAY, only="estimation")["estimation"]
    area = {one.segment: one for one in found if one.metric == "accuracy"}
    night, day, whole = (area[segment].value for segment in (NIGHT, DAY, ""))
    assert None not in (night, day, whole), [area[one].reason for one in area]
    assert night is not None and day is not None and whole is not None
    assert night < whole < day
    judged = {one.segment: one for one in found if one.metric == "roc_auc"}
    assert (judged[NIGHT].verdict, judged[DAY].verdict) == (Verdict.ALARM, Verdict.OK), judged
    assert judged[NIGHT].details["baseline"] == pytest.approx(judged[DAY].details["baseline"], abs=0.05)


def test_who_is_treated_worse_by_night_alone_is_found_there(shared_store: Store, labelled: Window) -> None:
    """A channel whose tickets are no longer called likely to come back, by NumPy's rates; the name gives its rows."""
    rows = tickets(4, 2 * ROWS)
    chat = by_night(rows) & (rows["channel"] == "chat")
    rows["score"] = np.where(chat, rows["score"] / 3, rows["score"])
    results = look(shared_store, insert(shared_store, 11, rows), NIGHT, DAY, only="fairness")["fairness"]
    name = f"{NIGHT} & feature.channel=chat"
    alarming = {one.segment for one in results if one.verdict is Verdict.ALARM and one.metric == "disparate_impact"}
    assert name in alarming
    assert not [segment for segment in alarming if segment.startswith(DAY)]
    (found,) = [one for one in results if (one.metric, one.segment) == ("disparate_impact", name)]
    positive, others = rows["score"] >= 0.5, by_night(rows) & ~chat
    assert found.value == pytest.approx(positive[chat].mean() / positive[others].mean(), rel=1e-9)
    assert found.n == chat.sum()
    condition, parameters = spelling.where(spelling.parse(name))
    asked = f"SELECT count() FROM predictions WHERE {condition} AND timestamp >= {{start:DateTime64(9, 'UTC')}}"
    assert shared_store.scalar(asked, {**parameters, "start": START + 11 * HOUR}) == chat.sum()


def test_sketches_say_of_a_slice_what_rows_say(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of slices by tags, which collectors sketch: within the error of a sketch, and with the same verdicts."""
    keep_segments(store, ("tag.desk",))
    with_baseline(store, tickets(1, 8 * ROWS))
    window = insert(store, 5, tickets(2), labels=True)
    by_rows = look(store, window, segments="tag.desk")
    monkeypatch.setattr(read, "FEW_ROWS", 0)
    monkeypatch.setattr(parts, "MOST_VALUES", 0)
    sketched = look(store, window, segments="tag.desk")
    for signal, results in by_rows.items():
        for desk in ("north", "south"):
            expected, found = (values(side, f"tag.desk={desk}") for side in (results, sketched[signal]))
            assert found.keys() == expected.keys() and expected, signal
            for key, one in expected.items():
                assert found[key].value == pytest.approx(one.value, rel=0.05, abs=0.02), (signal, key)
                assert (found[key].n, found[key].verdict) == (one.n, one.verdict), (signal, key)


def test_what_is_in_no_slice_is_said_by_each_signal_once(shared_store: Store, labelled: Window) -> None:
    """A value with too few rows, and an expression that is true of none: how many rows, and by which setting."""
    for signal, results in look(shared_store, labelled, NIGHT, RARE, segments="tag.desk").items():
        told = {}
        for one in results:
            if one.metric == LEFT_OUT:
                assert (one.segment, one.feature) not in told, signal
                told[one.segment, one.feature] = one
        rare = [one for (key, _), one in told.items() if key == RARE]
        assert rare and all("are in it" in one.reason and "min_rows" in one.reason for one in rare), signal
        assert {one.verdict for one in rare} == {Verdict.NOT_ENOUGH_DATA}
        assert not [key for key, _ in told if key == NIGHT], signal
        tiny = [one for (key, _), one in told.items() if key == "tag.desk"]
        named = [one for one in results if one.segment == "tag.desk=tiny" and one.reason]
        few = int((tickets(2)["desk"] == "tiny").sum())
        assert named or all(f"{few} of {ROWS} rows are in no slice" in one.reason for one in tiny if not one.feature)
        assert named or tiny, f"{signal} says nothing of the slice that is too small"


def test_signals_of_all_rows_alone_are_the_ones_that_say_so(store: Store) -> None:
    """By the runner, with all monitors: whoever takes slices has rows in SQL by their names, and nobody else has."""
    with_baseline(store, tickets(1, 8 * ROWS))
    text = SETTINGS.format(slices={"night": NIGHT.partition("=")[2]}, segments="")
    runner = Runner(store, parse(text))
    window = insert(store, 5, tickets(2), labels=True)
    runner.run_window("tickets", "1", window)
    sql = "SELECT DISTINCT toString(signal) AS signal FROM monitor_results WHERE segment = {name:String} AND n > 0"
    rows = store.rows(f"{sql} AND value IS NOT NULL", {"name": NIGHT})
    assert {row["signal"] for row in rows} == set(SLICED)
    told = store.rows(
        "SELECT value, n FROM monitor_results WHERE metric = 'waiting' AND segment = {name:String}",
        {"name": NIGHT},
    )
    rows_by_night = tickets(2)
    assert told[0]["n"] == by_night(rows_by_night).sum()
    assert told[0]["value"] == pytest.approx(rows_by_night["minutes"][by_night(rows_by_night)].mean(), rel=1e-9)
