"""Requests to the kernel: what each of them does, and how a refusal reads."""

import errno
import json
import subprocess
from typing import Any

import pytest

from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import LinkRefusedError, Rtnl
from sim.cni.calls import CniHost

FORGED = 2**31 - 1  # an ifindex that nothing has


def shown(cni: CniHost, name: str) -> Any:
    done = subprocess.run(
        ["ip", "-n", cni.host.netns, "-d", "-j", "link", "show", "dev", name],
        check=True,
        capture_output=True,
        text=True,
    )
    (link,) = json.loads(done.stdout)
    return link


def test_each_request_does_what_it_says() -> None:
    with CniHost() as cni, Rtnl(cni.host_ns) as rtnl:
        index = cni.host.ip.index("eth1")
        cni.host.ip.down(index)
        rtnl.rename(index, "eth5")
        rtnl.up(index)
        rtnl.set_mtu(index, 1400)
        rtnl.set_address(index, "02:00:00:00:00:77")
        rtnl.add_altname(index, "nvhome-eth1")
        rtnl.add_altname(index, "nvhome-eth1")
        link = shown(cni, "eth5")
        assert (link["mtu"], link["address"]) == (1400, "02:00:00:00:00:77")
        assert "UP" in link["flags"]
        assert link["altnames"] == ["nvhome-eth1"]
        rtnl.drop_altname(index, "nvhome-eth1")
        rtnl.drop_altname(index, "nvhome-eth1")
        assert "altnames" not in shown(cni, "eth5")


def test_a_move_takes_a_new_name_on_the_way() -> None:
    with CniHost() as cni, Rtnl(cni.host_ns) as rtnl:
        pod = cni.pod()
        with Netns.open(pod.path) as space:
            rtnl.move(cni.host.ip.index("eth1"), to=space, name="netvsc0")
        assert pod.ip.has("netvsc0")


def test_a_refusal_says_on_what_what_for_the_errno_and_what_the_kernel_adds() -> None:
    with CniHost() as cni, Rtnl(cni.host_ns) as rtnl:
        index = cni.host.ip.index("eth1")
        with pytest.raises(LinkRefusedError) as refused:
            rtnl.set_mtu(index, 1)
        assert refused.value.code == errno.EINVAL
        assert str(refused.value) == (
            f"interface {index} of the host: cannot set its MTU to 1: Invalid argument "
            "(mtu less than device minimum)"
        )
        with pytest.raises(LinkRefusedError, match=r"cannot rename it to eth0: File exists$"):
            rtnl.rename(index, "eth0")
        with pytest.raises(LinkRefusedError, match=r"cannot bring it up: No such device$") as gone:
            rtnl.up(FORGED)
        assert gone.value.look_again


def test_a_refusal_in_a_pod_names_its_netns() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        with (
            Netns.open(pod.path) as space,
            Rtnl(space) as rtnl,
            pytest.raises(LinkRefusedError, match=f"interface {FORGED} of {pod.netns}: cannot"),
        ):
            rtnl.set_mtu(FORGED, 1400)
