"""The one state of a process: settings, pipeline, ids; made at `configure` or the first call, renewed after a fork."""

from __future__ import annotations

import atexit
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from modelspan import _config_file, _failsafe, _identity, _settings
from modelspan._failsafe import guard, swallowed
from modelspan._loaded import loaded
from modelspan._pipeline import Pipeline
from modelspan._settings import Endpoint, Settings

disabled: bool = _settings.is_disabled()
"""Read on every call: where it is true, a decorated function is called and nothing else happens."""


class Runtime:
    """What a process has one of."""

    def __init__(self, settings: Settings) -> None:
        from modelspan.telemetry import providers
        from modelspan.telemetry.metrics import Metrics

        self.settings = settings
        self.number = _identity.numbers()
        self.pid = os.getpid()
        self.metrics = Metrics(providers.fresh_buckets())
        self.pipeline = Pipeline(settings, providers.resource_attributes(settings), self.metrics, watch_the_end)


_lock = threading.Lock()
_current: Runtime | None = None


def current() -> Runtime:
    """The state of this process, made from the environment where `configure` was not called."""
    return _current if _current is not None else _first()


def _first() -> Runtime:
    with _lock:
        return _current if _current is not None else _install(_from_environment())


def _from_environment() -> Settings:
    try:
        return _config_file.settings()
    except ValueError as error:
        if _config_file.path() is not None:
            swallowed(f"predictions are not sent: {error}")
            return Settings(records=Endpoint(url=""))
        swallowed(f"the environment is ignored: {error}")
        return Settings()


def _install(settings: Settings) -> Runtime:
    global _current, disabled
    disabled = disabled or settings.disabled
    _current = Runtime(settings)
    _create_counters()
    watch_the_end()
    return _current


_counting_for: object = None


def _create_counters() -> None:
    """Once for each meter provider: the instruments outlive settings and forks, and read the current state."""
    global _counting_for
    from opentelemetry.metrics import get_meter_provider

    from modelspan.telemetry.metrics import observe_counters
    from modelspan.telemetry.resource_use import observe_resource_use

    if _counting_for is get_meter_provider():
        return
    _counting_for = get_meter_provider()
    with guard("counters could not be made"):
        observe_counters(lambda: (_current.metrics, _current.pipeline.tally) if _current is not None else None)
        observe_resource_use(lambda: _current is not None and _current.settings.resource_metrics)


def replace(settings: Settings, *, off: bool) -> None:
    """Take new settings; what the old state held is sent first."""
    global disabled
    disabled = off
    with _lock:
        if _current is not None and _current.pid == os.getpid():
            _current.pipeline.shutdown(_current.settings.exit_timeout)
        if not off:
            _install(settings)


def flush(timeout: float = 10.0) -> bool:
    """Send every record, label and span made so far; whether all records were taken within so many seconds.

    Never takes longer, and never raises. False says that something is still on its way, and goes on being tried, or
    that rows were refused (a wrong token, say) or dropped since the last flush: the process's log says which.
    """
    if _current is None:
        return True
    from modelspan.telemetry import providers

    deadline = time.monotonic() + timeout
    with guard("a flush failed"):
        complete = _current.pipeline.flush(timeout)
        return _bounded(providers.flush, deadline - time.monotonic()) and complete
    return False


def _bounded(flush_providers: Callable[[float], bool], seconds: float) -> bool:
    """Run the providers' flush, which may ignore its deadline, and wait no longer than the given seconds."""
    answer: list[bool] = []

    def run() -> None:
        with guard("a provider could not be flushed"):
            answer.append(flush_providers(max(0.0, seconds)))

    thread = threading.Thread(target=run, name="modelspan-flush", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # from Python 3.12 on, none starts while the interpreter ends
        run()
        return bool(answer and answer[0])
    thread.join(max(0.0, seconds))
    return bool(answer and answer[0])


# --- the end of the process ------------------------------------------------------------------------


def watch_an_import() -> None:
    """Watch the end from where a function is decorated: in the main thread, which its first call may not be in."""
    if not disabled and _current is None:
        watch_the_end()


def watch_the_end() -> None:
    """Flush at exit, at the end of children of multiprocessing and Celery (which skip `atexit`), and on SIGTERM."""
    atexit.unregister(_end_of_process)
    atexit.register(_end_of_process)
    if (util := loaded("multiprocessing.util")) is not None:
        util.Finalize(None, _end_of_process, exitpriority=100)
    if (celery := loaded("celery.signals")) is not None:
        celery.worker_process_shutdown.connect(_end_of_worker, weak=False, dispatch_uid="modelspan")
    try:
        if threading.current_thread() is threading.main_thread():
            _watch_sigterm()
    except (ValueError, OSError) as error:
        swallowed("SIGTERM cannot be watched", error)


def _watch_sigterm() -> None:
    before = signal.getsignal(signal.SIGTERM)
    if before is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _on_sigterm)
    elif callable(before) and getattr(before, "__module__", "") in _RAISE_IT_AGAIN:
        signal.signal(signal.SIGTERM, _Outlived(before))


_RAISE_IT_AGAIN = ("uvicorn.server",)
"""Modules of servers whose workers end in a way that no exit outlives, see `_Outlived`; other handlers stay."""


class _Outlived:
    """A server's own handler of SIGTERM, whose last act we outlive.

    uvicorn serves to the end, puts back the handler that it found, and raises the signal again, of which its worker
    then dies on the spot: nothing runs at its exit. So the signal is blocked for the main thread, which raises it,
    until the exit has come; the process still dies of it, after the flush.
    """

    def __init__(self, handler: Callable[[int, FrameType | None], object]) -> None:
        self._handler = handler

    def __call__(self, number: int, frame: FrameType | None) -> object:
        """Handle as before, and let the end wait for the flush."""
        if hasattr(signal, "pthread_sigmask"):  # not on Windows
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        return self._handler(number, frame)


def _end() -> None:
    runtime = _current
    if runtime is not None and runtime.pid == os.getpid() and not runtime.pipeline.stopping:
        flush(runtime.settings.exit_timeout)
        runtime.pipeline.shutdown(0.0)


def _end_of_process() -> None:
    """Flush, and die of the signal that waited for it, if one did."""
    _end()
    with guard("a process cannot die of its signal"):
        if hasattr(signal, "sigpending") and signal.SIGTERM in signal.sigpending():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _end_of_worker(**_: object) -> None:
    """Flush where Celery's prefork pool ends a worker, by `os._exit`: after so many tasks, say."""
    with guard("a worker could not be flushed"):
        _end()


def _on_sigterm(_number: int, _frame: FrameType | None) -> None:
    """Flush in a thread of its own, since the interrupted code may hold any lock, then die of the signal as before."""

    def flush_and_die() -> None:
        _end()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=flush_and_die, name="modelspan-sigterm", daemon=True).start()


_LONGEST_WAIT_TO_FORK = 2.0


def _before_fork() -> None:
    """Let the encoder finish what it is at: what it imports or locks at this moment would stay so in the child."""
    global _held
    _held = _current.pipeline.working if _current is not None else None
    if _held is not None and not _held.acquire(timeout=_LONGEST_WAIT_TO_FORK):
        _held = None


_held: threading.Lock | None = None


def _after_fork_in_parent() -> None:
    if _held is not None:
        _held.release()


def _after_fork_in_child() -> None:
    """Leave to the parent what it has buffered, and start afresh: no thread, connection or lock survives a fork."""
    global _current, _lock
    _lock = threading.Lock()
    _failsafe.reset_lock()
    if _current is not None:
        _current = Runtime(_current.settings)


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
