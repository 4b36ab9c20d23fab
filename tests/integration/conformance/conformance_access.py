"""Table of accesses: how a sender reaches the store, and what that changes of its rows. A new one is one line here."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from conformance_data import Rows
from databases import Databases
from support import eventually

from modelspan_collector.access.redact import Redaction
from modelspan_collector.config import CollectorConfig
from modelspan_collector.forward.destination import Destination
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect

KEY = b"a key of the test"
MASK = r"555-\d+"
TENANT_DATABASE = "conformance_tenant"
RULES = Redaction(drop=("*email*",), hash=("zone",), mask=(MASK,), key=KEY)
TOKENS = f"plain-token\nacme-token tenant=acme\nown-token tenant=own database={TENANT_DATABASE}\n"


def _same(rows: Rows) -> Rows:
    return rows


def _of_tenant(name: str) -> Callable[[Rows], Rows]:
    return lambda rows: replace(rows, tags={**rows.tags, "tenant": (name,) * len(rows.score)})


def _redacted(rows: Rows) -> Rows:
    """What `RULES` leave: no e-mail addresses, digests of zones, no telephone numbers."""

    def digest(text: str | None) -> str:
        return hmac.new(KEY, str(text).encode(), hashlib.sha256).hexdigest()[:16]

    def masked(text: str | None) -> str:
        return re.sub(MASK, "***", str(text))

    numbers = {name: tuple(f"{one:g}" for one in rows.numeric[name]) for name in ("zone",) if name in rows.numeric}
    changed = {"zone": digest, "contact": masked}
    texts = {**rows.categorical, **numbers}  # a digest is a text, also of a number
    return replace(
        rows.without(*numbers),
        categorical={name: tuple(map(changed[name], c)) if name in changed else c for name, c in texts.items()},
        tags={name: column for name, column in rows.tags.items() if name != "email"},
    )


@dataclass(frozen=True)
class Access:
    """One way to be let in."""

    name: str
    collector: str
    """Which of the collectors is spoken to: `open`, `guarded` (with tokens) or `redacting`."""
    token: str = ""
    own_database: bool = False
    changes: Callable[[Rows], Rows] = _same
    """From the rows as they were sent to the rows as they are stored."""

    @property
    def headers(self) -> dict[str, str]:
        """What the sender adds to each request."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


ACCESSES = (
    Access("none", "open"),
    Access("token", "guarded", "plain-token"),
    Access("tenant as a tag", "guarded", "acme-token", changes=_of_tenant("acme")),
    Access("tenant with a database", "guarded", "own-token", own_database=True, changes=_of_tenant("own")),
    Access("redaction", "redacting", changes=_redacted),
)


@dataclass(frozen=True)
class Bench:
    """Running collectors over one store, and the database of the tenant that has its own."""

    store: Store
    tenant_store: Store
    elsewhere: Store
    """Where the first of two collectors in a row keeps its rows."""
    collectors: Mapping[str, Collector]
    data: Path
    sql: Mapping[str, SqlServer]
    """ClickHouse's HTTP protocol on each database."""
    relays: dict[str, Collector] = field(default_factory=dict)
    """Collectors that forward to one of the others, by the access that they use."""

    def reading(self, access: Access) -> Store:
        """The store in which a sender's rows have to be."""
        return self.tenant_store if access.own_database else self.store

    def collector(self, access: Access) -> Collector:
        """The collector that a sender speaks to."""
        return self.collectors[access.collector]

    def flush(self) -> None:
        """All that was sent is in the tables, by way of a relay too, whose own flush does not wait for its queue."""
        for collector in self.relays.values():
            collector.flush()
        eventually(lambda: not any(map(_waiting, self.relays.values())), "relays sent everything on")
        for collector in self.collectors.values():
            collector.flush()


def _waiting(relay: Collector) -> float:
    """Bytes that wait for the collectors that a relay forwards to."""
    return sum(
        sample.value
        for metric in relay.registry.collect()
        for sample in metric.samples
        if sample.name == "modelspan_collector_forward_queue_bytes"
    )


def collecting(store: Store, data: Path, **settings: Any) -> Collector:
    """A collector on free ports."""
    return Collector(store, CollectorConfig(data, grpc_port=0, http_port=0, segment_seconds=2.0, **settings))


@contextmanager
def benches(databases: Databases, data: Path) -> Iterator[Bench]:
    """The collectors of all accesses, started."""
    (data / "tokens.txt").write_text(TOKENS)
    with ExitStack() as stack:
        store, elsewhere = (stack.enter_context(databases.one()) for _ in range(2))
        own = connect(store.dsn, TENANT_DATABASE)
        schema.apply(own)
        stack.callback(own.close)
        stack.callback(own.command, f"DROP DATABASE {TENANT_DATABASE}")
        collectors = {
            "open": collecting(store, data / "open"),
            "guarded": collecting(store, data / "guarded", tokens=data / "tokens.txt"),
            "redacting": collecting(store, data / "redacting", redaction=RULES),
        }
        for collector in collectors.values():
            collector.start()
            stack.callback(collector.stop)
        sql = {each.database: SqlServer(each, "127.0.0.1", 0) for each in (store, own)}
        for server in sql.values():
            server.start()
            stack.callback(server.stop)
        bench = Bench(store, own, elsewhere, collectors, data, sql)
        for access in ACCESSES:
            url = f"http://127.0.0.1:{bench.collector(access).http_port}"
            onwards = Destination(url, headers=tuple(access.headers.items()))
            relay = collecting(elsewhere, data / f"relay {access.name}", forward=(onwards,))
            relay.start()
            stack.callback(relay.stop)
            bench.relays[access.name] = relay
        yield bench
