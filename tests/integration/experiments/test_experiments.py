"""Champion against challenger as a monitor: the page's example, a shadow with late labels, and a split by a tag."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pages import blocks

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import load, load_open
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner import Runner
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

PAGE = "docs/experiments.md"
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 2, tzinfo=UTC)
TEXTS = pa.map_(pa.string(), pa.string())
SIGNALS = (
    *("data_drift", "prediction_drift", "data_quality", "multivariate", "embedding", "poisoning", "estimation"),
    *("concept", "fairness", "attribution", "robustness", "worst_slices", "latency"),
)
OFF = "defaults:\n" + "".join(f"  {name}: {{enabled: false}}\n" for name in SIGNALS)


def window(hour: int) -> Window:
    return Window(START + hour * HOUR, START + (hour + 1) * HOUR)


def answers(seed: int, version: str, hour: int, rows: int, right: float, **given: Any) -> dict[str, Any]:
    """Yes or no with labels, right so often; seconds, failures, an arm and revenue as given."""
    rng = np.random.default_rng([seed, hour, *version.encode()])
    truth = rng.choice(["yes", "no"], rows)
    other = np.where(truth == "yes", "no", "yes")
    failed = rng.random(rows) < given.get("failed", 0.0)
    return {
        "version": version,
        "ids": [f"{seed}-{version}-{hour}-{row}" for row in range(rows)],
        "times": pa.array(
            [START + hour * HOUR + row * (HOUR / rows) for row in range(rows)], pa.timestamp("ns", "UTC")
        ),
        "label": np.where(rng.random(rows) < right, truth, other),
        "truth": truth,
        "duration": rng.lognormal(np.log(given.get("seconds", 0.05)), 0.5, rows),
        "error": np.where(failed, "TimeoutError", ""),
        "arm": rng.choice(given.get("arms", ["plain"]), rows),
        "refund": np.where(rng.random(rows) < 0.1, "yes", "no"),
        "role": given.get("role", "primary"),
        "request": given.get("request", ""),
    }


def serve(store: Store, of: dict[str, Any], model: str = "checkout") -> None:
    """Its predictions."""
    n = len(of["ids"])
    tags = [
        [("arm", arm), *([("request", f"{of['request']}{row}")] if of["request"] else [])]
        for row, arm in enumerate(of["arm"])
    ]
    store.insert("predictions", pa.table({
        "model": [model] * n, "version": [of["version"]] * n, "prediction_id": of["ids"], "timestamp": of["times"],
        "label": of["label"].astype(str), "duration": of["duration"], "error_type": of["error"].astype(str),
        "role": [of["role"]] * n, "tags": pa.array(tags, TEXTS),
    }))  # fmt: skip


def tell(store: Store, of: dict[str, Any], outcome: str = "", column: str = "truth") -> None:
    """What was true of them, or came of them."""
    told = np.asarray(of[column])
    what = {"value": told} if told.dtype.kind == "f" else {"label": told.astype(str)}
    names = {"prediction_id": of["ids"], "timestamp": of["times"], "outcome": [outcome] * len(of["ids"])}
    store.insert("labels", pa.table({**names, **what}))


def results(store: Store, metric: str, model: str = "checkout") -> list[dict[str, Any]]:
    """What was said, by window."""
    return store.rows(
        "SELECT window_start, value, lower, upper, verdict, reason, details FROM monitor_results FINAL "
        "WHERE model = {model:String} AND metric = {metric:String} ORDER BY window_start",
        {"model": model, "metric": metric},
    )


def of_page() -> MonitorsConfig:
    return parse(blocks(PAGE, "yaml")[0].text + OFF)


def test_the_pages_experiment_is_decided_once_and_its_guardrail_says_when_it_breaks(
    store: Store, engine_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The challenger is right more often and half as slow again: not decided, decided in one window, then decided; the
    guardrail of the time stays broken until it is stopped, and all of it is in incidents, status and SQL."""
    config = of_page()
    runner = Runner(store, config, respond=Responder(store, config))
    for hour in range(8):
        versions = {"1.4": (200, 0.7, 0.05), "2.0": (60 if hour < 6 else 0, 0.85, 0.075)}
        for version, (rows, right, seconds) in versions.items():
            of = answers(1, version, hour, rows, right, seconds=seconds)
            serve(store, of)
            tell(store, of)
            tell(store, of, "refund", "refund")
        for version in versions:
            runner.run_window("checkout", version, window(hour))
    said = results(store, "ranker.loss")
    verdicts = [row["verdict"] for row in said]
    told = verdicts.index("alarm")
    assert 1 <= told < 5
    assert verdicts == ["not_enough_data"] * told + ["alarm"] + ["ok"] * (7 - told)
    assert re.search(r"not decided yet, [\d,]+ of (about [\d,]+|not known how many) predictions", said[0]["reason"])
    assert "decided: the challenger is better" in said[told]["reason"]
    assert all("the challenger is better" in row["reason"] for row in said[told:])
    assert said[-1]["lower"] < -0.15 + 0.1 and said[-1]["upper"] < 0
    slow = results(store, "ranker.latency")
    assert [row["verdict"] for row in slow][5:] == ["alarm", "ok", "ok"]
    assert slow[5]["value"] == pytest.approx(0.5, abs=0.1)
    assert "the challenger answers no more" in slow[6]["reason"]
    for measure in ("failures", "metric.refund_rate"):
        assert {row["verdict"] for row in results(store, f"ranker.{measure}")} <= {"not_enough_data", "ok"}
    waiting = store.rows(
        "SELECT DISTINCT reason FROM monitor_results FINAL WHERE version = '1.4' AND metric = 'ranker'"
    )
    assert [row["reason"] for row in waiting] == ["it is judged in the windows of its challenger, 2.0"]
    assert load_open(store) == []
    metrics = {member.metric for one in load(store, model="checkout") for member in one.findings}
    assert metrics == {"ranker.loss", "ranker.latency"}
    (query,) = blocks(PAGE, "sql")
    rows = {(row["experiment"], row["measure"]): row for row in store.rows(query.text)}
    assert rows["ranker", "latency"]["difference"] == pytest.approx(0.5, abs=0.1)
    assert rows["copy", "outcome.revenue"]["verdict"] == "not_enough_data"
    place = ["--store", engine_dsn, "--database", store.database]
    assert main(["status", *place]) == 0
    assert "checkout" in capsys.readouterr().out


