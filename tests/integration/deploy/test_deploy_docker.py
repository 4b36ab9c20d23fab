"""Images and the compose file: nothing runs as root, and every path, port, command and variable is a real one."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import deploying
import pytest
import yaml
from deploying import DEPLOY, ROOT
from support import need

from modelspan_analyzer.monitors_yaml import load

TARGETS = ("collector", "analyzer", "all-in-one")
OWN_FLAGS = {"collector": ["--insecure", "--store=chdb:///x"], "analyzer": ["--store=chdb:///x"], "all-in-one": []}


def test_images_are_built_on_a_pinned_major_version_or_on_each_other() -> None:
    """No `latest`; without a target, Docker builds the whole thing."""
    stages: list[str] = []
    for one in deploying.dockerfile():
        if one.word == "FROM":
            base, _, name = one.rest.split()
            assert base in stages or re.search(r":\d+(\.\d+)*", base), base
            stages.append(name)
    assert stages[-1] == "all-in-one"
    assert set(TARGETS) < set(stages)


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_runs_the_real_command_as_nobody_in_particular(target: str, tmp_path: Path) -> None:
    """A user by number that is not root; the ports that it exposes are those that the command listens on."""
    user, _, group = deploying.last(target, "USER").partition(":")
    assert int(user) >= 10000 <= int(group)
    assert deploying.exec_form(deploying.last(target, "ENTRYPOINT")) == ["modelspan"]
    given = deploying.exec_form(deploying.last(target, "CMD"))
    args = deploying.parsed([*given, *OWN_FLAGS[target]], tmp_path)
    names = ("grpc_port", "http_port", "web_port", "metrics_port")
    ports = {getattr(args, name) for name in names if hasattr(args, name)}
    assert set(map(int, deploying.last(target, "EXPOSE").split())) == ports
    probed = re.search(r"127\.0\.0\.1:(\d+)/healthz", deploying.last(target, "HEALTHCHECK"))
    assert probed
    assert int(probed[1]) in ports


def test_what_is_copied_exists_and_is_let_into_the_build() -> None:
    """The packages of the wheel, and what its metadata names; extras are those of the project."""
    ignored = (DEPLOY / "docker" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = [
        path
        for one in deploying.dockerfile()
        if one.word == "COPY" and not one.rest.startswith("--from")
        for path in one.rest.split()[:-1]
    ]
    assert all((ROOT / path).exists() and f"!{path}" in ignored for path in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert {path.split("/")[0] for path in packages} < set(copied)
    assert {project["project"]["readme"], *project["project"]["license-files"]} < set(copied)
    extras = re.findall(r"'\.\[([\w,]+)\]'", (DEPLOY / "docker" / "Dockerfile").read_text())
    assert extras
    assert {name for one in extras for name in one.split(",")} <= set(project["project"]["optional-dependencies"])


def test_the_compose_file_is_one_of_the_specification() -> None:
    """By a parser of the specification, which refuses what it does not know."""
    read = need("compose_spec").PyCompose.from_yaml
    told = deploying.compose()
    assert set(read(yaml.safe_dump(told)).service_names()) == set(told["services"])
    told["services"]["jaeger"]["imagee"] = "a slip"
    with pytest.raises(ValueError, match="imagee"):
        read(yaml.safe_dump(told))


def test_what_the_compose_file_names_exists(tmp_path: Path) -> None:
    """Files, volumes, secrets and services; images of a version; modelspan's command by the real parser."""
    told = deploying.compose()
    services = told["services"]
    for name, service in services.items():
        if "build" not in service:
            assert re.search(r":v?\d+\.\d+", service["image"]), service["image"]
        if name != "clickhouse":  # writes its settings into its own /etc at the start
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            assert (DEPLOY / "docker" / source).exists() if source.startswith(".") else source in told["volumes"], mount
        assert set(service.get("secrets", ())) <= set(told["secrets"])
        assert set(service.get("depends_on", ())) <= set(services)
        assert service.get("network_mode", "service:clickhouse").removeprefix("service:") in services
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    build = services["modelspan"]["build"]
    assert (DEPLOY / "docker" / build["context"]).resolve() == ROOT
    assert build["target"] in TARGETS
    args = deploying.parsed(services["modelspan"]["command"], tmp_path)
    published = {int(port.rsplit(":")[-1]) for port in services["clickhouse"]["ports"]}
    assert {args.grpc_port, args.http_port, args.web_port} < published


def test_settings_meet_in_the_shared_network() -> None:
    """What Prometheus scrapes and notifies listens there, and Grafana is told every variable of its data sources."""
    services = deploying.compose()["services"]
    together = {name for name, one in services.items() if one.get("network_mode") == "service:clickhouse"}
    assert together == {"modelspan", "prometheus", "alertmanager", "grafana"}
    prometheus = (DEPLOY / "prometheus" / "prometheus.yaml").read_text()
    assert set(re.findall(r"localhost:(\d+)", prometheus)) == {"9093", "8600"}
    sources = (DEPLOY / "grafana" / "provisioning" / "datasources" / "modelspan.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", sources)) <= set(services["grafana"]["environment"])
    boards = yaml.safe_load((DEPLOY / "grafana" / "provisioning" / "dashboards" / "modelspan.yaml").read_text())
    mounted = [mount.split(":")[1] for mount in services["grafana"]["volumes"]]
    assert boards["providers"][0]["options"]["path"] in mounted
    users = (DEPLOY / "clickhouse" / "users.xml").read_text()
    assert set(re.findall(r'from_env="(\w+)"', users)) == set(services["clickhouse"]["environment"])
    load(DEPLOY / "docker" / "monitors.yaml")


def test_passwords_are_made_once_and_agree(tmp_path: Path) -> None:
    """Whoever writes has the password whose hash ClickHouse gets; a second run keeps what is there."""
    shutil.copy(DEPLOY / "docker" / "prepare.sh", tmp_path)
    run = ["sh", str(tmp_path / "prepare.sh")]
    subprocess.run(run, check=True, capture_output=True, timeout=30)
    made = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())
    asked = set(re.findall(r"\$\{(\w+):\?", (DEPLOY / "docker" / "compose.yaml").read_text()))
    assert set(made) == asked
    store = (tmp_path / "secrets" / "store").read_text().strip()
    password = store.split(":")[2].split("@")[0]
    assert made["MODELSPAN_WRITER_SHA256"] == hashlib.sha256(password.encode()).hexdigest()
    analyst = made["MODELSPAN_ANALYST_PASSWORD"]
    assert made["MODELSPAN_ANALYST_SHA256"] == hashlib.sha256(analyst.encode()).hexdigest()
    assert len({password, analyst, (tmp_path / "secrets" / "grafana").read_text()}) == 3
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    subprocess.run(run, check=True, capture_output=True, timeout=30)
    assert dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines()) == made
