"""IPv6 is switched on in a pod where an IPv6 address needs it, as the standard plugins do."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sim.capabilities import limited, of_the_chart
from sim.cni.calls import CniHost, Pod
from sim.cni.ipam import V4, V6, node
from sim.kernel import netns


def disabled(pod: Pod, name: str) -> str:
    file = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
    return netns.within(pod.netns, lambda: file.read_text().strip())


def test_ipv6_is_switched_on_where_an_address_needs_it_and_nowhere_else(tmp_path: Path) -> None:
    with node(tmp_path, pairs=2) as one:
        for name in ("all", "default"):
            file = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
            netns.within(one.pod.netns, lambda file=file: file.write_text("1"))
        assert one.add({"address": "10.9.0.5/24"}, number=2, name="net2").code == 0
        assert one.add(V4, V6, routes=[{"dst": "::/0"}]).code == 0
        assert one.ways(6)["default"] == ("net1", "fd00:8::1")
        found = {name: disabled(one.pod, name) for name in ("lo", "net1", "net2", "eth0", "all")}
        assert found == {"lo": "0", "net1": "0", "net2": "1", "eth0": "1", "all": "1"}


def test_where_it_cannot_be_switched_on_the_call_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sysctls = tmp_path / "sysctls"
    for name in ("lo", "net1"):
        (sysctls / "ipv6/conf" / name / "disable_ipv6").mkdir(parents=True)
    monkeypatch.setattr("netvsc_deviceplugin.cni.attach.ipv6.SYSCTLS", (sysctls,))
    with node(tmp_path) as one:
        said = one.add(V6)
        assert said.error == 5
        assert "IPv6 is off on lo (net.ipv6.conf.lo.disable_ipv6), and" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


CONTAINER = """
mount --make-rprivate /
mount --bind /proc/sys/net {there}
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
exec {limited} {python} -c '{program}'
"""
PROGRAM = """
from pathlib import Path
from netvsc_deviceplugin.cni.attach import ipv6
from netvsc_deviceplugin.kernel.netns import Netns
ipv6.SYSCTLS = (Path("{there}"), *ipv6.SYSCTLS)
with Netns.open("{netns}") as space:
    ipv6.enable(space, {ifindex})
"""


@pytest.mark.parametrize("mounted", [True, False])
def test_in_a_container_the_hosts_sysctls_are_those_of_the_pods_netns_too(
    tmp_path: Path, *, mounted: bool
) -> None:
    """Its own /proc/sys is read-only, and it has the chart's capabilities."""
    with CniHost() as cni:
        pod, there = cni.pod(), tmp_path / "net"
        there.mkdir()
        file = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")
        netns.within(pod.netns, lambda: file.write_text("1"))
        seen = there if mounted else tmp_path / "nothing"
        program = PROGRAM.format(there=seen, netns=pod.path, ifindex=pod.ip.index("eth0"))
        limit = shlex.join(limited(of_the_chart()))
        text = CONTAINER.format(there=there, limited=limit, python=sys.executable, program=program)
        done = subprocess.run(
            ["unshare", "-m", "sh", "-ec", text], capture_output=True, text=True, check=False
        )
        assert (done.returncode == 0) == mounted, done.stderr
        assert disabled(pod, "eth0") == ("0" if mounted else "1")
        assert mounted or "Read-only file system; mount the host" in done.stderr