SHADOW = """
models:
- model: loans
  experiments:
  - {name: next, champion: a, challenger: b, min_effect: 0.05, tuned_to: 2000}
"""


def test_a_shadow_is_compared_in_pairs_with_labels_that_come_later(store: Store) -> None:
    """Its labels are the champion's, and come after the window was looked at: then it is looked at again, once decided
    it stays decided in the window that did so, and rows that no labels have come for are counted nowhere."""
    config = parse(SHADOW + OFF)
    runner = Runner(store, config, respond=Responder(store, config))
    late: list[dict[str, Any]] = []
    for hour in range(8):
        champion = answers(2, "a", hour, 120, 0.75, request=f"{hour}-")
        shadow = {**answers(2, "b", hour, 120, 1.0, role="shadow", request=f"{hour}-")}
        better = np.random.default_rng(hour).random(120) < 0.15
        shadow["label"] = np.where(better, champion["truth"], champion["label"])
        serve(store, champion, "loans")
        serve(store, shadow, "loans")
        late.append(champion)
        if hour >= 2:
            tell(store, late[hour - 2])
            runner.run_window("loans", "b", window(hour - 2))
        runner.run_window("loans", "b", window(hour))
    said = results(store, "next.loss", "loans")
    assert [row["verdict"] for row in said].count("alarm") == 1
    assert said[-1]["verdict"] == "ok"
    assert "this window has nothing of" in said[-1]["reason"]
    assert '"paired": true' in said[0]["details"].replace(":true", ": true")
    assert said[0]["value"] < 0


TAGGED = """
models:
- model: letters
  experiments:
  - name: tone
    split: tag.arm
    champion: plain
    challenger: friendly
    measure: outcome.revenue
    guardrails: [{measure: failures, margin: 0.02}]
"""


