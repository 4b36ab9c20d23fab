"""What pages and the interface are asked: each page is of what its address says, and never of something else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.incidents import update
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.runs import DONE, Run, write
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.incidents import incident_routes
from modelspan_analyzer.web.models import model_routes
from modelspan_analyzer.web.pages.table import page_routes
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

BROWSER = {"accept": "text/html"}
NAMED, NAMELESS, SLICE = "1.0 rc", "", "tag.country=DE"
HOUR = timedelta(hours=1)
END = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
WINDOWS = [Window(END - (n + 1) * HOUR, END - n * HOUR) for n in (2, 1, 0)]
ROWS = 200


def fill(store: Store) -> None:
    """Predictions with and without a version; the one without alarmed once, and its newest window cannot tell."""
    stamp, tags = pa.timestamp("ns", "UTC"), pa.map_(pa.string(), pa.string())
    for version in (NAMELESS, NAMED):
        times = [END - HOUR + timedelta(seconds=10 * row) for row in range(ROWS)]
        columns = {"model": ["m"] * ROWS, "version": [version] * ROWS, "value": [0.5] * ROWS}
        ids = [f"{version}-{row}" for row in range(ROWS)]
        rows = {"prediction_id": ids, "timestamp": pa.array(times, stamp), "tags": pa.array([[]] * ROWS, tags)}
        store.insert("predictions", pa.table({**columns, **rows}))
    few, measured = Verdict.NOT_ENOUGH_DATA, [Verdict.OK, Verdict.ALARM]
    for window, verdict in zip(WINDOWS, [*measured, few], strict=True):
        drift = Result("m", NAMELESS, window, "data_drift", "psi", 0.4, verdict, feature="age", threshold=0.1)
        told = Result("m", NAMELESS, window, "estimation", "accuracy", None, few, reason="too few rows")
        of_slice = Result("m", NAMED, window, "data_drift", "psi", 0.01, Verdict.OK, feature="age", segment=SLICE)
        write_results(store, [drift, told, of_slice], "run")
        if verdict is Verdict.ALARM:
            update(store, [replace(drift, model="ill")], END)
        write(store, [Run("run", "m", each, "", window, END, END).ended(DONE, END) for each in (NAMELESS, NAMED)])


@pytest.fixture(scope="module")
def client(databases: Any) -> Iterator[httpx.Client]:
    """Asks pages and interface over a socket."""
    with databases.one() as store:
        fill(store)
        fast(store)
        silent(store)
        own = [*incident_routes(store), *model_routes(store)]
        server = AsgiServer(application(own, page_routes(store, MonitorsConfig())), "127.0.0.1", 0)
        server.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as asking:
            yield asking
        server.stop()


def fast(store: Store) -> None:
    """A model that is answered as fast as ever, and has nothing yet that its inputs and answers are compared with."""
    lacking, ok = Verdict.NOT_ENOUGH_DATA, Verdict.OK
    told = (("data_quality", "error_rate", ok), ("latency", "p95", ok), ("data_drift", "psi", lacking))
    found = [Result("fast", "1", WINDOWS[2], signal, metric, 0.01, verdict, n=60) for signal, metric, verdict in told]
    of_output = Result("fast", "1", WINDOWS[2], "prediction_drift", "psi", None, lacking, feature="label", n=60)
    found.append(of_output)
    write_results(store, found, "run")
    write(store, [Run("run", "fast", "1", "", WINDOWS[2], END, END).ended(DONE, END)])


SPOKE = Window(END - 121 * HOUR, END - 120 * HOUR)


def silent(store: Store) -> None:
    """A model that predicted for an hour, and has since been looked at 120 times in vain."""
    stamp, tags = pa.timestamp("ns", "UTC"), pa.map_(pa.string(), pa.string())
    times = pa.array([SPOKE.start + timedelta(seconds=row) for row in range(ROWS)], stamp)
    columns = {"model": ["silent"] * ROWS, "version": ["1"] * ROWS, "value": [0.5] * ROWS}
    ids = [f"s-{row}" for row in range(ROWS)]
    store.insert(
        "predictions",
        pa.table({**columns, "prediction_id": ids, "timestamp": times, "tags": pa.array([[]] * ROWS, tags)}),
    )
    write_results(
        store, [Result("silent", "1", SPOKE, "data_drift", "psi", 0.01, Verdict.OK, feature="age", n=ROWS)], "run"
    )
    windows = [SPOKE, *(Window(SPOKE.end + n * HOUR, SPOKE.end + (n + 1) * HOUR) for n in range(120))]
    write(store, [Run("run", "silent", "1", "", window, END, END).ended(DONE, END) for window in windows])


def view(client: httpx.Client, path: str, **asked: str) -> Any:
    answer = client.get(f"{path}.json?{urlencode({'model': 'm', **asked})}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_predictions_without_a_version_have_pages_of_their_own(client: httpx.Client) -> None:
    """An empty version in an address is those; none in it is the version that was looked at last."""
    assert view(client, "/model", version=NAMELESS)["asked"]["version"] == NAMELESS
    assert view(client, "/model", version=NAMED)["asked"]["version"] == NAMED
    assert view(client, "/model")["asked"]["version"] == NAMED
    assert view(client, "/feature", feature="age", version=NAMELESS)["asked"]["version"] == NAMELESS
    fleet = client.get("/", headers=BROWSER).text
    assert 'href="/model?model=m&amp;version="' in fleet
    assert "no version" in fleet
    assert "no version" in client.get("/model", params={"model": "m"}, headers=BROWSER).text


def test_a_model_that_the_newest_window_cannot_judge_tells_of_those_that_alarmed(client: httpx.Client) -> None:
    """Not checked is said first, and the alarm before is not passed over."""
    sentence = view(client, "/model", version=NAMELESS)["sentence"]
    assert f"of the 3 windows shown here 1 alarmed, the last until {WINDOWS[1].end:%Y-%m-%d %H:%M} UTC." in sentence
    assert "alarmed" not in view(client, "/model", version=NAMED)["sentence"]


def test_a_model_that_fell_silent_shows_the_windows_in_which_it_predicted(client: httpx.Client) -> None:
    """The newest ones would be empty charts; the page says so, and shows them where they are asked for."""
    for path, more in (("/model", {}), ("/feature", {"feature": "age"})):
        shown = view(client, path, model="silent", **more)["period"]
        assert shown["window"]["end"][:16] == f"{SPOKE.end:%Y-%m-%dT%H:%M}"
        page = client.get(path, params={"model": "silent", **more}, headers=BROWSER).text
        assert "No predictions came after" in page
    since = f"{END - 3 * HOUR:%Y-%m-%dT%H:%M}"
    assert view(client, "/model", model="silent", since=since)["period"]["windows"] == 3
    assert "No predictions came after" not in client.get("/model", params={"model": "m"}, headers=BROWSER).text


def test_an_incident_without_a_known_cause_says_first_since_when_and_of_how_many(client: httpx.Client) -> None:
    """Who is called understands that, whatever the traces lack."""
    (one,) = client.get("/incidents.json").json()["incidents"]
    sentence = client.get(f"/incidents/{one['incident_id']}.json").json()["sentence"]
    assert sentence.startswith(f"Wrong since {WINDOWS[1].start:%Y-%m-%d %H:%M} UTC. "), sentence
    assert "No cause is known. " in sentence


def test_a_segment_that_was_never_measured_is_refused_with_those_that_were(client: httpx.Client) -> None:
    """And where one was, the page says that its first facts are of all predictions."""
    for path in ("/model", "/feature"):
        asked = {"model": "m", "version": NAMED, "feature": "age", "segment": "tag.country=ZZ"}
        given = {name: value for name, value in asked.items() if path == "/feature" or name != "feature"}
        answer = client.get(f"{path}.json", params=given)
        assert (answer.status_code, SLICE in answer.text) == (400, True), answer.text
    assert view(client, "/model", version=NAMED, segment=SLICE)["sentence"].startswith("Of all predictions, not of tag")


def test_a_model_is_not_healthy_for_being_fast(client: httpx.Client) -> None:
    """Rows came, and in time; whether they are as they were was not looked at, and no signal but latency is ok."""
    (fleet,) = (one for one in client.get("/index.json").json()["members"] if one["model"] == "fast")
    assert fleet["state"] == "not_checked"
    assert fleet["sentence"] == "nothing but the arrival of rows and the time that they took could be judged"
    assert {one["signal"] for one in fleet["signals"] if one["verdict"] == "ok"} == {"latency"}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"with": "window"}, "say which other time"),
        ({"with": "window", "since": "2h", "other_since": "3h"}, "both sides hold the same rows"),
        ({"with": "version", "version": NAMED, "other_version": NAMED}, "both sides hold the same rows"),
    ],
)
def test_rows_are_not_compared_with_themselves(client: httpx.Client, asked: dict[str, str], told: str) -> None:
    """They would differ by nothing, whatever they are; which would read as good news."""
    answer = client.get("/compare.json", params={"model": "m", **asked})
    assert (answer.status_code, told in answer.text) == (400, True), answer.text


def test_a_monitor_that_could_judge_no_window_alarmed_in_none_of_none(client: httpx.Client) -> None:
    """`0 of 3` would say that three windows were fine."""
    parts = {one["name"]: one for one in client.get("/monitors.json").json()["parts"]}
    assert (parts["estimation"]["windows"], parts["estimation"]["alarmed"]) == (0, 0)
    assert (parts["data_drift"]["windows"], parts["data_drift"]["alarmed"]) == (6, 1)


def test_a_version_is_compared_with_the_rows_of_none(client: httpx.Client) -> None:
    """Which are other rows, and not all of them."""
    asked = {"with": "version", "version": NAMED, "other_version": "", "since": f"{WINDOWS[0].start:%Y-%m-%dT%H:%M}"}
    assert view(client, "/compare", **asked)["other"]["rows"] == ROWS


def test_a_page_beyond_the_last_is_not_the_last(client: httpx.Client) -> None:
    """Whose numbers would be taken for others."""
    answer = client.get("/index.json?page=999")
    assert (answer.status_code, "the last is page 1" in answer.text) == (404, True)


def test_an_output_has_no_empty_page(client: httpx.Client) -> None:
    """That no window had enough rows is not so; changes of shares are in percentage points."""
    page = client.get("/feature?model=fast&feature=label", headers={"accept": "text/html"}).text
    assert "an output of the model" in page
    assert "no window had both enough rows" not in page


@pytest.mark.parametrize("zone", ["+01:00", "%2B01:00", "+0100"])
def test_the_plus_of_a_zone_may_come_as_the_space_that_it_stands_for(client: httpx.Client, zone: str) -> None:
    """As in every address that nobody encoded."""
    answer = client.get(f"/api/results?model=m&since=2026-01-31T14:00:00{zone}")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("/index.json?state=fine", "not_checked"),
        ("/api/incidents?status=closed", "resolved"),
        ("/api/results?model=m&signal=drift", "data_drift"),
        ("/model.json?model=m&since=1500-01-01", "1970 to 2200"),
        ("/model.json?model=m&version=1&version=2", "'version' is there 2 times"),
        ("/api/models?model=m&model=fast", "'model' is there 2 times"),
        ("/api/results?model=m&feature=agee", "it has age"),
        ("/api/results?model=m&metric=pssi", "it has psi"),
        ("/api/results?model=m&segment=tag.x%3Dy", f"it has {SLICE}"),
    ],
)
def test_a_filter_that_can_match_nothing_is_refused_with_what_can(
    client: httpx.Client, address: str, told: str
) -> None:
    """An empty list would say that there is nothing of it."""
    answer = client.get(address)
    assert (answer.status_code, told in answer.text) == (400, True), answer.text
