"""Makes the picture of the README: the page of the demo's incident, a minute after the feature store broke.

    python docs/picture.py [--width 1200] [--height 860]

It runs the demo, and takes the picture with the system's Chromium.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent / "images" / "incident.png"
ADDRESS = re.compile(r"the incident's page: (\S+)")


def main() -> None:
    """Run the demo until it prints the address, and take the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=1200)
    parser.add_argument("--height", type=int, default=860)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "modelspan_cli", "demo", "--data", folder, "--keep", "--seconds", "60"]
        quiet = {**os.environ, "BROWSER": "true", "PYTHONUNBUFFERED": "1"}
        demo = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=quiet)  # noqa: S603 - our own command
        try:
            assert demo.stdout is not None
            found = next(filter(None, map(ADDRESS.search, demo.stdout)), None)
            if found is None:
                raise SystemExit("the demo ended without an incident")
            take(found[1], args.width, args.height)
        finally:
            demo.terminate()
            demo.wait()
    print(f"{PICTURE}: {PICTURE.stat().st_size:,} bytes")


def take(address: str, width: int, height: int) -> None:
    """The top of a page as a browser shows it."""
    PICTURE.parent.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light", timezone_id="UTC")
        page.goto(address)
        page.screenshot(path=str(PICTURE))
        browser.close()


if __name__ == "__main__":
    main()
