"""Who may do what on the web port: tokens with roles, sessions of browsers, tenants, and where it listens."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from support import eventually

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.instance import Instance, InstanceConfig
from modelspan_analyzer.web.access import guesses
from modelspan_analyzer.web.access.desk import Desk
from modelspan_analyzer.web.access.guard import Guard
from modelspan_analyzer.web.access.roles import MAY, Role
from modelspan_analyzer.web.access.visitors import Visitors, parse
from modelspan_analyzer.web.app import build
from modelspan_analyzer.web.config import WebConfig
from modelspan_analyzer.web.owner import Owned
from modelspan_analyzer.web.port import OfBound, UnsafeWebError
from modelspan_cli.main import main
from modelspan_collector.access.tls import Tls
from modelspan_collector.access.token_file import TokenFileError
from modelspan_collector.config import CollectorConfig
from modelspan_collector.serve import AsgiServer
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store

TOKENS = {role.word: f"a-long-{role.word}-token" for role in Role} | {"nobody": "", "stranger": "a-wrong-token-of-16"}
SECRET = "the secret of the owner's note"
BROWSER = {"accept": "text/html"}
MOST_GUESSES = 10


@dataclass
class Port:
    """A guarded port, and what stands behind it."""

    url: str
    app: Starlette
    store: Store
    tenant: Store
    tokens: Path

    def client(self, role: str = "") -> httpx.Client:
        """Asks with the token of a role, or with none."""
        token = TOKENS.get(role, role)
        headers = {"authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.url, timeout=60, headers=headers)


def put(store: Store, model: str) -> None:
    stamp = pa.array([0], pa.timestamp("ns", "UTC"))
    row = {"model": [model], "version": ["1"], "prediction_id": [f"of {model}"], "timestamp": stamp}
    store.insert("predictions", pa.table(row))


def lines(tenant: Store) -> str:
    listed = [f"{TOKENS[role.word]} role={role.word} name=the-{role.word}" for role in Role]
    listed += [
        f"acme-token-of-its-own role=admin tenant=acme database={tenant.database}",
        "globex-without-its-own role=admin tenant=globex",
        "a-token-out-of-date role=admin expires=2020-01-01",
    ]
    return "\n".join(listed)


@pytest.fixture(scope="module")
def port(databases: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Port]:
    """The whole application behind its guard, and a tenant's database beside it."""
    data = tmp_path_factory.mktemp("access")
    with databases.one() as store, databases.one() as tenant, pytest.MonkeyPatch.context() as patch:
        patch.setattr(guesses, "MOST", 10**6)  # one test sets its own
        put(store, "ours")
        put(tenant, "of-acme")
        tokens = data / "tokens"
        tokens.write_text(lines(tenant))
        collector = Collector(store, CollectorConfig(data / "collector", grpc_port=0, http_port=0))
        collector.start()
        desk = Desk(Visitors(tokens, SECRET))
        app = build(store, collector, MonitorsConfig(), Owned(store, collector, data, SECRET), desk)
        others = OfBound(store, lambda other: build(other, collector, MonitorsConfig()))
        server = AsgiServer(Guard(app, desk, others), "127.0.0.1", 0)
        server.start()
        yield Port(f"http://127.0.0.1:{server.port}", app, store, tenant, tokens)
        server.stop()
        others.close()
        collector.stop()


def doors(app: Starlette) -> list[tuple[str, str]]:
    routes = [route for route in app.routes if isinstance(route, Route)]
    return [(method, route.path) for route in routes for method in sorted(route.methods or ()) if method != "HEAD"]


def test_every_route_has_its_rule(port: Port) -> None:
    """A route that the table of roles does not name is closed to all but admins, and named here."""
    assert [f"{method} {path}" for method, path in doors(port.app) if f"{method} {path}" not in MAY] == []


@pytest.mark.parametrize("who", TOKENS)
def test_each_role_may_do_what_the_table_says_and_nothing_else(port: Port, who: str) -> None:
    """Every route is asked with every role: 401 to who is nobody, 403 to who may not, its own answer to who may."""
    role = next((role for role in Role if role.word == who), None)
    with port.client(who) as client:
        for method, path in doors(port.app):
            least = MAY[f"{method} {path}"].least
            address = path.replace("{incident_id}", "x").replace("{name}", "icon.svg")
            answer = client.request(method, address)
            refused = (answer.status_code, "token" in answer.text)
            if least is None or (role is not None and role >= least):
                assert refused not in ((401, True), (403, True)), (method, path, answer.text)
            else:
                assert refused == (401 if role is None else 403, True), (method, path, answer.text)
            assert answer.status_code < 500, (method, path, answer.text)


