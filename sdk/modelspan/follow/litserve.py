"""LitServe: `predict` of an API, in the process that runs the model, with the trace of the request from the one that
took it: the request's id carries it there."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from opentelemetry import propagate
from opentelemetry.context import Context, attach, detach

from modelspan._failsafe import guard
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, not_followed


class _Id(str):
    """The id of a request as LitServe knows it, with the request's trace."""

    carrier: dict[str, str]


class _Sending:
    """A queue into which the ids of requests go with their traces."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    def put(self, item: Any) -> None:
        with guard("a request of LitServe goes without its trace"):
            consumer, uid, *more = item
            traced = _Id(uid)
            traced.carrier = {}
            propagate.inject(traced.carrier)
            item = (consumer, traced, *more)
        self._queue.put(item)

    def __reduce__(self) -> Any:
        return _itself, (self._queue,)  # processes of models take from the bare queue

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def _itself(queue: Any) -> Any:
    return queue


class _Taking:
    """The other end of it, which remembers what was taken for the next prediction."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.taken: list[Any] = []

    def get(self, *args: Any, **kwargs: Any) -> Any:
        item = self._queue.get(*args, **kwargs)
        if isinstance(item, tuple) and len(item) > 1:
            self.taken.append(item[1])
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def _context(uid: Any) -> Context:
    return propagate.extract(getattr(uid, "carrier", {}), Context())


def _in_trace(predict: Callable[..., Any], queue: _Taking, *, one: bool) -> Callable[..., Any]:
    """Predictions in the trace of their request; what answers several requests at once is in none of theirs."""

    @functools.wraps(predict)
    def traced(*args: Any, **kwargs: Any) -> Any:
        token = None
        with guard("a prediction of LitServe is not in the trace of its request"):
            uids, queue.taken = queue.taken, []
            token = attach(_context(uids[-1] if uids and (one or len(uids) == 1) else ""))
        try:
            return predict(*args, **kwargs)
        finally:
            if token is not None:
                detach(token)

    return traced


def _options(api: Any) -> Options:
    return Options(**named(api), features=lambda _api, inputs, *_args, **_kwargs: inputs)


def _worker(module: Any) -> None:
    own = module.inference_worker

    @functools.wraps(own)
    def inference_worker(lit_api: Any, device: Any, worker: Any, request_queue: Any, *args: Any, **kwargs: Any) -> Any:
        with guard("a model of LitServe cannot be followed"):
            if lit_api.stream:
                kind = type(lit_api).__name__
                not_followed(f"the stream of {kind} is not followed; modelspan.observe over its predict takes it")
            else:
                for base in type(lit_api).__mro__[:-1]:
                    follow(base, ["predict"], Reading(_options))
                if not lit_api.enable_async:
                    request_queue = _Taking(request_queue)
                    lit_api.predict = _in_trace(lit_api.predict, request_queue, one=lit_api.max_batch_size == 1)
        return own(lit_api, device, worker, request_queue, *args, **kwargs)

    module.inference_worker = inference_worker


def _asynchronous(module: Any) -> None:
    own = module.SingleLoop._process_single_request

    @functools.wraps(own)
    async def process(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        with guard("a prediction of LitServe is not in the trace of its request"):
            attach(_context(request[1]))  # for as long as its task runs
        return await own(self, request, *args, **kwargs)

    module.SingleLoop._process_single_request = process


def _server(module: Any) -> None:
    own = module.LitServer._get_request_queue

    @functools.wraps(own)
    def sending(*args: Any, **kwargs: Any) -> Any:
        return _Sending(own(*args, **kwargs))

    module.LitServer._get_request_queue = sending


class LitServeInstrumentor(Instrumentor):
    """Follows the APIs of a LitServe server."""

    library = "LitServe"
    changes = {  # noqa: RUF012 - is not changed
        "litserve.loops.loops": _worker,
        "litserve.loops.simple_loops": _asynchronous,
        "litserve.server": _server,
    }
