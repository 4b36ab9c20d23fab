"""BentoML: methods under `bentoml.api`, with the arguments that a request was read as; streams are no predictions."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from opentelemetry.context import Context, attach, detach

from modelspan._failsafe import guard
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named_by_its_server
from modelspan.follow.outermost import Reading, followed, not_followed

_SCALARS = (str, bool, int, float, type(None))


def _features(api: Any, told: inspect.Signature, *args: Any, **kwargs: Any) -> Any:
    """The arguments by name; an only one that is a row or a table is that."""
    _service, *given = told.bind(*args, **kwargs).arguments.items()
    row = {name: value for name, value in given if name != api.ctx_param}
    (single, *more) = row.values() or (None,)
    return row if more or isinstance(single, _SCALARS) else single


def _options(api: Any, told: inspect.Signature, service: Any) -> Options:
    from bentoml._internal.context import server_context  # type: ignore[import-not-found]  # it calls this

    version = server_context.bento_version
    named = named_by_its_server(
        service, server_context.service_name or "", "" if version == _NOT_BUILT else str(version)
    )
    return Options(**named, features=functools.partial(_features, api, told))


_NOT_BUILT = "not available"
"""What BentoML says for the version of a service that is served from its sources."""


def _apart(method: Any) -> Any:
    """A method that answers several requests at once: it runs where the first of them was, whose trace it is not in."""

    @functools.wraps(method)
    def called(*args: Any, **kwargs: Any) -> Any:
        token = attach(Context())
        try:
            return method(*args, **kwargs)
        finally:
            detach(token)

    @functools.wraps(method)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        token = attach(Context())
        try:
            return await method(*args, **kwargs)
        finally:
            detach(token)

    return awaited if inspect.iscoroutinefunction(method) else called


def _methods(module: Any) -> None:
    own = module.APIMethod.__attrs_post_init__

    @functools.wraps(own)
    def made(api: Any) -> None:
        own(api)
        if api.is_stream:
            not_followed(f"the stream {api.name!r} is not followed; modelspan.observe under bentoml.api takes it")
            return
        with guard("a method of a BentoML service cannot be followed"):
            told = inspect.signature(api.func)
            observed = followed(api.func, Reading(functools.partial(_options, api, told)))
            api.func = _apart(observed) if api.batchable else observed

    module.APIMethod.__attrs_post_init__ = made


class BentoMLInstrumentor(Instrumentor):
    """Follows the methods of services."""

    library = "BentoML"
    changes = {"_bentoml_sdk.method": _methods}  # noqa: RUF012 - is not changed