def test_what_is_not_there_is_told_to_nobody_who_is_not_known(port: Port) -> None:
    """Paths cannot be tried out from outside, and other methods are no way around a rule."""
    with port.client() as client:
        for method, path in (("GET", "/nothing"), ("DELETE", "/api/incidents"), ("HEAD", "/metrics"), ("GET", "//api")):
            assert client.request(method, path).status_code == 401, path
    with port.client("viewer") as client:
        assert client.head("/api/models").status_code == 200


def test_who_may_look_is_told_what_is_not_there(port: Port) -> None:
    """A slip of the pen is no question of roles; a person is not shown the addresses of programs."""
    with port.client("viewer") as client:
        assert (client.get("/nothing").status_code, client.get("/api/backups").status_code) == (404, 405)
        assert "/api/models" in client.get("/nothing").text
        page = client.get("/nothing", headers=BROWSER).text
        assert ("There is nothing at" in page, "/api/" in page) == (True, False)


def test_every_answer_is_sealed(port: Port) -> None:
    """Whoever asks, whatever is answered: no type is guessed, no other site frames it, nothing is kept on the way."""
    for who in ("nobody", "viewer", "admin"):
        with port.client(who) as client:
            for method, path in [*doors(port.app), ("GET", "/nothing"), ("DELETE", "/model")]:
                headers = client.request(method, path.replace("{name}", "icon.svg")).headers
                assert headers["x-content-type-options"] == "nosniff", path
                assert "frame-ancestors 'none'" in headers["content-security-policy"], path
                assert "no-store" in headers["cache-control"] or path.startswith("/static/"), path


def form(page: httpx.Response) -> str:
    found = re.search(r'name="form_token" value="(\w+)"', page.text)
    assert found, page.text
    return found[1]


def log_in(client: httpx.Client, token: str, onward: str = "/") -> httpx.Response:
    page = client.get("/login", params={"next": onward}, headers=BROWSER)
    given = {"token": token, "next": onward, "form_token": form(page)}
    return client.post("/login", data=given, headers=BROWSER)


def test_a_browser_is_led_to_the_login_and_back_to_where_it_was_going(port: Port) -> None:
    """With a cookie that no script reads, that no other site makes it send, and that it gives back."""
    with port.client() as client:
        led = client.get("/?q=a%26b", headers=BROWSER)
        assert (led.status_code, led.headers["location"]) == (303, "/login?next=%2F%3Fq%3Da%2526b")
        entered = log_in(client, TOKENS["viewer"], "/?q=a%26b")
        assert (entered.status_code, entered.headers["location"]) == (303, "/?q=a%26b")
        cookie = entered.headers["set-cookie"].lower()
        assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
        assert TOKENS["viewer"] not in cookie
        page = client.get("/", headers=BROWSER)
        assert page.status_code == 200
        assert "the-viewer" in page.text
        left = client.post("/logout", data={"form_token": form(page)}, headers=BROWSER)
        assert left.status_code == 303
        assert client.get("/", headers=BROWSER).status_code == 303


