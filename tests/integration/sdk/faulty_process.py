"""A process in which something around telemetry fails for real; `test_sdk_faults` runs it with the fault's name.

Random functions are called plain and observed, with random input; both must end alike. Prints what became of the rows,
and how often each place failed.
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from hostile import EXTRACTORS, KINDS, ROWS, VALUES, FaultError, failing, make, outcome
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry import metrics, trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

import modelspan
from modelspan import _failsafe, _runtime

current = ""
"""The place that fails now."""
hits: Counter[str] = Counter()


def maybe(place: str) -> None:
    """Fail, if it is this place's turn."""
    if current == place:
        hits[place] += 1
        raise FaultError


# --- OpenTelemetry's own provider, with parts of the application's that fail -------------------------


class FailingExporter(SpanExporter):
    def export(self, spans: Any) -> SpanExportResult:
        maybe("exporter")
        return SpanExportResult.SUCCESS


class FailingProcessor(SpanProcessor):
    def on_start(self, span: Any, parent_context: Any = None) -> None:
        maybe("processor start")

    def on_end(self, span: Any) -> None:
        maybe("processor end")


class FailingIds(RandomIdGenerator):
    def generate_span_id(self) -> int:
        maybe("ids")
        return super().generate_span_id()


class FailingSampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> Any:
        maybe("sampler")
        return ALWAYS_ON.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        return "failing"


class FailingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        hits["log handler"] += 1
        raise FaultError


def parts() -> list[str]:
    """A span exporter, processor, sampler, generator of ids, and log handler that fail."""
    provider = TracerProvider(sampler=FailingSampler(), id_generator=FailingIds())
    provider.add_span_processor(FailingProcessor())
    provider.add_span_processor(SimpleSpanProcessor(FailingExporter()))
    trace.set_tracer_provider(provider)
    logging.getLogger("modelspan").addHandler(FailingHandler())
    return ["exporter", "processor start", "processor end", "ids", "sampler"]


# --- providers of the application's that fail --------------------------------------------------------


class FailingSpan(trace.NonRecordingSpan):
    def __init__(self) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)

    def get_span_context(self) -> Any:
        maybe("get_span_context")
        return super().get_span_context()

    def is_recording(self) -> bool:
        maybe("is_recording")
        return True

    def set_attributes(self, attributes: Any) -> None:
        maybe("set_attributes")

    def set_status(self, *args: Any, **kwargs: Any) -> None:
        maybe("set_status")

    def end(self, end_time: int | None = None) -> None:
        maybe("end")


class FailingTracer(trace.NoOpTracer):
    def start_span(self, *args: Any, **kwargs: Any) -> Any:
        maybe("start_span")
        return FailingSpan()


class FailingTracerProvider(trace.NoOpTracerProvider):
    def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
        maybe("get_tracer")
        return FailingTracer()

    force_flush = failing


class FailingMeter(metrics.NoOpMeter):
    def create_histogram(self, *args: Any, **kwargs: Any) -> Any:
        class FailingHistogram(metrics.NoOpHistogram):
            def record(self, *args: Any, **kwargs: Any) -> None:
                hits["histogram"] += 1
                raise FaultError

        return FailingHistogram("failing")


class FailingMeterProvider(metrics.NoOpMeterProvider):
    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        return FailingMeter("failing")

    force_flush = failing


class NoMeterProvider(metrics.NoOpMeterProvider):
    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        hits["get_meter"] += 1
        raise FaultError


def providers() -> list[str]:
    """Tracers, spans and instruments that fail."""
    trace.set_tracer_provider(FailingTracerProvider())
    metrics.set_meter_provider(FailingMeterProvider())
    return ["get_tracer", "start_span", "get_span_context", "is_recording", "set_attributes", "set_status", "end"]


def meters() -> list[str]:
    """A provider without meters."""
    metrics.set_meter_provider(NoMeterProvider())
    return []


# --- a machine that fails ----------------------------------------------------------------------------


def disk() -> list[str]:
    """No file can grow, and logs go to one; what the test gave as standard error is full, too."""
    logging.getLogger("modelspan").addHandler(logging.FileHandler("/dev/full"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    return []


def arrow() -> list[str]:
    """PyArrow cannot be loaded, so that no record can be encoded."""
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
    return []


def threads() -> list[str]:
    """No thread can be started: there is no memory for its stack."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    threading.stack_size(64 * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (used + 32 * 2**30, used + 32 * 2**30))
    return []


FAULTS: dict[str, Callable[[], list[str]]] = {
    each.__name__: each for each in (parts, providers, meters, disk, arrow, threads)
}


def main(fault: str) -> None:
    global current
    places = FAULTS[fault]()
    modelspan.configure()

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        kind=st.sampled_from(KINDS),
        row=ROWS | st.lists(ROWS, min_size=1, max_size=3),
        args=st.lists(VALUES, max_size=2),
        returned=VALUES,
        raised=st.sampled_from([None, None, ValueError, KeyError, KeyboardInterrupt, FaultError]),
        extractors=EXTRACTORS | st.just(set()),
    )
    def check(kind: str, row: Any, args: list[Any], returned: Any, raised: Any, extractors: set[str]) -> None:
        error = raised and raised("own")

        def inner() -> Any:
            if error is not None:
                raise error
            return returned

        plain, observed = make(kind, inner, dict.fromkeys(extractors, failing))
        ended = outcome(lambda: observed(row, *args))
        assert ended.is_that_of(outcome(lambda: plain(row, *args))), (kind, current)

    for place in ("", *places):
        current = place
        check()
    modelspan.label("id", 1.0)
    runtime = _runtime.current()
    runtime.pipeline.shutdown(5.0)
    told = {
        "rows": sum(runtime.metrics.predictions.values()),
        "records": runtime.pipeline.tally.read(),
        "failures": sum(_failsafe.failures.values()),
        "hits": hits,
    }
    print(json.dumps(told))
    modelspan.configure(disabled=True)


if __name__ == "__main__":
    main(sys.argv[1])
