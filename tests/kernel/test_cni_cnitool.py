"""The reference client drives us, chained behind the standard bridge plugin, in every version.

cnitool and the standard plugins are the cluster harness's, built from their Go modules.
"""

import json
import os
import subprocess
from typing import Any

import pytest

from cluster.harness.layout import cache_home
from netvsc_deviceplugin.cni.chain.conflist import with_us
from netvsc_deviceplugin.cni.protocol.request import VERSIONS
from sim.cni.calls import CniHost, Pod
from sim.cni.server import CniServer, shim
from sim.sidecar.fdpipe import binary

pytestmark = pytest.mark.cluster

CNITOOL = cache_home() / "bin/tools/cnitool"
PLUGINS = cache_home() / "opt/cni/bin"


class Client:
    """cnitool with one network, `plain`: a bridge with host-local addresses, and us behind it."""

    def __init__(self, cni: CniHost, version: str) -> None:
        self._cni = cni
        folder = cni.state / "cni"
        (folder / "conf").mkdir(parents=True)
        (folder / "bin").mkdir()
        (folder / "bin" / "netvsc-cni").symlink_to(binary("fdpipe"))
        self._path = f"{folder / 'bin'}:{PLUGINS}"
        ipam = {"type": "host-local", "subnet": "10.9.0.0/24", "dataDir": str(folder / "leases")}
        plain: dict[str, Any] = {
            "cniVersion": version,
            "name": "plain",
            "plugins": [{"type": "bridge", "bridge": "simbr0", "ipam": ipam}],
        }
        text = with_us(json.dumps(plain).encode(), state=str(cni.state))
        self._conf = folder / "conf"
        (self._conf / "10-plain.conflist").write_bytes(text)

    def __call__(self, verb: str, pod: Pod, *, good: bool = True) -> Any:
        arguments = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=nf;K8S_POD_NAME={pod.container}"
        done = subprocess.run(
            ["ip", "netns", "exec", self._cni.host.netns, CNITOOL, verb, "plain", pod.path],
            env=os.environ
            | {"NETCONFPATH": str(self._conf), "CNI_PATH": self._path, "CNI_ARGS": arguments}
            | {"CNI_IFNAME": "eth9"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode == 0) == good, done
        return json.loads(done.stdout) if done.stdout.strip() and good else None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_reference_client_adds_checks_and_deletes(version: str) -> None:
    with CniHost() as cni, CniServer(cni) as server:
        client, pod = Client(cni, version), cni.pod()
        server.give(1)
        added = client("add", pod)
        assert added["cniVersion"] == version
        names = [interface["name"] for interface in added["interfaces"]]
        assert names[-2:] == ["netvsc0", "vf1"]
        assert "eth9" in names
        assert added["ips"][0]["address"].startswith("10.9.0.")
        assert cni.inside(1, pod)
        if version >= "0.4.0":
            client("check", pod)
        if version >= "1.1.0":
            client("status", pod)
        client("del", pod)
        client("del", pod)
        assert cni.on_host(1, pod)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_plain_pod_goes_through_the_chain_without_the_agent(version: str) -> None:
    with CniHost() as cni:
        client, pod = Client(cni, version), cni.pod()
        assert [ip["address"][:7] for ip in client("add", pod)["ips"]] == ["10.9.0."]
        client("del", pod)


def test_a_netns_with_a_pair_inside_is_not_given_up_by_the_reference_client_either() -> None:
    with CniHost() as cni:
        client, pod = Client(cni, "1.1.0"), cni.pod()
        with CniServer(cni) as server:
            server.give(1)
            client("add", pod)
        client("del", pod, good=False)
        assert cni.inside(1, pod)
        with CniServer(cni):
            client("del", pod)
        assert cni.on_host(1, pod)


def test_the_standard_ipam_plugins_give_a_pair_its_address() -> None:
    with CniHost() as cni, CniServer(cni) as server:
        pod = cni.pod()
        server.give(1)
        address = {"address": "10.8.0.5/24", "gateway": "10.8.0.1"}
        route = {"dst": "10.7.0.0/16", "gw": "10.8.0.1"}
        ipam = {"type": "static", "addresses": [address], "routes": [route]}
        given = {"cniVersion": "1.1.0", "name": "m", "type": "netvsc-cni", "state": str(cni.state)}
        given |= {"ipam": ipam, "deviceID": "00-0d-3a-c0-00-02"}
        said = shim("ADD", given, pod, CNI_IFNAME="net1", CNI_PATH=str(PLUGINS))
        assert said.body["ips"] == [address | {"interface": 0}]
        shown = subprocess.run(
            ["ip", "-n", pod.netns, "-j", "route"], check=True, capture_output=True, text=True
        )
        routes = {one["dst"]: one.get("gateway") for one in json.loads(shown.stdout)}
        assert routes == {"10.8.0.0/24": None, "10.7.0.0/16": "10.8.0.1"}
        assert shim("DEL", given, pod, CNI_IFNAME="net1", CNI_PATH=str(PLUGINS)).code == 0
        assert cni.on_host(1, pod)
