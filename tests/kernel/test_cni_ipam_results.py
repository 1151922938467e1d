"""Which results of an IPAM plugin are taken, and what of them the runtime reads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sim.cni.ipam import V4, V6, Node, node
from sim.cni.server import PREVIOUS
from sim.kernel import netns

DNS = {"nameservers": ["10.8.0.2"], "search": ["a.example"]}


def gives(one: Node, **result: Any) -> Any:
    one.plugin.says("ADD", {"cniVersion": "1.1.0", **result})
    return one.plugin.call("ADD", one.pod)


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"ips": {"address": "10.8.0.5/24"}}, "ips is not a list of objects"),
        ({"ips": ["10.8.0.5/24"]}, "ips is not a list of objects"),
        ({"ips": [V4, None]}, "ips is not a list of objects"),
        ({"ips": [V4], "routes": {}}, "routes is not a list of objects"),
        ({"ips": [V4], "routes": ["0.0.0.0/0"]}, "routes is not a list of objects"),
        ({"ips": [{"address": "10.8.0.5"}]}, "'10.8.0.5' has no prefix: write 10.8.0.5/32"),
        ({"ips": [{"address": "fd00::5"}]}, "'fd00::5' has no prefix: write fd00::5/128"),
        (
            {"ips": [{"address": "10.8.0.5/255.255.255.0"}]},
            "'10.8.0.5/255.255.255.0' has no prefix: write 10.8.0.5/24",
        ),
        ({"ips": [V4], "routes": [{"dst": "10.7.0.5/16"}]}, "host bits: write 10.7.0.0/16"),
        ({"ips": [V4], "routes": [{"dst": "10.7.0.5"}]}, "no prefix: write 10.7.0.5/32"),
        (
            {"ips": [V4], "routes": [{"dst": "10.7.0.0/255.255.0.0"}]},
            "no prefix: write 10.7.0.0/16",
        ),
    ],
)
def test_what_would_be_passed_over_or_misread_is_refused(
    tmp_path: Path, result: dict[str, Any], why: str
) -> None:
    with node(tmp_path) as one:
        said = gives(one, **result)
        assert (said.error, one.plugin.calls) == (7, ["ADD", "DEL"])
        assert why in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


@pytest.mark.parametrize("nothing", [None, []])
def test_no_routes_and_no_gateways_may_be_said_in_any_way(tmp_path: Path, nothing: Any) -> None:
    with node(tmp_path) as one:
        address = {"address": "10.8.0.5/24", "gateway": None}
        assert gives(one, ips=[address], routes=nothing, dns=nothing).code == 0
        assert one.ways(4) == {"10.8.0.0/24": ("net1", None)}


def test_its_dns_is_in_the_result_unless_the_configuration_or_the_chain_has_its_own(
    tmp_path: Path,
) -> None:
    with node(tmp_path) as one:
        assert gives(one, ips=[V4], dns=DNS).body["dns"] == DNS
        own = {"domain": "b.example"}
        assert one.plugin.call("ADD", one.pod, dns=own).body["dns"] == own
        before = {**PREVIOUS, "dns": {"domain": "c.example"}}
        said = one.plugin.call("ADD", one.pod, dns=own, prevResult=before)
        assert said.body["dns"] == before["dns"]


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_the_result_is_in_the_version_of_the_call_and_points_to_the_netvsc(
    tmp_path: Path, version: str
) -> None:
    with node(tmp_path) as one:
        given = [{**V4, "version": 4, "interface": 7}, {**V6, "interface": None}]
        one.plugin.says("ADD", {"cniVersion": version, "interfaces": [{"name": "x"}], "ips": given})
        said = one.plugin.call("ADD", one.pod, cniVersion=version)
        families = [{"version": "4"}, {"version": "6"}] if version < "1.0.0" else [{}, {}]
        assert said.body["ips"] == [
            {**V4, **families[0], "interface": 0},
            {**V6, **families[1], "interface": 0},
        ]
        assert said.body["interfaces"][0]["name"] == "net1"


def test_a_gateway_outside_the_subnet_is_reached_by_a_route_of_link_scope_or_to_itself(
    tmp_path: Path,
) -> None:
    with node(tmp_path) as one:
        ips = [{"address": "10.8.0.5/32", "gateway": "10.8.0.1"}]
        ips += [{"address": "fd00:8::5/128", "gateway": "fd00:8::1"}]
        routes: list[dict[str, Any]] = [{"dst": "10.8.0.1/32"}, {"dst": "fd00:8::1/128"}]
        routes += [{"dst": "10.6.0.0/16", "scope": 253}]
        routes += [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
        assert gives(one, ips=ips, routes=routes).code == 0
        assert one.ways(4) == {
            "10.8.0.1": ("net1", None),
            "10.6.0.0/16": ("net1", None),
            "default": ("net1", "10.8.0.1"),
        }
        assert one.ways(6)["default"] == ("net1", "fd00:8::1")


@pytest.mark.parametrize(
    ("dst", "gw", "near"),
    [
        ("10.7.0.0/16", "192.0.2.1", {"dst": "192.0.2.1/32", "scope": 253}),
        ("fd00:7::/64", "fd00:9::1", {"dst": "fd00:9::1/128"}),
    ],
)
def test_a_gateway_that_is_out_of_reach_is_told_with_the_route_that_helps(
    tmp_path: Path, dst: str, gw: str, near: dict[str, Any]
) -> None:
    with node(tmp_path) as one:
        ips, far = [{"address": "10.8.0.5/24"}, {"address": "fd00:8::5/64"}], {"dst": dst, "gw": gw}
        said = gives(one, ips=ips, routes=[far])
        assert said.error == 5
        assert f"put the route {json.dumps(near)} before it" in said.body["msg"]
        assert gives(one, ips=ips, routes=[near, far]).code == 0


@pytest.mark.parametrize("facts", [{"mtu": 1400}, {"advmss": 1300}])
def test_what_the_kernels_own_route_has_not_is_not_taken_for_done(
    tmp_path: Path, facts: dict[str, int]
) -> None:
    with node(tmp_path) as one:
        said = gives(one, ips=[V4], routes=[{"dst": "10.8.0.0/24", **facts}])
        assert said.error == 7
        assert "route 10.8.0.0/24" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


@pytest.mark.parametrize(("dst", "given"), [("10.7.0.0/16", V4), ("fd00:7::/64", V6)])
def test_the_same_route_with_the_same_facts_is_the_same_and_with_others_is_not(
    tmp_path: Path, dst: str, given: dict[str, Any]
) -> None:
    with node(tmp_path) as one:
        route = {"dst": dst, "mtu": 1400, "advmss": 1300}
        assert gives(one, ips=[given], routes=[route, route]).code == 0
        assert gives(one, ips=[given], routes=[route]).code == 0
        assert gives(one, ips=[given], routes=[{**route, "mtu": 1300}]).error == 7


def test_addresses_outlast_a_link_that_goes_down_and_ipv4_ones_have_their_broadcast(
    tmp_path: Path,
) -> None:
    with node(tmp_path) as one:
        assert gives(one, ips=[V4, V6]).code == 0
        file = Path("/proc/sys/net/ipv6/conf/net1/keep_addr_on_down")
        assert netns.within(one.pod.netns, file.read_text) == "1\n"
        for word in ("down", "up"):
            subprocess.run(["ip", "-n", one.pod.netns, "link", "set", "net1", word], check=True)
        done = subprocess.run(
            ["ip", "-n", one.pod.netns, "address", "show", "net1"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert "inet 10.8.0.5/24 brd 10.8.0.255 scope global" in done.stdout
        assert "inet6 fd00:8::5/64" in done.stdout
