"""Each page is one view: as HTML that keeps to itself, as JSON and as CSV, and what is wrong is said as a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from html.parser import HTMLParser

import httpx
import pytest
from test_web_hostile import VALUES

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.web.asking import application
from modelspan_analyzer.web.pages.page import Page
from modelspan_analyzer.web.pages.table import page_routes, pages
from modelspan_collector.serve import AsgiServer
from modelspan_collector.store.connect import Store

BROWSER = {"accept": "text/html,application/xhtml+xml"}


@pytest.fixture
def client(store: Store) -> Iterator[httpx.Client]:
    """Asks the pages of a store over a socket."""
    server = AsgiServer(application([], page_routes(store, MonitorsConfig())), "127.0.0.1", 0)
    server.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as asking:
        yield asking
    server.stop()


def forms(page: Page) -> list[str]:
    return [route.path for route in page.routes()]


def test_every_parameter_of_every_page_with_every_value_that_makes_no_sense(store: Store, client: httpx.Client) -> None:
    """The answer is a page or a sentence, and never a fault of ours."""
    for page in pages(store, MonitorsConfig()):
        for name in sorted(page.parameters):
            for value in VALUES:
                others = {other: "m" for other in page.parameters & {"model", "feature"} if other != name}
                path = page.path.replace("{incident_id}", "x")
                answer = client.get(path, params={**others, name: value}, headers=BROWSER)
                assert answer.status_code < 500, (path, name, value[:40], answer.text[-500:])
                assert answer.headers["content-type"].startswith("text/html")


def test_a_parameter_that_no_page_knows_is_refused_in_the_form_that_was_asked_for(
    store: Store, client: httpx.Client
) -> None:
    """A person gets a page that names those that there are, a program an object."""
    for page in pages(store, MonitorsConfig()):
        for path in forms(page):
            answer = client.get(path.replace("{incident_id}", "x"), params={"modle": "m"}, headers=BROWSER)
            assert (answer.status_code, "modle" in answer.text) == (400, True), path
            assert answer.headers["content-type"].startswith("application/json" if "." in path else "text/html"), path


def test_pages_and_their_faults_let_nothing_in_from_outside(client: httpx.Client) -> None:
    """No script or style but our files, no frame, nothing kept on the way; the same of pages that say what is wrong."""
    for path in ("/", "/nothing-here", "/?modle=m"):
        headers = client.get(path, headers=BROWSER).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


class Addresses(HTMLParser):
    """Everything that a page makes a browser fetch, and what would run or be styled inside it."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect them."""
        given = dict(attrs)
        self.fetched += [str(given[name]) for name in ("src", "href") if name in given and tag in ("script", "link")]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        self.inline += [tag for tag in (tag,) if tag == "style" or (tag == "script" and "src" not in given)]


def test_static_files_are_kept_for_ever_under_an_address_that_changes_with_them(client: httpx.Client) -> None:
    """What a page needs comes from here alone, once."""
    found = Addresses()
    found.feed(client.get("/", headers=BROWSER).text)
    assert found.inline == []
    assert found.fetched
    for address in found.fetched:
        answer = client.get(address)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True), address
        again = client.get(address.partition("?")[0], headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.headers["cache-control"]) == (304, "no-cache")


def test_an_empty_store_is_a_page_that_says_what_to_do(client: httpx.Client) -> None:
    """Nothing came, so nothing is healthy."""
    page = client.get("/", headers=BROWSER).text
    assert "No prediction has come yet" in page
    assert "healthy" not in page
    assert client.get("/index.json").json()["members"] == []
    assert next(csv.reader(io.StringIO(client.get("/index.csv").text)))[:2] == ["model", "version"]