def test_a_person_who_may_not_see_a_page_is_told_so_on_a_page(port: Port) -> None:
    """Which the session stays open for; a program gets an object."""
    with port.client() as client:
        log_in(client, TOKENS["viewer"])
        told = client.get("/sql?query=SELECT+1", headers=BROWSER)
        assert (told.status_code, told.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert "This is for the role operator" in told.text
        assert client.get("/sql.json", headers=BROWSER).json()["error"].startswith("this is for the role operator")


def test_nobody_is_led_to_what_they_may_not_open(port: Port) -> None:
    """Who is not known yet sees no navigation, a viewer none of what is for operators."""
    places = ('href="/sql', 'href="/incidents"', 'value="noise"')
    with port.client() as client:
        login = client.get("/login", headers=BROWSER).text
        assert [place in login for place in (*places, 'href="/metrics"')] == [False] * 4
        log_in(client, TOKENS["viewer"])
        assert [place in client.get("/", headers=BROWSER).text for place in places] == [False, True, False]
        log_in(client, TOKENS["operator"])
        assert [place in client.get("/", headers=BROWSER).text for place in places[:2]] == [True, True]


@pytest.mark.parametrize(
    "onward",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\r\nx: y", "x", "", "/login?next=%2F", "/logout"],
)
def test_a_login_leads_to_no_other_site_and_not_out_again(port: Port, onward: str) -> None:
    """The address to go on to is a page of this port."""
    with port.client() as client:
        assert log_in(client, TOKENS["viewer"], onward).headers["location"] == "/"


def test_a_form_of_another_session_is_refused(port: Port) -> None:
    """Proof of the form is bound to the session: one that an attacker was given is not another's."""
    with port.client() as attacker, port.client() as victim:
        theirs = form(attacker.get("/login", headers=BROWSER))
        log_in(victim, TOKENS["operator"])
        answer = victim.post("/logout", data={"form_token": theirs}, headers=BROWSER)
        assert (answer.status_code, "earlier session" in answer.text) == (403, True)
        assert victim.post("/logout", data={"x": "y"}).status_code == 403
        assert victim.post("/login", json={}).status_code == 415
        assert victim.get("/api/models").status_code == 200


def test_a_session_is_no_token_for_programs_that_change_something(port: Port) -> None:
    """What a browser sends by itself changes nothing through the interface for programs."""
    with port.client() as client:
        log_in(client, TOKENS["admin"])
        answer = client.post("/api/forget", json={"prediction_ids": ["x"]})
        assert (answer.status_code, "authorization: Bearer" in answer.text) == (403, True)


def test_a_session_ends_with_its_token(port: Port) -> None:
    """A token that is taken out of the file opens nothing any more, not by a session either."""
    kept = port.tokens.read_text()
    with port.client() as client:
        log_in(client, TOKENS["viewer"])
        assert client.get("/api/models").status_code == 200
        port.tokens.write_text("\n".join(line for line in kept.splitlines() if "role=viewer" not in line))
        eventually(lambda: client.get("/api/models").status_code == 401, "the token is gone")
        port.tokens.write_text(kept)
        eventually(lambda: client.get("/api/models").status_code == 200, "the token is back")


def test_wrong_tokens_make_an_address_wait(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some guesses not even the right token is looked at, in a header or a form; open sessions go on."""
    monkeypatch.setattr(guesses, "MOST", MOST_GUESSES)
    proxied = {"x-forwarded-for": "203.0.113.9"}
    with port.client() as guessing, port.client() as known:
        known.headers.update({"x-forwarded-for": "203.0.113.10"})
        log_in(known, TOKENS["viewer"])
        for number in range(MOST_GUESSES):
            headers = {"authorization": f"Bearer guess-number-{number:08}", **proxied}
            assert guessing.get("/api/models", headers=headers).status_code == 401
        right = {"authorization": f"Bearer {TOKENS['admin']}", **proxied}
        held = guessing.get("/api/models", headers=right)
        assert (held.status_code, 0 < int(held.headers["retry-after"]) <= 60) == (429, True)
        page = guessing.get("/", headers={**right, **BROWSER})
        assert (page.status_code, page.headers["content-type"][:9], "retry-after" in page.headers) == (
            429,
            "text/html",
            True,
        )
        assert "too many wrong tokens" in page.text.lower()
        guessing.headers.update(proxied)
        assert log_in(guessing, TOKENS["admin"]).status_code == 429
        assert known.get("/api/models", headers=proxied).status_code == 200
        assert known.get("/api/models", headers={"authorization": f"Bearer {TOKENS['admin']}"}).status_code == 200


def test_a_tenant_with_a_database_sees_its_own_alone(port: Port) -> None:
    """Pages and interface are over its database; what tells of the whole instance is refused."""
    with port.client("acme-token-of-its-own") as acme, port.client("admin") as ours:
        assert [one["model"] for one in acme.get("/api/models").json()] == ["of-acme"]
        assert [one["model"] for one in ours.get("/api/models").json()] == ["ours"]
        assert "of-acme" in acme.get("/", headers=BROWSER).text
        labels = {"content": b"prediction_id,label\nx,1\n", "headers": {"content-type": "text/csv"}}
        assert acme.post("/api/labels", **labels).status_code == 201
        counts = [store.scalar("SELECT count() FROM labels") for store in (port.tenant, port.store)]
        assert counts == [1, 0]
        for method, path in (("GET", "/metrics"), ("POST", "/api/forget"), ("POST", "/api/backups")):
            answer = acme.request(method, path, headers={"content-type": "application/json"})
            assert (answer.status_code, "whole instance" in answer.text) == (403, True), path


def test_a_tenant_without_a_database_is_refused_with_a_sentence(port: Port) -> None:
    """Results and incidents are of all tenants of a database together: none of them is shown as one's own."""
    with port.client("globex-without-its-own") as client:
        for method, path in doors(port.app):
            if MAY[f"{method} {path}"].least is not None:
                answer = client.request(method, path.replace("{incident_id}", "x"))
                assert (answer.status_code, "database of its own" in answer.text) == (403, True), path


def test_tokens_out_of_date_are_refused(port: Port) -> None:
    """An expired token is as one that nobody has."""
    with port.client("a-token-out-of-date") as client:
        assert client.get("/api/models").status_code == 401


def test_the_owners_own_commands_need_no_token(port: Port) -> None:
    """The secret of the note is the owner's proof, for all that an admin may."""
    with port.client(SECRET) as client:
        assert client.get("/api/models").status_code == 200
        assert client.post("/api/forget", json={}).status_code == 400
        misspelt = client.post("/api/forget", json={"prediction_ids": ["x" * 12], "database": ["acme"]})
        assert (misspelt.status_code, "does not know 'database'" in misspelt.text) == (400, True)


def test_who_did_it_is_the_name_of_the_token(port: Port) -> None:
    """Not what its sender says of itself."""
    labels = {"content": b"prediction_id,label\nx,1\n", "headers": {"content-type": "text/csv"}}
    with port.client("operator") as client:
        assert client.post("/api/labels", params={"actor": "somebody else"}, **labels).status_code == 201
    told = port.store.rows("SELECT DISTINCT actor FROM audit_log WHERE action = 'labels loaded'")
    assert told == [{"actor": "the-operator"}]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("short role=viewer", "could be guessed"),
        ("a-token-long-enough role=boss", "no role 'boss'"),
        ("a-token-long-enough rolle=viewer", "rolle"),
        ("a-token-long-enough viewer", "line 1"),
        ("a-token-long-enough database=a`b", "line 1"),
        ("sha256:xyz", "line 1"),
    ],
)
def test_a_file_of_tokens_that_cannot_be_meant_is_refused(line: str, told: str) -> None:
    """By its line, before the port opens; no message has the token."""
    with pytest.raises(TokenFileError, match=told) as raised:
        parse(line)
    assert "a-token-long-enough" not in str(raised.value)


