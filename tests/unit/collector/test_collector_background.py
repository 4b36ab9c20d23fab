"""A thread of a part's own: it starts once, ends when it is told to, starts again, and outlives what fails."""

import logging
import threading

import pytest
from support import eventually

from modelspan_collector.background import Background


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_it_runs_once_until_it_is_stopped_and_again_when_started_again() -> None:
    """A second start makes no second thread, on return from a stop there is none, and a stop needs no start."""
    began: list[threading.Thread] = []

    def run(stopping: threading.Event) -> None:
        began.append(threading.current_thread())
        stopping.wait()

    background = Background("modelspan-test", run)
    background.stop()
    for lives in (1, 2):
        background.start()
        background.start()
        eventually(lambda lives=lives: len(began) == lives, "it runs")
        assert len(named("modelspan-test")) == 1
        assert began[-1].daemon
        background.stop()
        background.stop()
        assert named("modelspan-test") == []
    assert len(set(began)) == 2


def test_what_fails_is_logged_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """A failure costs one round."""
    rounds: list[int] = []

    def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            raise ValueError("the store is away")

    background = Background.every("modelspan-test", 0.001, work)
    with caplog.at_level(logging.ERROR):
        background.start()
        eventually(lambda: len(rounds) > 2, "it goes on")
        background.stop()
    (record,) = caplog.records
    assert "modelspan-test failed" in record.getMessage()
    assert record.exc_info is not None
    done = len(rounds)
    assert named("modelspan-test") == []
    assert len(rounds) == done
