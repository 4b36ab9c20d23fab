"""Tells the interrupt of a process from an exception that only looks like one.

Code of the application that is run while its values are read may raise anything: `SystemExit` out of a parser, the
panic of a library in Rust, a `KeyboardInterrupt` of its own. None of these may reach the caller. A real Ctrl-C, or the
exception of a signal handler, that happens to arrive at that moment must.
"""

from __future__ import annotations

import dis
import functools
import signal
import threading
from collections.abc import Iterator
from types import CodeType, TracebackType
from typing import Any

_RAISE = {dis.opmap[name] for name in ("RAISE_VARARGS", "RERAISE") if name in dis.opmap}


def pass_on(error: BaseException) -> None:
    """Raise the exception again, if it is a signal's."""
    if not isinstance(error, Exception) and is_interrupt(error):
        raise error


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal raised it, through Python's handler of Ctrl-C or one that the application has set.

    Signals are handled in the main thread, between two instructions of whatever runs there. Python's own handler
    leaves no frame: then the innermost frame was not about to raise.
    """
    if threading.current_thread() is not threading.main_thread() or error.__traceback__ is None:
        return False
    handlers = set(_codes_of_handlers())
    innermost = error.__traceback__
    while True:
        if innermost.tb_frame.f_code in handlers:
            return True
        if innermost.tb_next is None:
            break
        innermost = innermost.tb_next
    return isinstance(error, KeyboardInterrupt) and not _raises(innermost)


def _raises(at: TracebackType) -> bool:
    return at.tb_frame.f_code.co_code[at.tb_lasti] in _RAISE


def _codes_of_handlers() -> Iterator[CodeType]:
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        while isinstance(handler, functools.partial):
            handler = handler.func
        call = getattr(type(handler), "__call__", None)  # noqa: B004 - of an object that is called
        for function in (getattr(handler, "__func__", handler), call):
            code = getattr(function, "__code__", None)
            if code is not None:
                yield code
