"""The chart, rendered by Helm itself: valid for Kubernetes, restricted, and with real commands, ports and paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import deploying
import jsonschema
import pytest
import yaml
from deploying import CHART, DEPLOY, DSN, RenderError, rendered
from support import need

from modelspan_analyzer.monitors_yaml import load

PLAIN: dict[str, Any] = {"store": {"dsn": DSN}, "access": {"insecure": True}}
FULL: dict[str, Any] = {
    "image": {"registry": "registry.example/modelspan", "tag": "1", "pullSecrets": ["pull"]},
    "store": {"existingSecret": "clickhouse", "port": 8443},
    "access": {"tlsSecret": "otlp-tls", "tokensSecret": "otlp-tokens"},
    "collector": {
        "replicas": 3,
        "forward": ["grpc://tempo:4317?signals=traces&ratio=0.1"],
        "extraArgs": ["--log-budget", "8000000000", "--drop", "user.email"],
        "storage": {"size": "20Gi", "className": "fast"},
        "podAnnotations": {"a": "b"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "ml", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "analyzer": {
        "webSecret": "web",
        "otlpEndpoint": "http://otel:4318",
        "monitors": {"version": 1, "alerts": {"alertmanagers": ["http://alertmanager:9093"]}},
        "extraArgs": ["--allow-host", "modelspan.example"],
    },
    "serviceAccount": {"annotations": {"role": "x"}},
    "networkPolicy": {
        "clients": [{"namespaceSelector": {"matchLabels": {"ml": "yes"}}}],
        "extraEgress": [{"ports": [{"protocol": "TCP", "port": 9093}]}],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True},
}
WITHOUT_ANALYZER = PLAIN | {"analyzer": {"enabled": False}, "podDisruptionBudget": {"enabled": False}}
CASES = {"plain": PLAIN, "full": FULL, "without analyzer": WITHOUT_ANALYZER}


@pytest.fixture(params=list(CASES))
def resources(request: pytest.FixtureRequest) -> list[dict[str, Any]]:
    return rendered(CASES[request.param])


def pods(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["spec"]["template"] for one in resources if one["kind"] in ("StatefulSet", "Deployment")]


def of_kind(resources: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in resources if one["kind"] == kind]


@pytest.mark.parametrize("values", CASES.values(), ids=CASES)
def test_helm_finds_no_fault(values: dict[str, Any]) -> None:
    """`helm lint --strict`: no error and no warning."""
    said = deploying.helm("lint", values)
    assert [one for one in said["messages"] if one["severity"] > 1] == []


def test_kubernetes_knows_every_field(resources: list[dict[str, Any]]) -> None:
    """By the schemas of its API, in which an unknown field is an error; those of Prometheus' operator are not there."""
    validate = need("kubernetes_validate").validate
    for one in resources:
        if not one["apiVersion"].startswith("monitoring.coreos.com/"):
            validate(one, "1.34", strict=True)