def test_a_token_looks_and_does_no_more_unless_it_says_so() -> None:
    """The role that needs no words is the least one."""
    assert [visitor.role for visitor in parse("a-token-long-enough\n").values()] == [Role.VIEWER]


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """A certificate that nobody signed."""
    folder = tmp_path_factory.mktemp("tls")
    made = Tls(folder / "cert.pem", folder / "key.pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=elsewhere"]
    files = ["-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return made


def instance(engine_dsn: str, data: Path, web: WebConfig) -> Instance:
    collector = CollectorConfig(data / "collector", grpc_port=0, http_port=0)
    return Instance(InstanceConfig(data, engine_dsn, collector, sql_port=0, web_port=0, web=web, analyze=False))


@pytest.mark.parametrize("missing", ["both", "tls", "tokens"])
def test_beyond_loopback_only_with_tokens_and_tls(engine_dsn: str, tmp_path: Path, tls: Tls, missing: str) -> None:
    """Or because somebody said so."""
    tokens = tmp_path / "tokens"
    tokens.write_text("a-token-long-enough")
    web = WebConfig("0.0.0.0", None if missing != "tokens" else tls, None if missing != "tls" else tokens)
    assert web.unsafe
    with pytest.raises(UnsafeWebError, match="--web-insecure"):
        instance(engine_dsn, tmp_path / "data", web)
    assert not WebConfig("0.0.0.0", tls, tokens).unsafe
    assert not WebConfig("0.0.0.0", insecure=True).unsafe


def test_commands_reach_their_instance_through_its_tls_and_tokens(
    engine_dsn: str, tmp_path: Path, tls: Tls, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the note: the very certificate and the secret of the owner; a browser keeps its cookie for TLS alone."""
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{TOKENS['viewer']} role=viewer")
    running = instance(engine_dsn, tmp_path / "data", WebConfig("0.0.0.0", tls, tokens))
    running.start()
    try:
        stamp = "1970-01-02T00:00:00"
        (tmp_path / "labels.csv").write_text(f"prediction_id,label,at\nx,1,{stamp}\n")
        given = ["labels", str(tmp_path / "labels.csv"), "--label", "label", "--data", str(tmp_path / "data")]
        assert main([*given, "--id", "prediction_id"]) == 0, capsys.readouterr().err
        url = f"https://127.0.0.1:{running.ports.web}"
        with httpx.Client(base_url=url, verify=False, timeout=60) as client:
            entered = log_in(client, TOKENS["viewer"])
            assert entered.headers["set-cookie"].startswith("__Host-modelspan-")
            assert "secure" in entered.headers["set-cookie"].lower()
            assert client.get("/api/models").status_code == 200
    finally:
        running.store.command("DROP DATABASE modelspan")
        running.stop()
