"""The pages in a real browser: charts that show the numbers, links that lead somewhere, names that stay text."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from browsing import Chromium, Visit, serious_faults
from pages_world import HOSTILE, HOSTILE_FEATURES, MODEL, World

pytestmark = pytest.mark.timeout(300)


def of(path: str, **given: str) -> str:
    """An address with its parameters."""
    return f"{path}?{urlencode(given)}" if given else path


FLEET = of("/")
SHOWN = of("/model", model=MODEL, version="1")
AGE = of("/feature", model=MODEL, version="1", feature="age")
PLAN = of("/feature", model=MODEL, version="1", feature="plan")
BESIDE = of("/compare", model=MODEL, version="1", **{"with": "baseline"})
PAGES = [FLEET, SHOWN, of("/model", model=MODEL, version="1", signal="data_quality"), AGE, PLAN, BESIDE]
HOSTILE_PAGES = [
    of("/model", model=HOSTILE),
    *(of("/feature", model=HOSTILE, feature=name) for name in HOSTILE_FEATURES),
    of("/compare", model=HOSTILE, **{"with": "before"}),
    of("/model", model="<script>alert(1)</script>"),
    of("/nowhere<script>alert(1)</script>"),
]


def as_json(world: World, path: str) -> Any:
    """The same view as JSON."""
    parts = urlsplit(path)
    stem = "/index" if parts.path == "/" else parts.path
    with urllib.request.urlopen(f"{world.address}{stem}.json?{parts.query}") as answer:
        return json.load(answer)


def assert_sound(visit: Visit, path: str, status: int = 200) -> None:
    """It came, nothing failed in it, and nothing was asked for from elsewhere."""
    assert (visit.status, visit.faults, visit.outside) == (status, [], []), path


def test_each_signal_is_drawn_with_every_window_and_its_band(world: World, chromium: Chromium) -> None:
    """A line has as many points as its `.json` has windows, at the same values, and a band where it can alarm."""
    told = as_json(world, SHOWN)
    with chromium.visit(SHOWN) as visit:
        assert_sound(visit, SHOWN)
        drawn = visit.count("section[aria-labelledby=signals] svg.chart")
        assert drawn == len(told["signals"])
        points = sum(len(lines[0]["points"]) for lines in told["signals"].values())
        assert visit.count("section[aria-labelledby=signals] .point") == points
        known = [point["value"] for lines in told["signals"].values() for point in lines[0]["points"]]
        shown = visit.numbers("section[aria-labelledby=signals] .point", "data-value")
        assert sorted(shown) == pytest.approx(sorted(value for value in known if value is not None), rel=1e-6)
        first = [lines[0]["points"] for lines in told["signals"].values()]
        banded = sum(any(point["threshold"] is not None for point in points) for points in first)
        assert visit.count("section[aria-labelledby=signals] svg:has(.band)") == banded > 0
        assert visit.count("section[aria-labelledby=signals] .mark.deployment") > 0
        assert visit.count("section[aria-labelledby=signals] .mark.incident") > 0


def test_a_model_shows_outcomes_features_groups_spans_and_versions(world: World, chromium: Chromium) -> None:
    """All that is in the `.json` is on the page, and what was not looked at says so."""
    told = as_json(world, SHOWN)
    with chromium.visit(SHOWN) as visit:
        assert visit.count("section[aria-labelledby=outcomes] svg.chart") == len(told["outcomes"]) > 0
        shares = [share for one in told["outcomes"] for share in one["shares"] if share is not None]
        assert sorted(visit.numbers(".share-bar", "data-share")) == pytest.approx(sorted(shares), rel=1e-4)
        rows = visit.texts("section[aria-labelledby=features] tr.feature th")
        assert [row.strip() for row in rows] == [one["feature"] for one in told["features"]]
        assert visit.count("section[aria-labelledby=features] svg.mini") == len(told["features"]) == 3
        assert {one["feature"] for one in told["features"] if one["verdict"] == "alarm"} == {"age", "plan"}
        assert visit.count("section[aria-labelledby=fairness] svg.chart") > 0
        assert "GET /<b>x</b>" in visit.texts("section[aria-labelledby=latency] table")[0]
        assert told["versions"] == ["2", "1"] or told["versions"] == ["1", "2"]
        assert visit.count("section[aria-labelledby=versions] table th[scope=col]") == 3


@pytest.mark.parametrize(("path", "bins"), [(AGE, 12), (PLAN, 6)])
def test_a_feature_is_drawn_in_the_bins_of_its_verdict(world: World, chromium: Chromium, path: str, bins: int) -> None:
    """Both distributions, the bins that moved most marked, and each window of the strip."""
    told = as_json(world, path)
    newest = told["newest"]
    with chromium.visit(path) as visit:
        assert_sound(visit, path)
        assert len(newest["bins"]) == bins
        filled = [pair for pair in zip(newest["baseline"], newest["window"], strict=True) if sum(pair)]
        assert visit.count("section[aria-labelledby=now] svg .bin") == len(filled)
        drawn = visit.numbers("section[aria-labelledby=now] svg .bin", "data-current")
        assert sum(drawn) == pytest.approx(1, abs=1e-4)
        assert visit.count("section[aria-labelledby=now] svg .bin.moved") > 0
        assert visit.count("section[aria-labelledby=time] svg .moment") == len(told["history"])
        assert visit.count("section[aria-labelledby=segments] tbody tr") == len(told["segments"]) > 0


def kind_of(link: str) -> tuple[object, ...]:
    """Its path, the names of its parameters, and the table that it asks for: of alike links one is followed."""
    parts = urlsplit(link)
    given = parse_qs(parts.query)
    return (parts.path, *sorted(given), *given.get("table", []))


def test_filters_links_and_forms_lead_to_pages_that_are_sound(world: World, chromium: Chromium) -> None:
    """Links of every kind lead somewhere, and every form can be sent; the queries of links are run further below."""
    seen: dict[tuple[object, ...], str] = {}
    for path in PAGES:
        with chromium.visit(path) as visit:
            links = visit.page.locator("main a[href^='/'], header a[href^='/']").evaluate_all(
                "all => all.map(one => one.getAttribute('href'))"
            )
            for link in links:
                seen[kind_of(link)] = link
            if visit.count("form.filters"):
                visit.page.locator("form.filters button").click()
                assert "cannot be shown" not in visit.page.content(), path
                assert (visit.faults, visit.outside) == ([], []), path
    for link in [link for link in seen.values() if not link.startswith("/sql?")]:
        with urllib.request.urlopen(world.address + link) as answer:
            assert answer.status == 200, link


def test_the_fleet_is_searched_sorted_and_restricted(world: World, chromium: Chromium) -> None:
    """What is typed restricts it, and what is clicked sorts it."""
    with chromium.visit(FLEET) as visit:
        assert visit.count("table.fleet tbody tr") == 3
        visit.page.fill("input[name=q]", "RISK <team>")
        visit.page.press("input[name=q]", "Enter")
        visit.page.wait_for_load_state()
        assert visit.count("table.fleet tbody tr") == 2  # the newest card speaks for a version without one, too
        visit.page.goto(world.address + "/?sort=name")
        names = visit.texts("table.fleet tbody th > a")
        assert names == sorted(names)
        assert visit.count("th[aria-sort=ascending]") == 1


@pytest.mark.parametrize("path", HOSTILE_PAGES, ids=range(len(HOSTILE_PAGES)))
def test_hostile_names_are_text(chromium: Chromium, path: str) -> None:
    """No name runs, styles, ends an element or turns the text around it: not in a page, and not in an error."""
    with chromium.visit(path) as visit:
        wrong = path.startswith("/nowhere") or "model=%3Cscript" in path
        faults = [fault for fault in visit.faults if "the server responded with a status of" not in fault]
        assert (faults, visit.outside, visit.status >= 400) == ([], [], wrong)
        assert visit.count("main h1") == 1
        assert visit.count("main script, main img, main b, main i") == 0
        assert "\u202e" not in visit.page.locator("main").inner_text()
        assert "49" not in visit.texts("main h1")[0]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_complete_without_scripts_and_times_keep_their_utc(chromium: Chromium, path: str) -> None:
    """The script changes nothing but how times are written, and keeps what they were."""
    with chromium.visit(path, scripts=False) as plain, chromium.visit(path) as enhanced:
        assert_sound(plain, path)
        times = plain.texts("time")
        assert all(each.endswith("UTC") for each in times)
        kept = enhanced.page.locator("time[title]").evaluate_all("all => all.map(one => one.title)")
        assert kept == times
        for selector in ("svg.chart", ".point", ".bin", "table", "tr", "details", "form"):
            assert plain.count(selector) == enhanced.count(selector), selector


@pytest.mark.parametrize("path", PAGES)
def test_nobody_is_kept_out(chromium: Chromium, path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """axe-core finds nothing serious, in both themes; on a phone nothing but tables is wider than the screen."""
    folder = Path(tmp_path_factory.getbasetemp()) / "axe"
    folder.mkdir(exist_ok=True)
    for dark in (False, True):
        with chromium.visit(path, width=390, dark=dark) as visit:
            assert serious_faults(visit, folder) == []
            assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_keyboard_reaches_the_content_first(chromium: Chromium) -> None:
    """The first stop skips the navigation."""
    with chromium.visit(SHOWN) as visit:
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.className") == "skip"
        visit.page.keyboard.press("Enter")
        assert visit.page.evaluate("document.activeElement.id") == "content"


def test_what_csv_and_sql_say_is_what_the_page_says(world: World, chromium: Chromium) -> None:
    """The query behind the features runs as it is shown, and finds what the page shows; CSV has the same rows."""
    told = as_json(world, SHOWN)
    query = next(one["sql"] for one in told["queries"] if one["title"].startswith("Features"))
    assert {row["feature"] for row in world.store.rows(query)} == {one["feature"] for one in told["features"]}
    for query in told["queries"]:
        world.store.rows(query["sql"])
    with urllib.request.urlopen(f"{world.address}/model.csv?{urlsplit(SHOWN).query}&table=features") as answer:
        assert len(answer.read().decode().splitlines()) == 1 + len(told["features"])
