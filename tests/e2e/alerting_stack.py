"""Prometheus and Alertmanager as processes of a test's own, on free ports of the loopback interface."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support import eventually

PROMETHEUS = """
global: {{scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 1s}}
rule_files: [{rules}]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{alertmanager}"]}}]}}]}}
scrape_configs:
- job_name: modelspan
  metrics_path: /metrics
  static_configs: [{{targets: ["127.0.0.1:{metrics}"]}}]
"""
ALERTMANAGER = """
route:
  receiver: hook
  group_by: [model, incident]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: 1h
  routes: [{{receiver: nobody, matchers: ['severity="none"']}}]
receivers:
- name: nobody
- name: hook
  webhook_configs: [{{url: "http://127.0.0.1:{hook}/", send_resolved: true}}]
"""


@dataclass
class Stack:
    """Where the two listen, and what the receiver heard."""

    prometheus: str
    alertmanager: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Alerts of a name that Alertmanager holds now."""
        return [alert for alert in get(f"{self.alertmanager}/api/v2/alerts") if alert["labels"]["alertname"] == name]

    def notified(self, name: str) -> list[dict[str, Any]]:
        """Every alert of a name that the receiver was sent, one entry a message."""
        return [alert for message in self.heard for alert in message["alerts"] if alert["labels"]["alertname"] == name]

    def silence(self, label: str, value: str) -> None:
        """Silence what carries a label."""
        stamp = "%Y-%m-%dT%H:%M:%SZ"
        body = {
            "matchers": [{"name": label, "value": value, "isRegex": False, "isEqual": True}],
            "startsAt": time.strftime(stamp, time.gmtime(time.time() - 60)),
            "endsAt": time.strftime(stamp, time.gmtime(time.time() + 3600)),
            "createdBy": "test",
            "comment": "test",
        }
        post(f"{self.alertmanager}/api/v2/silences", body)


def installed() -> bool:
    """Whether Debian's packages are here."""
    return all(shutil.which(program) for program in ("prometheus", "prometheus-alertmanager", "promtool"))


@contextmanager
def running(folder: Path, rules: str, metrics_port: int) -> Iterator[Stack]:
    """Both, scraping one target, with a receiver that keeps what it is sent."""
    ports = free_ports(2)
    stack = Stack(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}")
    hook = _receiver(stack.heard)
    (folder / "rules.yaml").write_text(rules)
    settings = {
        "rules": folder / "rules.yaml",
        "alertmanager": ports[1],
        "metrics": metrics_port,
        "hook": hook.server_port,
    }
    (folder / "prometheus.yaml").write_text(PROMETHEUS.format(**settings))
    (folder / "alertmanager.yaml").write_text(ALERTMANAGER.format(**settings))
    commands = [
        ["prometheus-alertmanager", f"--config.file={folder}/alertmanager.yaml", f"--storage.path={folder}/held",
         f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address="],
        ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/prometheus",
         f"--web.listen-address=127.0.0.1:{ports[0]}"],
    ]  # fmt: skip
    with (folder / "log").open("wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
        try:
            for url in (stack.alertmanager, stack.prometheus):
                eventually(lambda url=url: _ready(url), f"{url} answers; {folder}/log says why not")
            yield stack
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait(20)
            hook.shutdown()
            hook.server_close()


def get(url: str) -> Any:
    """The JSON at an address."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def post(url: str, body: Any) -> None:
    """Post JSON."""
    headers = {"Content-Type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers), timeout=10).close()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _ready(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/-/ready", timeout=2).close()
    except OSError:
        return False
    return True


def _receiver(heard: list[dict[str, Any]]) -> ThreadingHTTPServer:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
