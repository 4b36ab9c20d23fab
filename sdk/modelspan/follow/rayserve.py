"""Ray Serve: what a deployment is asked, over HTTP or through a handle, in the replica that answers.

A deployment behind an application of FastAPI has routes of its own: it is the library inside that is followed there.
"""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Mapping
from typing import Any

from opentelemetry import propagate, trace
from opentelemetry.context import attach, detach

from modelspan._failsafe import guard, swallowed
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named_by_its_server
from modelspan.follow.outermost import Reading, followed, not_followed


def _features(_replica: Any, _method: Any, *, args: Any = (), kwargs: Mapping[str, Any] | None = None, **_: Any) -> Any:
    """The body of a request, else its query; of a handle's call an only argument, or the arguments by name."""
    if not args or len(args) + len(kwargs or {}) > 1:
        return {**{f"f{position}": each for position, each in enumerate(args)}, **(kwargs or {})}
    (asked,) = args
    if not _is_request(asked):
        return asked
    body = getattr(asked, "_body", b"")  # it was awaited before
    return json.loads(body) if body else dict(asked.query_params)


def _prediction(result: Any) -> Any:
    """What the method returned; of a response of HTTP its body."""
    answer, _consumed = result
    body = getattr(answer, "body", None)
    return json.loads(body) if isinstance(body, bytes) and hasattr(answer, "status_code") else answer


def _is_request(asked: Any) -> bool:
    return hasattr(asked, "query_params") and hasattr(asked, "scope")


def _options(replica: Any) -> Options:
    told = named_by_its_server(replica._callable, replica._deployment_id.name)
    return Options(**told, features=_features, prediction=_prediction)


def _is_asked(replica: Any, method: Any) -> bool:
    """Whether a call of the deployment answers somebody, and is no check of its health, say."""
    asked = [each for each in replica._cached_user_method_info.values() if each.callable is method]
    if not asked:
        return False
    name = replica._deployment_id.name
    if asked[0].is_asgi_app:
        not_followed(
            f"routes of the deployment {name!r} are not followed, as not each of them predicts, though what a followed "
            "library predicts in them is; modelspan.observe under a route's decorator follows that route"
        )
        return False
    if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
        not_followed(
            f"streams of the deployment {name!r} are not followed; modelspan.observe over the method takes them"
        )
        return False
    return True


async def _enter(args: Any) -> Any:
    """Read a request's body, which it keeps for the deployment, and take its trace where none is open."""
    if not args or not _is_request(args[0]):
        return None
    request = args[0]
    try:
        await request.body()
    except Exception as error:  # a client that is gone; what cancels a request goes on
        swallowed("the body of a request of Ray Serve cannot be read", error)
    with guard("a prediction of Ray Serve is not in the trace of its request"):
        if not trace.get_current_span().get_span_context().is_valid:
            return attach(propagate.extract(request.headers))
    return None


def _replicas(module: Any) -> None:
    own = module.UserCallableWrapper._call_func_or_gen
    observed = followed(own, Reading(_options))

    @functools.wraps(own)
    async def called(self: Any, method: Any, *args: Any, **kwargs: Any) -> Any:
        asked = False
        with guard("a deployment of Ray Serve cannot be followed"):
            asked = _is_asked(self, method)
        if not asked:
            return await own(self, method, *args, **kwargs)
        token = await _enter(kwargs.get("args"))
        try:
            return await observed(self, method, *args, **kwargs)
        finally:
            if token is not None:
                detach(token)

    module.UserCallableWrapper._call_func_or_gen = called


class RayServeInstrumentor(Instrumentor):
    """Follows the deployments of Ray Serve."""

    library = "Ray Serve"
    changes = {"ray.serve._private.replica": _replicas}  # noqa: RUF012 - is not changed
