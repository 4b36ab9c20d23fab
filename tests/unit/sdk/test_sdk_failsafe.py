"""One guard around what may fail: it says so once, and lets the interrupt of a process through."""

from __future__ import annotations

import ast
import logging
import signal
from pathlib import Path

import pytest
from swallowing import unasked_of

import modelspan
from modelspan._failsafe import attempt, failures, guard, swallowed

SDK = Path(modelspan.__file__).parent
ON_THE_PATH_OF_A_CALL = {
    "_context.py",
    "_generators.py",
    "_instrument.py",
    "_observe.py",
    "_observer.py",
    "_prediction.py",
    "capture/values.py",
    "follow/outermost.py",
    "follow/rayserve.py",
    "records/placing.py",
    "telemetry/span_exporter.py",
}
"""Where an `except` stands for a block: entering one would take longer than most of what it guards, or the block would
keep what cancels a coroutine."""
BROAD = {"Exception", "BaseException"}


@pytest.mark.swallows("it was said")
def test_an_application_that_configures_its_own_logging_still_hears_of_it(caplog: pytest.LogCaptureFixture) -> None:
    """As BentoML does: `logging.config` disables, unless told otherwise, every logger that it does not name."""
    logging.getLogger("modelspan").disabled = True
    swallowed("it was said")
    assert [record.getMessage() for record in caplog.records if "it was said" in record.getMessage()]


@pytest.mark.swallows("it failed")
def test_a_guard_counts_and_goes_on() -> None:
    """What fails is counted by its sentence; the block tells with what."""
    for _ in range(2):
        with guard("it failed") as tried:
            raise SystemExit
        assert tried.failed is SystemExit
    assert failures == {"it failed": 2}


def test_an_attempt_says_nothing() -> None:
    """Where another way follows, nothing is counted."""
    with attempt() as tried:
        raise ValueError
    assert tried.failed is ValueError
    with attempt() as tried:
        pass
    assert tried.failed is None
    assert not failures


@pytest.mark.parametrize("block", [attempt(), guard("it failed")], ids=["attempt", "guard"])
def test_a_ctrl_c_goes_through(block: attempt) -> None:
    """An interrupt that arrives inside a guarded block is the process's, and is not swallowed."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a worker of a test run ignores the signal
    try:
        with pytest.raises(KeyboardInterrupt), block:
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not failures


@pytest.mark.swallows("asked")
def test_what_is_swallowed_unasked_is_found(request: pytest.FixtureRequest) -> None:
    """The check that runs with every test of the SDK tells what a test asked for from what it did not."""
    assert unasked_of(request.node, ["this was asked for", "that was not"]) == ["that was not"]


def broad_handlers(path: Path) -> list[ast.ExceptHandler]:
    """The handlers of a file that take any exception and do not raise it again."""
    handlers = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ExceptHandler)]
    broad = [each for each in handlers if each.type is None or ast.unparse(each.type) in BROAD]
    return [each for each in broad if not any(isinstance(node, ast.Raise) for node in ast.walk(each))]


def says_so(handler: ast.ExceptHandler) -> bool:
    """Whether a handler hands the failure to what counts it, or lets interrupts through."""
    called = {ast.unparse(node.func) for node in ast.walk(handler) if isinstance(node, ast.Call)}
    return bool(called & {"swallowed", "pass_on", "say_left_out"})


def test_whatever_may_fail_is_guarded_in_one_way() -> None:
    """No `except` of everything but on the path of a call; and there, too, none that keeps silent."""
    found = [
        (str(path.relative_to(SDK)), handler)
        for path in sorted(SDK.rglob("*.py"))
        if path.name != "_failsafe.py"
        for handler in broad_handlers(path)
    ]
    assert {name for name, _ in found} <= ON_THE_PATH_OF_A_CALL
    silent = [f"{name}:{handler.lineno}" for name, handler in found if not says_so(handler)]
    thrown = [line for line in silent if line.startswith("_generators.py")]  # by a consumer, handed to the next step
    assert silent == thrown
    assert len(thrown) == 2
