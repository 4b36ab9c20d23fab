"""What the one script adds to the pages, and that it takes nothing away from who reads them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from browsing import Chromium, Visit
from pages_world import MODEL, World

from modelspan_collector.store.connect import Store

pytestmark = pytest.mark.timeout(300)
FEATURE = f"/feature?model={MODEL}&version=1&feature=age"
FIRST = "svg.chart:has(.point) >> nth=0"


def test_a_chart_reads_its_marks_out_under_the_pointer(chromium: Chromium) -> None:
    """Anywhere over a line, the moment under the pointer; over a bar, its bin; nothing once the pointer has left."""
    with chromium.visit(FEATURE) as visit:
        for marks in (".point", ".bin"):
            words = visit.texts(f"svg.chart:has({marks}) >> nth=0 >> {marks} > title")
            mark = visit.page.locator(f"svg.chart:has({marks}) >> nth=0 >> {marks}").nth(1)
            mark.locator("circle, rect, path").last.hover()
            assert visit.page.inner_text(".read-out") == words[1]
            visit.page.mouse.move(2, 2)
            assert not visit.page.is_visible(".read-out")
        assert visit.faults == []


def test_a_chart_reads_its_marks_out_by_the_arrow_keys(chromium: Chromium) -> None:
    with chromium.visit(FEATURE) as visit:
        words = visit.texts(f"{FIRST} >> .point > title")
        chart = visit.page.locator(FIRST)
        count = chart.locator(".point, .bin, .group, .span, .share-bar, .cell, .mark").count()
        chart.focus()
        visit.page.keyboard.press("End")
        assert visit.page.inner_text(".read-out") == words[-1]
        for _ in range(count):
            visit.page.keyboard.press("ArrowLeft")
        assert visit.count(".pointed") == 1
        visit.page.keyboard.press("Escape")
        assert not visit.page.is_visible(".read-out")


@pytest.fixture
def refreshing(chromium: Chromium) -> Iterator[Visit]:
    """The fleet, of a model that has not come yet, with a clock that the test moves."""
    with chromium.visit("/?q=newcomer") as visit:
        visit.page.clock.install()
        visit.page.reload()
        yield visit
        assert (visit.faults, visit.outside) == ([], [])


def arrive(store: Store, name: str) -> None:
    stamp = pa.array([datetime.now(UTC)], pa.timestamp("ns", "UTC"))
    store.insert("predictions", pa.table({"model": [name], "version": ["1"], "timestamp": stamp}))


def test_the_fleet_refreshes_itself_and_keeps_where_its_reader_is(world: World, refreshing: Visit) -> None:
    """What came is shown; what is typed, focused and scrolled stays; paused or unseen, nothing is fetched."""
    page = refreshing.page
    assert page.inner_text("#live .empty") == "No model is like that."
    arrive(world.store, "newcomer one")
    page.fill("input[name=q]", "typed so far")
    page.clock.fast_forward(31_000)
    page.wait_for_selector("#live th a:has-text('newcomer one')")
    assert page.input_value("input[name=q]") == "typed so far"

    link = page.locator("#live th a", has_text="newcomer one")
    link.focus()
    arrive(world.store, "newcomer two")
    page.clock.fast_forward(31_000)
    page.wait_for_selector("#live th a:has-text('newcomer two')")
    assert page.evaluate("document.activeElement.textContent") == "newcomer one"

    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/?q" in request.url else None)
    page.click("button:has-text('Pause refreshing')")
    page.clock.fast_forward(120_000)
    page.reload()
    asked.clear()
    page.clock.fast_forward(120_000)
    assert asked == []
    page.evaluate("Object.defineProperty(document, 'visibilityState', {value: 'hidden', configurable: true})")
    page.click("button:has-text('Refresh again')")
    page.clock.fast_forward(120_000)
    assert asked == []
    page.evaluate("delete document.visibilityState; document.dispatchEvent(new Event('visibilitychange'))")
    with page.expect_response(lambda answer: "newcomer" in answer.url):
        page.clock.fast_forward(31_000)


def test_a_page_that_cannot_be_fetched_stays_and_says_so(refreshing: Visit) -> None:
    page = refreshing.page
    page.route("**/*", lambda route: route.abort())
    page.clock.fast_forward(31_000)
    page.wait_for_function("() => document.querySelector('.live span').textContent.includes('does not answer')")
    assert page.is_visible("#live .empty, #live table")
    refreshing.faults.clear()  # the console says that the network is gone


@pytest.mark.parametrize("path", ["/", "/incidents"])
def test_live_pages_are_whole_without_the_script(chromium: Chromium, path: str) -> None:
    """No button that would do nothing, and no read-out."""
    with chromium.visit(path, scripts=False) as visit:
        assert (visit.count(".live"), visit.count(".read-out")) == (0, 0)
        assert visit.count("#live table") == 1