def test_a_tag_splits_a_version_and_no_difference_is_a_decision(store: Store) -> None:
    """Both arms bring the same: at last it is said that nothing of a twentieth or more is between them; the friendly
    one fails more often, which is said of it alone; a version that comes new begins its own."""
    config = parse(TAGGED + OFF)
    runner = Runner(store, config)
    for hour in range(20):
        of = answers(3, "1", hour, 600, 0.8, arms=["plain", "friendly"])
        of["revenue"] = np.random.default_rng(hour).normal(100, 20, 600)
        failing = (of["arm"] == "friendly") & (np.random.default_rng(90 + hour).random(600) < 0.08)
        of["error"] = np.where(failing, "Refused", "")
        serve(store, of, "letters")
        tell(store, of, "revenue", "revenue")
        runner.run_window("letters", "1", window(hour))
    said = results(store, "tone.outcome.revenue", "letters")
    (decided,) = [row for row in said if row["verdict"] == "alarm"]
    assert "decided: no difference of" in decided["reason"]
    failures = results(store, "tone.failures", "letters")
    assert failures[-1]["verdict"] == "alarm"
    assert "the guardrail is broken: friendly against plain: +7.8" in failures[-1]["reason"]
    serve(store, answers(3, "2", 20, 40, 0.8, arms=["plain"]), "letters")
    runner.run_window("letters", "2", window(20))
    fresh = results(store, "tone.failures", "letters")[-1]
    assert (fresh["verdict"], "nothing of friendly" in fresh["reason"]) == ("not_enough_data", True)


SPLIT = """
models:
- model: letters
  experiments:
  - {name: half, challenger: b, champion: a, share: 0.5, measure: latency}
"""


def test_a_split_that_is_not_as_it_should_be_puts_all_in_doubt(store: Store) -> None:
    """As long as both get a half it is ok; then a third of the challenger's requests is lost."""
    runner = Runner(store, parse(SPLIT + OFF))
    for hour in range(8):
        for version, rows in (("a", 150), ("b", 150 if hour < 3 else 100)):
            serve(store, answers(5, version, hour, rows, 0.8), "letters")
        runner.run_window("letters", "b", window(hour))
    split = results(store, "half.split", "letters")
    assert [row["verdict"] for row in split[:3]] == ["ok"] * 3
    assert split[-1]["verdict"] == "alarm"
    assert "b got 44.19% of 2,150 predictions, and should get 50.00%" in split[-1]["reason"]
    assert split[-1]["value"] == pytest.approx(950 / 2150 - 0.5)
    times = results(store, "half.latency", "letters")
    assert "the split is not as it should be" in times[-1]["reason"]
    assert "the split is not as it should be" not in times[0]["reason"]


LISTS = """
models:
- model: shop
  experiments:
  - {name: next, champion: a, challenger: b}
"""


def test_answers_of_several_parts_have_no_loss_and_it_says_so(store: Store) -> None:
    """Nobody waits for labels that are there."""
    for version in ("a", "b"):
        ids = [f"{version}-{row}" for row in range(60)]
        table = {"model": ["shop"] * 60, "version": [version] * 60, "prediction_id": ids, "shape": ["ranking"] * 60}
        stamps = pa.array([START] * 60, pa.timestamp("ns", "UTC"))
        store.insert("predictions", pa.table({**table, "timestamp": stamps, "items": [["x", "y"]] * 60}))
        store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": ["x"] * 60}))
    Runner(store, parse(LISTS + OFF)).run_window("shop", "b", window(0))
    (one,) = results(store, "next.loss", "shop")
    assert one["verdict"] == "error"
    assert "answers of the shape ranking are no single number or class" in one["reason"]


def test_what_cannot_be_an_experiment_is_refused_with_what_to_do() -> None:
    """Names, sides and measures."""
    for text, said in (
        ("{name: a, champion: '1', challenger: '1'}", "name two"),
        ("{name: a, champion: '1', challenger: '2', measure: speed}", "outcome.NAME or metric.NAME"),
        ("{name: a, champion: '1', challenger: '2', measure: metric.none}", "put it under `metrics:`"),
        ("{name: a, champion: '1', challenger: '2', split: arm}", "tag.NAME"),
        ("{name: a, champion: '1', challenger: '2', better: higher}", "less loss is better"),
        ("{name: 'a.b', champion: '1', challenger: '2'}", "letters a to z, digits"),
    ):
        with pytest.raises(Exception, match=re.escape(said)):
            parse(f"models: [{{model: m, experiments: [{text}]}}]")
