"""Every verb reaches the IPAM plugin that a configuration names (CNI 1.1, section 4)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni.attach.attachments import Attachments
from sim.cni.calls import CniHost, Pod
from sim.cni.ipam import V4, V6, IpamPlugin, node
from sim.cni.server import CniServer


@contextmanager
def inside(tmp_path: Path) -> Iterator[tuple[CniHost, IpamPlugin, Pod]]:
    """A pair that is in its pod, with an address of the plugin's."""
    with node(tmp_path) as one:
        assert one.add(V4).code == 0
        yield one.cni, one.plugin, one.pod


def keeps(*pods: Pod) -> dict[str, Any]:
    valid = [{"containerID": pod.container, "ifname": "net1"} for pod in pods]
    return {"cni.dev/valid-attachments": valid}


def test_check_and_del_go_to_it_with_what_we_were_called_with(tmp_path: Path) -> None:
    with inside(tmp_path) as (_, plugin, pod):
        previous = {"cniVersion": "1.1.0", "ips": [V4]}
        assert plugin.call("CHECK", pod, prevResult=previous).code == 0
        assert plugin.call("DEL", pod).code == 0
        assert plugin.calls == ["ADD", "CHECK", "DEL"]
        assert plugin.stdin("CHECK")["prevResult"] == previous
        for verb in ("ADD", "CHECK", "DEL"):
            found = plugin.environment(verb)
            assert found["CNI_COMMAND"] == verb
            assert found["CNI_CONTAINERID"] == pod.container
            assert (found["CNI_NETNS"], found["CNI_IFNAME"]) == (pod.path, "net1")
            assert f"K8S_POD_NAME={pod.container}" in found["CNI_ARGS"]
            assert found["CNI_PATH"] == str(tmp_path)


def test_gc_brings_home_what_is_not_valid_and_then_the_plugin_frees_its_addresses(
    tmp_path: Path,
) -> None:
    with inside(tmp_path) as (cni, plugin, pod):
        assert plugin.call("GC", **keeps(pod)).code == 0
        assert cni.inside(1, pod, name="net1")
        assert plugin.call("GC", **keeps()).code == 0
        assert cni.on_host(1, pod)
        assert plugin.calls == ["ADD", "GC", "GC"]
        assert plugin.stdin("GC")["cni.dev/valid-attachments"] == []
        assert plugin.environment("GC").keys() == {"CNI_COMMAND", "CNI_PATH"}


def test_a_gc_that_says_nothing_of_what_is_valid_reaches_nobody(tmp_path: Path) -> None:
    with inside(tmp_path) as (cni, plugin, pod):
        assert plugin.call("GC").error == 7
        assert cni.inside(1, pod, name="net1")
        assert plugin.calls == ["ADD"]


def test_status_is_what_the_plugin_says(tmp_path: Path) -> None:
    with inside(tmp_path) as (_, plugin, _pod):
        assert plugin.call("STATUS").code == 0
        plugin.refuses("STATUS", 50, "no address is left")
        said = plugin.call("STATUS")
        assert said.error == 50
        assert "IPAM plugin ours: no address is left" in said.body["msg"]


@pytest.mark.parametrize("verb", ["CHECK", "GC"])
def test_what_the_plugin_refuses_is_refused_with_its_own_code(tmp_path: Path, verb: str) -> None:
    with inside(tmp_path) as (cni, plugin, pod):
        plugin.refuses(verb, 110, "the lease is gone")
        said = plugin.call(verb, pod, **keeps(pod))
        assert said.error == 110
        assert "the lease is gone" in said.body["msg"]
        assert cni.inside(1, pod, name="net1")


def test_check_finds_that_an_address_is_gone(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        before = one.add(V4, V6).body
        assert one.plugin.call("CHECK", one.pod, prevResult=before).code == 0
        words = ("address", "del", "10.8.0.5/24", "dev", "net1")
        subprocess.run(["ip", "-n", one.pod.netns, *words], check=True)
        said = one.plugin.call("CHECK", one.pod, prevResult=before)
        assert said.error == 5
        assert "has lost its address 10.8.0.5/24" in said.body["msg"]
        assert one.plugin.calls == ["ADD", "CHECK"]


def test_a_gc_goes_on_after_what_is_stuck_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with node(tmp_path, pairs=2) as one:
        other = one.cni.pod()
        assert one.add(V4).code == 0
        assert one.plugin.call("ADD", other, number=2).code == 0
        delete = one.cni.attachments.delete

        def stuck(_: Attachments, container: str, **where: Any) -> None:
            if container == one.pod.container:
                raise NodeError("the kernel says no")
            delete(container, **where)

        monkeypatch.setattr(Attachments, "delete", stuck)
        said = one.plugin.call("GC", **keeps())
        assert f"container {one.pod.container}: the kernel says no" in said.body["msg"]
        assert one.cni.on_host(2, other)
        assert one.plugin.calls == ["ADD", "ADD", "GC"]


def test_an_address_that_was_not_freed_is_freed_when_the_agent_is_back(tmp_path: Path) -> None:
    with CniHost() as cni:
        plugin, pod = IpamPlugin(tmp_path, cni.state), cni.pod()
        plugin.gives(V4)
        with CniServer(cni) as server:
            server.give(1)
            assert plugin.call("ADD", pod).code == 0
            plugin.refuses("DEL", 11, "its store is locked")
            assert plugin.call("DEL", pod).error == 11
            assert cni.on_host(1, pod)
        said = plugin.call("DEL", pod)
        assert said.error == 11
        assert "the ipam plugin must free an address" in said.body["msg"]
        plugin.agrees("DEL")
        with CniServer(cni):
            assert plugin.call("DEL", pod).code == 0
        assert plugin.calls == ["ADD", "DEL", "DEL"]


def test_a_pod_that_has_nothing_of_ours_is_not_checked_by_the_plugin_either(
    tmp_path: Path,
) -> None:
    with node(tmp_path) as one:
        one.plugin.refuses("CHECK", 1, "no such reservation")
        assert one.plugin.call("CHECK", one.pod).code == 0


@pytest.mark.parametrize("verb", ["STATUS", "GC"])
def test_before_their_version_gc_and_status_are_refused_and_reach_nobody(
    tmp_path: Path, verb: str
) -> None:
    with inside(tmp_path) as (_, plugin, pod):
        said = plugin.call(verb, cniVersion="1.0.0", **keeps(pod))
        assert said.error == 1
        assert plugin.calls == ["ADD"]


def test_a_plugin_that_is_not_there_is_named_whatever_the_verb(tmp_path: Path) -> None:
    with inside(tmp_path) as (_, plugin, pod):
        for verb in ("CHECK", "GC", "STATUS"):
            said = plugin.call(verb, pod, ipam={"type": "other"}, **keeps(pod))
            assert said.error == 7
            assert f"ipam.type 'other': no such plugin in {tmp_path}" in said.body["msg"]
