"""What tests share that is no fixture."""

from __future__ import annotations

import os

import pytest

REQUIRE_ALL = os.environ.get("MODELSPAN_TEST_REQUIRE_ALL") == "1"


def missing(what: str) -> None:
    """Skip a test that needs a component which is not here; fail where all are required."""
    if REQUIRE_ALL:
        pytest.fail(f"{what}, and MODELSPAN_TEST_REQUIRE_ALL=1 demands it")
    pytest.skip(what)
