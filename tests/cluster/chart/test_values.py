"""The chart, rendered by helm without a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cluster.chart import rendering
from cluster.harness.errors import ClusterError

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.cluster

Path = tuple[str, ...]
ALONE = {"operator": {"enabled": False}}
# What a value needs beside it to have an effect.
BESIDE: dict[Path, Mapping[str, Any]] = {
    ("deviceplugin", "pools"): ALONE,
    ("podMonitor", "interval"): {"podMonitor": {"enabled": True}},
    ("podMonitor", "labels"): {"podMonitor": {"enabled": True}},
    ("prometheusRule", "runbooks"): {"prometheusRule": {"enabled": True}},
    ("prometheusRule", "labels"): {"prometheusRule": {"enabled": True}},
    ("dashboards", "labels"): {"dashboards": {"enabled": True}},
}
RULE = "PrometheusRule"
DASHBOARDS = "monitoring/dashboards"
VALUES = dict(rendering.leaves(rendering.schema()))


def _nested(path: Path, value: Any) -> dict[str, Any]:
    for name in reversed(path):
        value = {name: value}
    made: dict[str, Any] = value
    return made


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: _merged(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **both}


@pytest.mark.parametrize("path", VALUES, ids=".".join)
def test_every_value_changes_what_is_rendered(path: Path) -> None:
    beside = BESIDE.get(path, {})
    [example] = VALUES[path]["examples"]

    changed = rendering.rendered(_merged(beside, _nested(path, example)))

    assert changed != rendering.rendered(beside)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"cni": {"mode": "chain"}}, "/cni/mode"),
        ({"image": {"tagg": "1"}}, "tagg"),
        ({"webhook": {"replicas": 0}}, "/webhook/replicas"),
        ({"deviceplugin": {"pools": [{"name": "pair"}]}}, "make NetvscPools"),
    ],
)
def test_a_wrong_value_is_refused_with_its_name(wrong: Mapping[str, Any], told: str) -> None:
    with pytest.raises(ClusterError, match=told):
        rendering.rendered(wrong)


@pytest.mark.parametrize(
    "values",
    [
        {},
        ALONE,
        {"webhook": {"certificates": "cert-manager"}},
        {"networkPolicy": {"enabled": True}, "podMonitor": {"enabled": True}},
        {"prometheusRule": {"enabled": True}, "dashboards": {"enabled": True}},
    ],
)
def test_helm_finds_no_fault_with_it(values: Mapping[str, Any]) -> None:
    assert "0 chart(s) failed" in rendering.helm(
        "lint", "--strict", str(rendering.CHART), values=values
    )


def test_no_rule_has_a_wildcard_and_no_secret_or_webhook_is_open_but_its_own() -> None:
    made = rendering.objects(rendering.rendered())
    roles = [one for one in made if one["kind"] in {"Role", "ClusterRole"}]
    rules = [rule for role in roles for rule in role["rules"]]

    assert not [rule for rule in rules if "*" in str(rule)]
    guarded = ("secrets", "mutatingwebhookconfigurations", "validatingwebhookconfigurations")
    for rule in rules:
        if set(guarded) & set(rule["resources"]):
            assert all(name.startswith("netvsc-webhook") for name in rule["resourceNames"])


def test_every_container_but_the_agents_is_locked_and_none_is_privileged() -> None:
    made = rendering.objects(rendering.rendered())
    specs = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in made
        if "template" in one.get("spec", {})
    }
    for name, spec in specs.items():
        [container] = spec["containers"]
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"], name
        assert context["capabilities"]["drop"] == ["ALL"], name
        assert not context.get("privileged"), name
        assert context.get("runAsNonRoot", False) == (name != "netvsc-deviceplugin"), name
        assert "hostPID" not in spec, name
    agent = specs["netvsc-deviceplugin"]["containers"][0]["securityContext"]
    assert agent["capabilities"]["add"] == ["SYS_ADMIN", "NET_ADMIN"]


def test_with_cert_manager_the_controller_makes_no_certificate_and_may_read_no_secret() -> None:
    made = rendering.objects(rendering.rendered({"webhook": {"certificates": "cert-manager"}}))

    kinds = {one["kind"] for one in made}
    assert {"Issuer", "Certificate"} <= kinds
    assert not {"Secret", "Role", "RoleBinding"} & kinds
    for one in made:
        if one["kind"].endswith("WebhookConfiguration"):
            asked = one["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
            assert asked == "netvsc-system/netvsc-webhook"


def test_the_rendered_manifests_and_the_table_of_values_are_current() -> None:
    remedy = "run PYTHONPATH=tests python -m cluster.chart.rendering"
    assert rendering.MANIFEST.read_text() == rendering.manifest(), remedy
    assert rendering.README.read_text() == rendering.readme(), remedy


def test_alerts_lead_to_their_runbooks_and_keep_prometheus_own_templates() -> None:
    values = {"prometheusRule": {"enabled": True, "runbooks": "https://example.org/runbooks"}}
    [rule] = [o for o in rendering.objects(rendering.rendered(values)) if o["kind"] == RULE]
    alerts = [one for group in rule["spec"]["groups"] for one in group["rules"] if "alert" in one]
    flapping = next(one for one in alerts if one["alert"] == "NetvscPairFlapping")
    assert flapping["annotations"]["runbook_url"] == "https://example.org/runbooks/pair-flapping.md"
    assert "{{ $labels.pair }}" in flapping["annotations"]["summary"]


def test_dashboards_reach_grafana_as_they_were_written() -> None:
    made = rendering.objects(rendering.rendered({"dashboards": {"enabled": True}}))
    carried = {
        o["metadata"]["name"]: o["data"] for o in made if "dashboard" in o["metadata"]["name"]
    }
    files = {path.stem: path.read_text() for path in (rendering.CHART / DASHBOARDS).glob("*.json")}
    assert carried == {
        f"netvsc-dashboard-{name}": {f"netvsc-{name}.json": text} for name, text in files.items()
    }
