"""A library that another thread imports at the moment is not looked at: it lacks most of its names."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path

import pytest
from support import eventually

import modelspan
from modelspan._loaded import loaded

SLOW = """
import threading

going_on = threading.Event()
going_on.wait(60)
name = "whole"
"""


def test_a_module_is_there_once_it_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slow_library.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    assert loaded("slow_library") is None
    importing = threading.Thread(target=__import__, args=("slow_library",))
    importing.start()
    try:
        eventually(lambda: hasattr(sys.modules.get("slow_library"), "going_on"), "the import is under way")
        assert loaded("slow_library") is None
    finally:
        sys.modules["slow_library"].going_on.set()
        importing.join()
    whole = loaded("slow_library")
    assert whole is sys.modules.pop("slow_library")
    assert whole is not None and whole.name == "whole"


def test_what_has_no_spec_is_there() -> None:
    assert loaded("__main__") is sys.modules["__main__"]


def test_nothing_else_asks_for_modules_that_may_be_half_there() -> None:
    package = Path(modelspan.__file__).parent
    asking = {path.name for path in package.rglob("*.py") if re.search(r"sys\.modules\.get\(", path.read_text())}
    assert asking == {"_loaded.py"}
