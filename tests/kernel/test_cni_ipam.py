"""What an IPAM plugin gives is applied as the standard plugins apply it, and takes nothing away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sim.cni.ipam import V4, V6, node

DEFAULTS = ("0.0.0.0/0", "::/0")


def test_a_route_without_a_gateway_takes_that_of_its_family(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        routes = [{"dst": "0.0.0.0/0"}, {"dst": "10.7.0.0/16", "gw": "10.8.0.9"}]
        routes += [{"dst": "::/0"}, {"dst": "fd00:7::/64", "gw": "fd00:8::9"}]
        assert one.add(V4, V6, routes=routes).code == 0
        assert one.ways(4) == {
            "default": ("net1", "10.8.0.1"),
            "10.7.0.0/16": ("net1", "10.8.0.9"),
            "10.8.0.0/24": ("net1", None),
        }
        assert one.ways(6) == {
            "default": ("net1", "fd00:8::1"),
            "fd00:7::/64": ("net1", "fd00:8::9"),
            "fd00:8::/64": ("net1", None),
        }
        assert one.plugin.call("DEL", one.pod).code == 0
        assert one.cni.on_host(1, one.pod)


def test_of_several_addresses_of_a_family_the_first_gateway_counts(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        more = {"address": "10.9.0.5/24", "gateway": "10.9.0.1"}
        without = {"address": "10.6.0.5/24"}
        assert one.add(without, V4, more, routes=[{"dst": "0.0.0.0/0"}]).code == 0
        assert one.ways(4)["default"] == ("net1", "10.8.0.1")


def test_without_any_gateway_of_its_family_a_route_leads_straight_out(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        routes = [{"dst": "10.7.0.0/16"}, {"dst": "fd00:7::/64"}]
        given = {"address": "10.8.0.5/24"}, {"address": "fd00:8::5/64"}
        assert one.add(*given, routes=routes).code == 0
        assert one.ways(4)["10.7.0.0/16"] == ("net1", None)
        assert one.shown(4, "10.7.0.0/16")[0]["scope"] == "link"
        assert one.ways(6)["fd00:7::/64"] == ("net1", None)


@pytest.mark.parametrize("table", [100, 1000])
@pytest.mark.parametrize("family", [4, 6])
def test_what_a_route_says_of_itself_is_honoured(tmp_path: Path, family: int, table: int) -> None:
    with node(tmp_path) as one:
        dst, given = ("0.0.0.0/0", V4) if family == 4 else ("::/0", V6)
        facts = {"dst": dst, "table": table, "priority": 77, "mtu": 1400, "advmss": 1300}
        one.has_defaults()
        assert one.add(given, routes=[facts]).code == 0
        (route,) = one.shown(family, "table", str(table))
        assert (route["gateway"], route["metric"]) == (given["gateway"], 77)
        assert route["metrics"] == [{"mtu": 1400, "advmss": 1300}]
        assert one.ways(family)["default"][0] == "eth0"


def test_a_scope_is_honoured_and_for_ipv6_refused_by_name(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        given = {"address": "10.8.0.5/24"}
        assert one.add(given, routes=[{"dst": "10.7.0.0/16", "scope": 254}]).code == 0
        assert one.shown(4, "10.7.0.0/16")[0]["scope"] == "host"
        one.plugin.call("DEL", one.pod)
        said = one.add(V6, routes=[{"dst": "fd00:7::/64", "scope": 253}])
        assert said.error == 7
        assert "route fd00:7::/64: scope 253: IPv6 routes have none" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


@pytest.mark.parametrize("dst", DEFAULTS)
def test_a_route_that_the_pod_has_already_stays_and_the_call_says_which(
    tmp_path: Path, dst: str
) -> None:
    with node(tmp_path) as one:
        one.has_defaults()
        before = one.ways(4), one.ways(6)
        said = one.add(V4, V6, routes=[{"dst": dst}])
        assert said.error == 7
        assert f"to {dst} in table 254, and that one stays: give" in said.body["msg"]
        assert one.pod.netns in said.body["msg"]
        assert (one.ways(4), one.ways(6)) == before
        assert one.cni.on_host(1, one.pod)
        assert one.plugin.calls == ["ADD", "DEL"]


@pytest.mark.parametrize("family", [4, 6])
def test_beside_it_there_is_room_by_priority(tmp_path: Path, family: int) -> None:
    with node(tmp_path) as one:
        one.has_defaults()
        dst = DEFAULTS[family == 6]
        assert one.add(V4, V6, routes=[{"dst": dst, "priority": 2000}]).code == 0
        found = {r["dev"]: r.get("metric", 0) for r in one.shown(family, "default")}
        assert found == {"eth0": 1024 if family == 6 else 0, "net1": 2000}


@pytest.mark.parametrize(("dst", "given"), [("0.0.0.0/0", V4), ("::/0", V6)])
def test_a_route_that_is_given_twice_is_made_once(
    tmp_path: Path, dst: str, given: dict[str, Any]
) -> None:
    with node(tmp_path) as one:
        routes = [{"dst": dst}, {"dst": dst, "gw": given["gateway"]}]
        assert one.add(given, routes=routes).code == 0
        assert one.add(given, routes=routes).code == 0  # nor does the whole call come amiss
        family = 6 if ":" in dst else 4
        assert len(one.shown(family, "default")) == 1
        other = given["gateway"].replace("::1", "::2").replace(".0.1", ".0.2")
        said = one.add(given, routes=[*routes, {"dst": dst, "gw": other}])
        assert said.error == 7
        assert f"route {dst} via {other}: " in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


@pytest.mark.parametrize(("dst", "given"), [("10.8.0.0/24", V4), ("fd00:8::/64", V6)])
def test_a_route_to_the_addresss_own_subnet_is_there_already(
    tmp_path: Path, dst: str, given: dict[str, Any]
) -> None:
    with node(tmp_path) as one:
        priority = {"priority": 256} if given is V6 else {}  # the kernel's, of its own subnets
        assert one.add(given, routes=[{"dst": dst, **priority}]).code == 0
        assert one.ways(6 if given is V6 else 4)[dst] == ("net1", None)


def test_the_second_interface_of_a_pod_takes_nothing_from_the_first(tmp_path: Path) -> None:
    with node(tmp_path, pairs=2) as one:
        assert one.add(V4, routes=[{"dst": "0.0.0.0/0"}]).code == 0
        other = {"address": "10.9.0.5/24", "gateway": "10.9.0.1"}
        said = one.add(other, routes=[{"dst": "0.0.0.0/0"}], number=2, name="net2")
        assert said.error == 7
        assert one.ways(4)["default"] == ("net1", "10.8.0.1")
        assert one.cni.on_host(2, one.pod)
        assert one.add(other, routes=[{"dst": "10.7.0.0/16"}], number=2, name="net2").code == 0
        assert one.ways(4)["10.7.0.0/16"] == ("net2", "10.9.0.1")


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ({"dst": "10.7.0.5/16"}, "dst '10.7.0.5/16' is not a network"),
        ({"gw": "10.8.0.1"}, "dst None is not a network"),
        ({"dst": "10.7.0.0/16", "gw": "fd00:8::1"}, "gw fd00:8::1 is of another family"),
        ({"dst": "10.7.0.0/16", "gw": "x"}, "gw 'x' is not an address"),
        ({"dst": "10.7.0.0/16", "table": -1}, "table -1: write a number from 0"),
        ({"dst": "10.7.0.0/16", "table": "blue"}, "table 'blue': write a number from 0"),
        ({"dst": "10.7.0.0/16", "priority": 2**32}, "priority 4294967296: write a number"),
        ({"dst": "10.7.0.0/16", "mtu": True}, "mtu True: write a number"),
        ({"dst": "10.7.0.0/16", "src": "10.8.0.5"}, "route 10.7.0.0/16: src is not known here"),
    ],
)
def test_what_a_route_cannot_have_is_refused_by_name_before_anything_is_configured(
    tmp_path: Path, route: dict[str, Any], why: str
) -> None:
    with node(tmp_path) as one:
        said = one.add(V4, routes=[route])
        assert said.error == 7
        assert why in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


def test_what_the_kernel_refuses_is_told_with_its_own_words(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        said = one.add(V4, routes=[{"dst": "10.7.0.0/16", "gw": "192.0.2.1"}])
        assert said.error == 5
        assert "cannot route 10.7.0.0/16 via 192.0.2.1 over it" in said.body["msg"]
        assert "Nexthop has invalid gateway" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)


def test_an_answer_without_an_address_is_an_error(tmp_path: Path) -> None:
    with node(tmp_path) as one:
        said = one.add(routes=[{"dst": "10.7.0.0/16"}])
        assert said.error == 5
        assert "IPAM plugin ours: it gave no address" in said.body["msg"]
        assert one.cni.on_host(1, one.pod)
