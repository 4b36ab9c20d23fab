"""`/api/backups` and `/api/forget`: what only the owner of an instance may ask of it, proved by the secret in its note.

Both need the store that the instance has open, and so they run in it; the answer comes when they are done.
"""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.databases import chosen, databases, opened
from modelspan_analyzer.governance.forget import forget
from modelspan_analyzer.governance.subject import Subject
from modelspan_analyzer.web.access.visitors import actor_of, visitor_of
from modelspan_analyzer.web.asking import json_object, text, texts, truth
from modelspan_collector.service import Collector
from modelspan_collector.store.backup import backup
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import CollectorFiles


@dataclass(frozen=True, slots=True)
class Owned:
    """What the routes work on."""

    store: Store
    collector: Collector
    data: Path
    """The collector's folder."""
    secret: str
    erasing: threading.Lock = field(default_factory=threading.Lock)
    """One erasure waits for another: they share the names that are kept, and hold the same collector still."""


def owner_routes(owned: Owned) -> list[Route]:
    """The two routes; everyone but the owner gets 403."""
    return [
        Route("/api/backups", _route(owned, _backup), methods=["POST"]),
        Route("/api/forget", _route(owned, _forget), methods=["POST"]),
    ]


def _route(owned: Owned, act: Callable[[Owned, dict[str, Any]], dict[str, Any]]) -> Any:
    async def answer(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        asks = visitor_of(request)  # let in by the guard of the port, which knows the role
        if asks is None and not hmac.compare_digest(given.encode(), owned.secret.encode()):
            return JSONResponse({"error": "this is for the owner of the instance alone"}, status_code=403)
        asked = await json_object(request)
        asked["actor"] = actor_of(request, text(asked, "actor", ""))
        return JSONResponse(await run_in_threadpool(act, owned, asked))

    return answer


def _backup(owned: Owned, asked: dict[str, Any]) -> dict[str, Any]:
    folder = Path(text(asked, "folder"))
    if not folder.is_absolute():
        raise ValueError("the folder has to be an absolute path")
    names = chosen(owned.store, (text(asked, "database", owned.store.database),))
    with opened(owned.store, names) as (store,):
        manifest = backup(store, folder)
        audit.record_export(store, str(folder), manifest.rows, text(asked, "actor", ""))
    others = [name for name in databases(owned.store) if name not in names]
    return {"rows": manifest.rows, "files": len(manifest.files), "others": others}


def _forget(owned: Owned, asked: dict[str, Any]) -> dict[str, Any]:
    ids = frozenset(texts(asked, "prediction_ids"))
    tag, value, tenant = (text(asked, name, "") for name in ("tag", "value", "tenant"))
    subject = Subject(ids, tag, value, tenant, every_tenant=truth(asked, "every_tenant"))
    databases, actor = tuple(texts(asked, "databases")), text(asked, "actor", "")
    with owned.erasing:
        still = owned.collector.still()
        files = CollectorFiles(owned.data)
        return asdict(forget(owned.store, subject, files, databases=databases, actor=actor, still=still))
