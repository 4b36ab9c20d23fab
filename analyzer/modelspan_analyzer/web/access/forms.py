"""Forms of the pages: bounded, and taken only from a page of our own, which has the token that only it could read."""

from __future__ import annotations

import hmac
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from modelspan_analyzer.web.access.sessions import FORM_FIELD, form_token
from modelspan_analyzer.web.asking import AskedWrongError

_TYPE: Final = "application/x-www-form-urlencoded"
_MOST_BYTES: Final = 64 * 1024
_MOST_FIELDS: Final = 50


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form of ours.

    Raises:
        AskedWrongError: it is no form, too large, or not one that this session was given.
    """
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _TYPE:
        raise AskedWrongError(f"post {_TYPE}, as the form does", 415)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise AskedWrongError(f"the form is larger than {_MOST_BYTES} bytes", 413)
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise AskedWrongError("the form cannot be read") from None
    given = dict(pairs)
    told = given.pop(FORM_FIELD, "").encode("utf-8", "replace")
    if not hmac.compare_digest(told, form_token(request).encode()):
        raise AskedWrongError("the form is of an earlier session: load its page again, and send it from there", 403)
    return given
