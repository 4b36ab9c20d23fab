"""OTLP/gRPC: the three `Export` methods, on raw bytes, so that a request is parsed once and by us."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from modelspan_collector.access.tls import Tls
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.errors import BadRequestError, BusyError, RefusedError
from modelspan_collector.otlp.signals import SIGNALS, Signal
from modelspan_collector.receive import decode
from modelspan_collector.receive.gate import Gate, Held
from modelspan_collector.receive.grpc_calls import Calls
from modelspan_collector.wal.journal import LogFullError

_ANSWER_SECONDS = 60.0
HANDSHAKE_SECONDS = 15.0
"""For TLS and the first frames of HTTP/2."""
IDLE_SECONDS = 300.0
"""Of a connection without a call: far beyond the interval at which metrics are sent."""
PING_SECONDS, PONG_SECONDS = 60.0, 20.0
"""How often a connection is asked whether its other end is there, and how long that may take."""
_BY_PATH = {signal.grpc_path: signal for signal in SIGNALS}
_GRACE_SECONDS: Final = 5.0


class GrpcReceiver(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The gRPC server; `port` is known after construction."""

    def __init__(
        self,
        gate: Gate,
        tokens: Tokens,
        metrics: Metrics,
        *,
        host: str,
        port: int,
        tls: Tls | None,
        max_request_bytes: int,
        threads: int = 32,
    ) -> None:
        self._gate = gate
        self._tokens = tokens
        self._metrics = metrics
        self._calls = Calls(most=threads * 3 // 4)
        self._server = grpc.server(
            ThreadPoolExecutor(threads, "modelspan-grpc"),
            handlers=[self],
            options=[
                ("grpc.max_receive_message_length", max_request_bytes),
                ("grpc.so_reuseport", 0),
                ("grpc.max_concurrent_streams", 100),
                *_deadlines(),
            ],
        )
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            bound = (
                self._server.add_insecure_port(address)
                if tls is None
                else self._server.add_secure_port(address, tls.credentials())
            )
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}; choose another port or 0 for a free one") from error
        self.port = int(bound)

    def start(self) -> None:
        """Answer requests."""
        self._calls.start()
        self._server.start()

    def stop(self) -> None:
        """Refuse new requests and answer those in flight; what a connection holds up longer is not waited for."""
        self._server.stop(grace=_GRACE_SECONDS).wait(_GRACE_SECONDS + 1.0)
        self._calls.stop()

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler | None:
        """The handler of a method; None, for the answer UNIMPLEMENTED, where there is none."""
        signal = _BY_PATH.get(handler_call_details.method)
        if signal is None:
            return None
        # On the wire a stream of one message is a message; as a stream, its coming can be waited for and given up.
        return grpc.stream_unary_rpc_method_handler(lambda bodies, context: self._export(signal, bodies, context))

    def _export(self, signal: Signal, bodies: Iterator[bytes], context: Any) -> bytes:
        body = None
        with self._calls.arriving(context):
            body = next(bodies, None)
        if body is None:  # given up, or gone
            self._metrics.requests.labels("grpc", BadRequestError.outcome).inc()
            return b""
        try:
            response = self._accept(signal, body, context)
        except RefusedError as error:
            self._metrics.requests.labels("grpc", error.outcome).inc()
            context.abort_with_status(_Status(error))
        self._metrics.requests.labels("grpc", "accepted").inc()
        return response

    def _accept(self, signal: Signal, body: bytes, context: Any) -> bytes:
        metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
        tenant = self._tokens.tenant(metadata.get("authorization", ""))
        held = Held(self._gate)
        try:
            held.take(len(body))
            self._metrics.received_bytes.labels(signal.name).inc(len(body))
            with self._gate.parsing:
                receipt = self._gate.accept(signal, decode.protobuf(signal, body), tenant)
            receipt.written.result(timeout=_ANSWER_SECONDS)
        except (LogFullError, TimeoutError) as error:
            raise BusyError(str(error) or "the disk is too slow", retry_after=5.0) from error
        finally:
            held.release()
        return bytes(receipt.response().SerializeToString())


def _deadlines() -> list[tuple[str, int]]:
    """So that a connection which is half open, or whose other end is gone, keeps no file for ever."""
    seconds = {
        "grpc.server_handshake_timeout_ms": HANDSHAKE_SECONDS,
        "grpc.max_connection_idle_ms": IDLE_SECONDS,
        "grpc.keepalive_time_ms": PING_SECONDS,
        "grpc.keepalive_timeout_ms": PONG_SECONDS,
    }
    return [(name, round(value * 1000)) for name, value in seconds.items()]


class _Status(grpc.Status):  # type: ignore[misc]
    """A refusal with, where sending again helps, the `RetryInfo` that OTLP asks for."""

    def __init__(self, error: RefusedError) -> None:
        self.code = error.code
        self.details = str(error)
        status = status_pb2.Status(code=error.code.value[0], message=self.details)
        if error.retry_after is not None:
            delay = duration_pb2.Duration()
            delay.FromMilliseconds(int(error.retry_after * 1000))
            packed = any_pb2.Any()
            packed.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
            status.details.append(packed)
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)
