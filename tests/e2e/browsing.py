"""A headless Chromium that notes what goes wrong in a page, and what the page asks for from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support import install_node_packages, missing, need


@dataclass
class Visit:
    """One page as a browser shows it."""

    page: Any
    status: int
    faults: list[str] = field(default_factory=list)
    """What the console says of scripts and of the Content-Security-Policy; dialogs, which only injected code opens."""
    outside: list[str] = field(default_factory=list)
    """What it asked for from anywhere but the instance."""

    def texts(self, selector: str) -> list[str]:
        """The texts of some elements."""
        return [str(each) for each in self.page.locator(selector).all_text_contents()]

    def count(self, selector: str) -> int:
        """How many there are."""
        return int(self.page.locator(selector).count())

    def numbers(self, selector: str, attribute: str) -> list[float]:
        """An attribute of some marks, as numbers."""
        found = self.page.locator(selector).evaluate_all(f"all => all.map(one => one.getAttribute('{attribute}'))")
        return [float(each) for each in found if each is not None]


class Chromium:
    """Visits pages of one address."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser = browser
        self.address = address

    @contextmanager
    def visit(self, path: str, *, scripts: bool = True, width: int = 1400, dark: bool = False) -> Iterator[Visit]:
        """One page in a context of its own, which is closed in the end."""
        context = self._browser.new_context(
            java_script_enabled=scripts,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            timezone_id="Asia/Kolkata",
        )
        try:
            yield self._open(context.new_page(), path)
        finally:
            context.close()

    def _open(self, page: Any, path: str) -> Visit:
        visit = Visit(page, 0)
        page.on("console", lambda said: visit.faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: visit.faults.append(str(error)))
        page.on("dialog", lambda dialog: (visit.faults.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda asked: self._note(visit, asked.url))
        answer = page.goto(self.address + path)
        visit.status = answer.status
        return visit

    def _note(self, visit: Visit, url: str) -> None:
        if not url.startswith(f"{self.address}/"):
            visit.outside.append(url)


@contextmanager
def open_chromium(address: str) -> Iterator[Chromium]:
    """Start one; the test is skipped where neither it nor the library is here."""
    sync_api = need("playwright.sync_api")
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield Chromium(browser, address)
        finally:
            browser.close()


def serious_faults(visit: Visit, folder: Path) -> list[str]:
    """What axe-core finds that keeps people out: its serious and critical violations, with where they are."""
    modules = install_node_packages(folder, ["axe-core"])
    visit.page.evaluate((modules / "axe-core" / "axe.min.js").read_text())
    found = visit.page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['html'][:120]} ({len(one['nodes'])} times)"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
