"""What the SDK swallowed while a test ran: a test says what it provokes, and fails for all else.

The SDK never breaks its host, so that a fault of its own shows nowhere but in a line of a log. A test that provokes one
says so, by a part of the line: `@pytest.mark.swallows("could not be encoded")`; without a text, whatever it is.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from modelspan import _failsafe
from modelspan.records import placing

MARK = "swallows"
_SAID_ONCE = "; the call itself is unaffected, and this is said once"


@pytest.fixture(autouse=True)
def nothing_swallowed_unasked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test in which the SDK of this process, or of one that the test ran, swallowed what it did not ask for."""
    _failsafe.failures.clear()
    placing._named.clear()  # of very many, only the first are named: not those of earlier tests
    yield
    unasked = unasked_of(request.node, list(_failsafe.failures))
    _failsafe.failures.clear()
    if unasked:
        pytest.fail(f"the SDK swallowed, unasked: {unasked}; where it should, mark the test with {MARK}(a part of it)")


def unasked_of(test: pytest.Item, swallowed: list[str]) -> list[str]:
    """What was swallowed, without what the test's marks ask for."""
    asked = [mark.args or ("",) for mark in test.iter_markers(MARK)]
    return [line for line in swallowed if not any(part in line for parts in asked for part in parts)]


def note_log(stderr: str) -> None:
    """Count what a process of its own wrote to its log as swallowed in this test."""
    for line in stderr.splitlines():
        if line.endswith(_SAID_ONCE):
            _failsafe.failures[line.removesuffix(_SAID_ONCE)] += 1