def test_pods_are_restricted(resources: list[dict[str, Any]]) -> None:
    """What the profile "restricted" of the pod security standards asks for, a read-only root, and limits."""
    for pod in pods(resources):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"]
        assert spec["securityContext"]["runAsUser"] >= 10000
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec["automountServiceAccountToken"]
        assert {kind for volume in spec["volumes"] for kind in volume} <= {"name", "emptyDir", "secret", "configMap"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            assert {volume["name"] for volume in spec["volumes"]} <= mounted


def test_what_is_started_is_the_real_command_on_the_ports_that_are_named(
    resources: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Arguments by the real parser; container, service, probe and policy mean the ports that it listens on."""
    for pod in pods(resources):
        (container,) = pod["spec"]["containers"]
        args = deploying.parsed(container["args"], tmp_path)
        names = ("grpc_port", "http_port", "web_port", "metrics_port")
        listens = {getattr(args, name) for name in names if hasattr(args, name)}
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        assert set(ports.values()) == listens
        assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "liveness", "readiness")} == {
            "web"
        }
        labels = pod["metadata"]["labels"].items()
        for service in of_kind(resources, "Service"):
            if service["spec"]["selector"].items() <= labels:
                assert {port["targetPort"] for port in service["spec"]["ports"]} <= set(ports)
        (policy,) = (
            one
            for one in of_kind(resources, "NetworkPolicy")
            if one["spec"]["podSelector"]["matchLabels"].items() <= labels
        )
        assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == listens


def test_what_belongs_together_selects_the_same_pods(resources: list[dict[str, Any]]) -> None:
    """Budgets, policies and services select pods of the release; accounts, secrets and settings are named rightly."""
    templates = [pod["metadata"]["labels"].items() for pod in pods(resources)]
    selectors = [one["spec"]["selector"] for one in of_kind(resources, "Service")]
    selectors += [one["spec"]["selector"]["matchLabels"] for one in of_kind(resources, "PodDisruptionBudget")]
    for selector in selectors:
        assert len([labels for labels in templates if selector.items() <= labels]) == 1
    names = {(one["kind"], one["metadata"]["name"]) for one in resources}
    for pod in pods(resources):
        assert ("ServiceAccount", pod["spec"]["serviceAccountName"]) in names
        for volume in pod["spec"]["volumes"]:
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in names
    given = [
        volume["secret"]["secretName"]
        for pod in pods(resources)
        for volume in pod["spec"]["volumes"]
        if "secret" in volume
    ]
    made = {name for kind, name in names if kind == "Secret"}
    assert set(given) - made <= {"clickhouse", "otlp-tls", "otlp-tokens", "web"}


def test_the_log_is_kept_and_budgets_hold(tmp_path: Path) -> None:
    """The write-ahead log is a volume of its own a pod, at the folder that the collector is told, kept when pods go."""
    resources = rendered(FULL)
    (collector,) = of_kind(resources, "StatefulSet")
    args = deploying.parsed(deploying.arguments(resources, "collector"), tmp_path)
    mounts = {
        one["name"]: one["mountPath"] for one in collector["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    }
    (claim,) = collector["spec"]["volumeClaimTemplates"]
    assert mounts[claim["metadata"]["name"]] == str(args.data)
    assert set(collector["spec"]["persistentVolumeClaimRetentionPolicy"].values()) == {"Retain"}
    assert (args.tls_certificate, args.tokens, args.insecure) != (None, None, True)
    assert len(of_kind(resources, "PodDisruptionBudget")) == 1


def test_settings_and_rules_are_those_of_modelspan(tmp_path: Path) -> None:
    """`monitors.yaml` is read by its reader, and the rules are the file that `modelspan alerts rules` writes."""
    resources = rendered(FULL)
    (settings,) = of_kind(resources, "ConfigMap")
    (tmp_path / "monitors.yaml").write_text(settings["data"]["monitors.yaml"])
    assert load(tmp_path / "monitors.yaml").alerts.alertmanagers == ("http://alertmanager:9093",)
    (rules,) = of_kind(resources, "PrometheusRule")
    assert rules["spec"] == yaml.safe_load((DEPLOY / "prometheus" / "modelspan-rules.yaml").read_text())


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"access": {"insecure": True}}, "store.dsn"),
        ({"store": {"dsn": DSN}}, "access.insecure"),
        ({"store": {"dsn": DSN}, "access": {"tlsSecret": "only-tls"}}, "access.tokensSecret"),
        (PLAIN | {"collector": {"replica": 3}}, "replica"),
        (PLAIN | {"store": {"dsn": "localhost:8123"}}, "dsn"),
        (PLAIN | {"analyzer": {"monitors": {"version": 2}}}, "version"),
    ],
)
def test_what_is_missing_or_misspelt_is_refused(values: dict[str, Any], said: str) -> None:
    """With the name of the value."""
    with pytest.raises(RenderError, match=said):
        rendered(values)


def test_the_values_are_those_of_their_schema() -> None:
    """Every value of the file is in the schema, and the other way round."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(values, schema)
    assert set(schema["properties"]) - {"global"} == set(values)
    for name, part in values.items():
        assert set(schema["properties"][name]["properties"]) == set(part), name
