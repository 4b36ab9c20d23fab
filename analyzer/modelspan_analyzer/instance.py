"""One running modelspan: store, collector, SQL endpoint, analyzer and web pages in one process.

The folder of an instance holds the embedded store, the collector's log, and `instance.json`, by which the
command line finds the ports of the process that owns the folder.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from starlette.applications import Starlette

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import load as load_monitors
from modelspan_analyzer.reading import abandoned
from modelspan_analyzer.reports.reporter import Reporter
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner.runner import Runner
from modelspan_analyzer.tenants import Tenants
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.app import build as build_web
from modelspan_analyzer.web.config import WebConfig
from modelspan_analyzer.web.owner import Owned
from modelspan_analyzer.web.port import OfBound, check_safe, web_server
from modelspan_collector.access.tokens import Tokens
from modelspan_collector.config import CollectorConfig
from modelspan_collector.running import (
    COLLECTOR_FOLDER,
    INSTANCE_FILE,
    LOOPBACK,
    SQL_PORT,
    WEB_PORT,
    Ports,
    Running,
    announce,
    embedded_dsn,
    web_address,
)
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.sqlhttp.server import SqlServer
from modelspan_collector.store import schema
from modelspan_collector.store.connect import Store, connect
from modelspan_collector.store.housekeeping import HouseKeeper


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """What `modelspan up` was asked to run."""

    data: Path
    dsn: str = ""
    """Empty for the embedded store in the data folder, else the DSN of a ClickHouse server."""
    collector: CollectorConfig | None = None
    """How the collector listens and keeps; its defaults, in the data folder, if not given."""
    sql_port: int = SQL_PORT
    """ClickHouse's HTTP protocol, on loopback; 0 takes a free port."""
    web_port: int = WEB_PORT
    """Pages, the JSON interface, metrics and health; 0 takes a free port."""
    web: WebConfig = field(default_factory=WebConfig)
    """Where that port listens, and whom it lets in."""
    disk_budget: int = 0
    """Bytes that the embedded store may take before its oldest partitions go; 0 for no budget."""
    monitors: Path | None = None
    analyze: bool = True
    """False to leave the schedule out, as `replay` does, which runs the monitors itself."""


def _sql(store: Store, port: int, hosts: tuple[str, ...]) -> SqlServer | None:
    """The SQL endpoint; clients of a ClickHouse server talk to that server."""
    return SqlServer(store, LOOPBACK, port, hosts=hosts) if store.embedded else None


def _linked(monitors: MonitorsConfig, config: InstanceConfig, hosts: tuple[str, ...]) -> MonitorsConfig:
    """With links to the own pages, where no other address is given and the port is known before the start.

    Not for tenants' own databases, whose incidents these pages do not show.
    """
    if monitors.alerts.web or not config.web_port:
        return monitors
    address = web_address(hosts[0] if hosts else config.web.host, config.web_port, tls=config.web.tls is not None)
    return monitors.model_copy(update={"alerts": monitors.alerts.model_copy(update={"web": address})})


class Instance:
    """Owns the parts, starts them in the order of the data's way, and stops them in reverse."""

    def __init__(self, config: InstanceConfig) -> None:
        check_safe(config.web)
        self.config = config
        config.data.mkdir(parents=True, exist_ok=True)
        told = load_monitors(config.monitors) if config.monitors else MonitorsConfig()
        self.store: Store = connect(config.dsn or embedded_dsn(config.data))
        schema.apply(self.store)
        abandoned.clear(self.store)
        collecting = config.collector or CollectorConfig(config.data / COLLECTOR_FOLDER)
        monitors = _linked(told, config, collecting.hosts)
        self._collecting = collecting
        self.collector = Collector(self.store, collecting)
        self._responder = Responder(self.store, monitors)
        self.runner = Runner(self.store, monitors, respond=self._responder if config.analyze else None)
        self._reporter = Reporter(self.store, monitors, rules=collecting.redaction)
        self._tenants = (
            Tenants(self.store.dsn, Tokens(collecting.tokens), told, collecting.redaction) if config.analyze else None
        )
        self._sql = _sql(self.store, config.sql_port, collecting.hosts)
        self._secret = secrets.token_urlsafe()
        self._bound = OfBound(self.store, partial(self._application, monitors, told))
        owned = Owned(self.store, self.collector, collecting.data, self._secret)
        self._web = self._web_server(monitors, owned, collecting.hosts)
        self._keeper = HouseKeeper(self.store, config.disk_budget) if self.store.embedded else None

    def _web_server(self, monitors: MonitorsConfig, owned: Owned, hosts: tuple[str, ...]) -> AsgiServer:
        def application(desk: Desk | None) -> Starlette:
            return build_web(self.store, self.collector, monitors, owned, desk)

        config, secret = self.config, self._secret
        return web_server(config.web, config.web_port, application, self._bound, secret=secret, hosts=hosts)

    def _application(self, own: MonitorsConfig, told: MonitorsConfig, store: Store) -> Starlette:
        """Over what a token is bound to; of another database the pages of this port are not linked."""
        return build_web(store, self.collector, own if store.database == self.store.database else told)

    @property
    def ports(self) -> Ports:
        """The ports in use, once started."""
        sql = self._sql.port if self._sql else 0
        return Ports(grpc=self.collector.grpc_port, http=self.collector.http_port, sql=sql, web=self._web.port)

    def start(self) -> None:
        """Start every part; on return all ports answer."""
        if self._sql:
            self._sql.start()
        self.collector.start()
        self._web.start()
        if self._keeper:
            self._keeper.start()
        if self.config.analyze:
            self.runner.start()
            self._responder.start()
            self._reporter.start()
        if self._tenants:
            self._tenants.start()
        web, gate = self.config.web, self._collecting
        shown, otlp = (str(tls.certificate.resolve()) if tls is not None else "" for tls in (web.tls, gate.tls))
        tokens = str(gate.tokens.resolve()) if gate.tokens is not None else ""
        owner = (os.getpid(), LOOPBACK, self.config.dsn, self.ports, self._secret)
        rules = gate.redaction.as_note() if gate.redaction.active else {}
        told = Running(*owner, web.host, shown, otlp_certificate=otlp, tokens=tokens, redaction=rules)
        announce(self.config.data, told)

    def stop(self) -> None:
        """Stop taking data, bring all that was acknowledged into the tables, and close."""
        (self.config.data / INSTANCE_FILE).unlink(missing_ok=True)
        self.collector.stop()  # first, as a monitor that runs may take its time
        if self._tenants:
            self._tenants.stop()
        self.runner.stop()
        self._responder.stop()
        self._reporter.stop()
        if self._keeper:
            self._keeper.stop()
        self._web.stop()
        self._bound.close()
        if self._sql:
            self._sql.stop()
        self.store.close()
