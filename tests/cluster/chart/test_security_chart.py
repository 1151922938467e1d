"""What the chart lets our processes do, rendered without a cluster: docs/security.md's lists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cluster.chart import rendering

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
RIGHTS = Path(__file__).with_name("rights.json")
PROFILE = rendering.CHART / "files/seccomp/netvsc-deviceplugin.json"
AGENT = "netvsc-deviceplugin"
HOST_PATHS = {
    "/var/lib/kubelet/device-plugins": "rw",
    "/var/lib/kubelet/pod-resources": "rw",
    "/run/netns": "rw",
    "/run/netvsc": "rw",
    "/dev": "ro",
    "/var/run/k8s.cni.cncf.io/devinfo/dp": "rw",
    "/etc/cni/net.d": "rw",
    "/opt/cni/bin": "rw",
    "/var/lib/cni": "rw",
    "/proc/sys/net": "rw",
}
ALL_OF_IT = {"networkPolicy": {"enabled": True}, "deviceplugin": {"cdi": "/var/run/cdi"}}


def rendered(**values: Any) -> list[Object]:
    return rendering.objects(rendering.rendered(values))


def templates(made: list[Object]) -> Iterator[tuple[str, Object]]:
    """Every pod that the chart makes, hooks and its test among them, by name."""
    for one in made:
        if "template" in one.get("spec", {}):
            yield one["metadata"]["name"], one["spec"]["template"]["spec"]
        elif one["kind"] == "Pod":
            yield one["metadata"]["name"], one["spec"]


def host_paths(spec: Object) -> dict[str, str]:
    [container] = spec["containers"]
    mounts = {one["name"]: one for one in container.get("volumeMounts", [])}
    return {
        volume["hostPath"]["path"]: "ro" if mounts[volume["name"]].get("readOnly") else "rw"
        for volume in spec.get("volumes", [])
        if "hostPath" in volume
    }


def test_the_agent_has_the_hosts_folders_that_are_listed_and_nobody_else_has_any() -> None:
    found = {name: host_paths(spec) for name, spec in templates(rendered())}
    assert found.pop(AGENT) == HOST_PATHS
    assert not any(found.values()), found
    with_cdi = dict(templates(rendered(**ALL_OF_IT)))[AGENT]
    assert host_paths(with_cdi) == HOST_PATHS | {"/var/run/cdi": "rw"}


def test_no_pod_is_on_the_hosts_network_but_the_agents_and_none_sees_its_processes() -> None:
    for name, spec in templates(rendered()):
        assert spec.get("hostNetwork", False) == (name == AGENT), name
        assert not {"hostPID", "hostIPC", "shareProcessNamespace"} & spec.keys(), name


def test_every_container_gains_nothing_and_has_a_profile_and_the_capabilities_of_the_table() -> (
    None
):
    for name, spec in templates(rendered()):
        for container in spec["containers"]:
            context = container["securityContext"]
            agent = name == AGENT
            assert context["allowPrivilegeEscalation"] is False, name
            assert context["readOnlyRootFilesystem"] is True, name
            assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
            assert context["capabilities"]["drop"] == ["ALL"], name
            added = context["capabilities"].get("add", [])
            assert added == (["SYS_ADMIN", "NET_ADMIN"] if agent else []), name
            assert context["runAsUser"] == (0 if agent else 65532), name


def test_a_token_is_mounted_where_the_apiserver_is_asked_and_nowhere_else() -> None:
    made = rendered()
    asks = {name for name, spec in templates(made) if spec["automountServiceAccountToken"]}
    assert asks == {
        *(AGENT, "netvsc-controller", "netvsc-webhook"),
        *("netvsc-crds", "netvsc-stay", "netvsc-uninstall"),
    }
    for one in made:
        if one["kind"] == "ServiceAccount":
            assert one["automountServiceAccountToken"] is False, one["metadata"]["name"]
    alone = dict(templates(rendered(operator={"enabled": False})))
    assert alone[AGENT]["automountServiceAccountToken"] is False


def test_what_the_standing_accounts_may_is_what_is_written_down() -> None:
    found: dict[str, list[str]] = {}
    for one in rendered():
        if one["kind"] in {"Role", "ClusterRole"} and "annotations" not in one["metadata"]:
            found.setdefault(one["metadata"]["name"], []).extend(rights(one))
    written = json.loads(RIGHTS.read_text())
    assert {name: sorted(lines) for name, lines in found.items()} == {
        name: sorted(lines) for name, lines in written.items()
    }


def rights(role: Object) -> Iterator[str]:
    for rule in role["rules"]:
        [group] = rule["apiGroups"]
        for resource in rule["resources"]:
            kind, _, part = resource.partition("/")
            what = (f"{kind}.{group}" if group else kind) + (f"/{part}" if part else "")
            for name in rule.get("resourceNames", [""]):
                yield f"{' '.join(sorted(rule['verbs']))}: {what} {name}".rstrip()


def test_the_network_policies_let_in_what_is_served_and_out_what_is_asked() -> None:
    policies = {
        one["metadata"]["name"]: one["spec"]
        for one in rendered(**ALL_OF_IT)
        if one["kind"] == "NetworkPolicy"
    }
    assert policies.keys() == {"netvsc-controller", "netvsc-webhook"}
    served = {name: _ports(spec["ingress"]) for name, spec in policies.items()}
    assert served == {"netvsc-controller": {9471}, "netvsc-webhook": {9443, 9472}}
    for spec in policies.values():
        assert spec["policyTypes"] == ["Ingress", "Egress"]
        assert _ports(spec["egress"]) == {443, 6443, 53}


def _ports(rules: list[Object]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_the_narrow_profile_lets_the_agent_enter_networks_and_mount_nothing() -> None:
    profile = json.loads(PROFILE.read_text())
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = [one for one in profile["syscalls"] if one["action"] == "SCMP_ACT_ALLOW"]
    by_name = {name: one.get("args") for one in allowed for name in one["names"]}
    never = {
        *("mount", "umount2", "pivot_root", "move_mount", "open_tree", "fsopen", "unshare"),
        *("bpf", "ptrace", "process_vm_writev", "init_module", "finit_module", "kexec_load"),
        *("open_by_handle_at", "perf_event_open", "keyctl", "userfaultfd", "io_uring_setup"),
        *("chroot", "mknod", "mknodat", "setuid", "reboot", "swapon", "quotactl", "clone3"),
    }
    assert not never & by_name.keys()
    [netns_only] = by_name["setns"]
    assert (netns_only["index"], netns_only["value"]) == (1, 0x40000000)
    [no_namespaces] = by_name["clone"]
    assert no_namespaces["value"] == 0x7E020000
    assert by_name["socket"], "of four families alone"
