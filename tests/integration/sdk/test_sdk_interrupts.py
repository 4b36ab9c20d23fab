"""What values raise when they are read stays with us; what interrupts the process goes through."""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, ClassVar

import pytest

import modelspan
from modelspan import _failsafe
from modelspan._interrupts import is_interrupt
from modelspan.testing import Receiver


class PanicError(BaseException):
    """As the panics of libraries in Rust."""


class Row:
    """A record of which a field runs code when it is read."""

    model_fields: ClassVar = {"age": None, "income": None}
    age = 1.0

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read

    @property
    def income(self) -> Any:
        return self._read()


def raising(kind: type[BaseException]) -> Callable[[], Any]:
    def read() -> Any:
        raise kind

    return read


KINDS = (PanicError, KeyboardInterrupt, SystemExit, GeneratorExit, MemoryError, RecursionError)
READS: list[Callable[[], Any]] = [
    *map(raising, KINDS),
    functools.partial(sys.exit, 3),
]


@pytest.mark.parametrize("read", READS, ids=lambda each: getattr(each, "__name__", "exit"))
@pytest.mark.parametrize("where", ["argument", "result", "features", "prediction", "tags", "block"])
@pytest.mark.swallows("could not be captured")
def test_what_reading_a_value_raises_stays_with_us(
    where: str, read: Callable[[], Any], sdk: Callable[..., None], receiver: Receiver
) -> None:
    """Whatever an argument, a result or an extractor raises, the call returns, and its row arrives."""
    sdk(endpoint=receiver.endpoint)
    _failsafe.failures.clear()
    if where == "block":
        with modelspan.prediction("m") as p:
            p.features, p.value = Row(read), 0.5
    else:
        options = {where: lambda *args: read()} if where in ("features", "prediction", "tags") else {}
        result = Row(read) if where == "result" else 0.5
        predict = modelspan.observe(model="m", **options)(lambda row: result)  # type: ignore[arg-type]
        assert predict(Row(read) if where == "argument" else {"age": 1.0}) is result
    assert _failsafe.failures
    assert modelspan.flush(60)
    assert len(receiver.predictions()) == 1


@pytest.fixture
def _handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGUSR1)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def raising_handler(kind: type[BaseException], _number: int, _frame: FrameType | None) -> None:
    raise kind


class Handler:
    def __init__(self, kind: type[BaseException]) -> None:
        self.kind = kind

    def __call__(self, *args: Any) -> None:
        self.leave()

    def leave(self, *args: Any) -> None:
        sys.exit("told to")


HANDLERS: list[tuple[Any, type[BaseException]]] = [
    (signal.default_int_handler, KeyboardInterrupt),
    (lambda *args: sys.exit(1), SystemExit),
    (functools.partial(raising_handler, PanicError), PanicError),
    (functools.partial(raising_handler, KeyboardInterrupt), KeyboardInterrupt),
    (Handler(SystemExit), SystemExit),
    (Handler(SystemExit).leave, SystemExit),
]


@pytest.mark.usefixtures("_handlers")
@pytest.mark.parametrize(("handler", "kind"), HANDLERS)
def test_a_signal_goes_through(
    handler: Any, kind: type[BaseException], sdk: Callable[..., None], receiver: Receiver
) -> None:
    """Ctrl-C, or a signal whose handler raises, that arrives while a value is read reaches the caller."""
    sdk(endpoint=receiver.endpoint)
    signal.signal(signal.SIGINT, handler)

    def interrupted() -> float:
        os.kill(os.getpid(), signal.SIGINT)
        return sum(number for number in range(1000))

    with pytest.raises(kind):
        modelspan.observe(model="m")(lambda row: 0.5)(Row(interrupted))


def test_the_functions_own_exit_passes(sdk: Callable[..., None], receiver: Receiver) -> None:
    """What the predict function raises is its own, whatever it is, and is recorded."""
    sdk(endpoint=receiver.endpoint)
    for kind in (KeyboardInterrupt, SystemExit, PanicError):
        with pytest.raises(kind):
            modelspan.observe(model="m")(lambda row, kind=kind: raising(kind)())({"age": 1.0})
    assert modelspan.flush(60)
    assert [row["error_type"].split(".")[-1] for row in receiver.predictions()] == [
        "KeyboardInterrupt",
        "SystemExit",
        "PanicError",
    ]


def test_other_threads_are_not_interrupted() -> None:
    """Signals are the main thread's: elsewhere, nothing is taken for one."""
    told: list[bool] = []

    def look() -> None:
        try:
            raising(KeyboardInterrupt)()
        except KeyboardInterrupt as error:
            told.append(is_interrupt(error))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert told == [False]
