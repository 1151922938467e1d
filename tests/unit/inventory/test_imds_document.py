"""What Azure's metadata service says of NICs, and what is made of it."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import NodeError
from netvsc_deviceplugin.inventory.imds.document import parse
from netvsc_deviceplugin.kernel.addresses import NicAddresses

MAC = "00:0d:3a:c0:00:11"
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


def nic(
    *addresses: Any, subnet: Any = ("10.0.1.0", "24"), ipv6: Any = (), mac: Any = "000D3AC00011"
) -> dict[str, Any]:
    """Return one NIC as the service writes it."""
    subnets = [{"address": subnet[0], "prefix": subnet[1]}] if subnet else []
    private = [{"privateIpAddress": one, "publicIpAddress": ""} for one in addresses]
    return {
        "ipv4": {"ipAddress": private, "subnet": subnets},
        "ipv6": {"ipAddress": [{"privateIpAddress": one} for one in ipv6]},
        "macAddress": mac,
    }


def own(*nics: Any) -> NicAddresses:
    """Return what belongs to the NIC of these tests."""
    return parse(json.dumps({"interface": nics}).encode())[MAC]


def test_an_address_stands_in_its_subnet_whose_first_host_is_the_gateway() -> None:
    found = own(nic("10.0.1.4"))
    assert found == NicAddresses(addresses=("10.0.1.4/24",), gateways=("10.0.1.1",))
    assert found.gateway("10.0.1.4/24") == "10.0.1.1"


def test_a_nic_with_several_addresses_keeps_them_all_in_their_order() -> None:
    assert own(nic("10.0.1.9", "10.0.1.4")).addresses == ("10.0.1.9/24", "10.0.1.4/24")


def test_an_ipv6_address_has_no_subnet_and_no_gateway_that_azure_tells() -> None:
    found = own(nic("10.0.1.4", ipv6=("fd00:db8:0:1::4",)))
    assert found.addresses == ("10.0.1.4/24", "fd00:db8:0:1::4/128")
    assert found.gateways == ("10.0.1.1",)
    assert found.gateway("fd00:db8:0:1::4/128") is None


def test_an_address_outside_its_subnet_is_alone() -> None:
    assert own(nic("10.9.1.4")).addresses == ("10.9.1.4/32",)


def test_a_subnet_with_room_for_nobody_else_has_no_gateway() -> None:
    assert own(nic("10.0.1.4", subnet=("10.0.1.4", "32"))).gateways == ()


@pytest.mark.parametrize("mac", ["000D3AC00011", "000d3ac00011", "00-0D-3A-C0-00-11", MAC])
def test_a_mac_is_read_however_it_is_written(mac: str) -> None:
    assert own(nic("10.0.1.4", mac=mac)).addresses


def test_each_nic_is_known_by_its_own_mac() -> None:
    nics = [nic("10.0.1.4"), nic("10.0.2.4", subnet=("10.0.2.0", "24"), mac="000D3AC00012")]
    found = parse(json.dumps({"interface": nics}).encode())
    assert {mac: one.addresses for mac, one in found.items()} == {
        MAC: ("10.0.1.4/24",),
        "00:0d:3a:c0:00:12": ("10.0.2.4/24",),
    }


def test_what_makes_no_sense_is_left_out_and_the_rest_counts() -> None:
    broken = [
        None,
        "eth0",
        nic("10.0.3.4", mac=""),
        nic("10.0.3.4", mac=17),
        nic("10.0.3.4", mac="FFFFFFFFFFFF"),
    ]
    odd = nic("", None, "10.0.1.400", "fd00::1", "10.0.1.4", subnet=("10.0.1.0", 24), ipv6=("",))
    odd["ipv4"]["subnet"] += [None, {"address": "x", "prefix": "24"}, {"address": "10.0.1.0"}]
    assert own(*broken, odd) == NicAddresses(addresses=("10.0.1.4/24",), gateways=("10.0.1.1",))


def test_a_nic_without_any_address_is_known_to_have_none() -> None:
    assert own({"macAddress": "000D3AC00011"}) == NicAddresses()


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "is not JSON"),
        (b"<html>", "is not JSON"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "no list `interface`"),
        (b'{"error": "Bad request"}', "no list `interface`"),
        (b'{"interface": {}}', "no list `interface`"),
    ],
)
def test_an_answer_of_another_kind_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(NodeError, match=why):
        parse(body)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"macAddress": TREES | st.just("000D3AC00011")},
            optional={"ipv4": TREES, "ipv6": TREES, "other": TREES},
        )
        | TREES
    )
)
def test_whatever_it_says_addresses_are_addresses(nics: list[Any]) -> None:
    for found in parse(json.dumps({"interface": nics}).encode()).values():
        assert [str(ipaddress.ip_interface(one)) for one in found.addresses] == list(
            found.addresses
        )
        assert [str(ipaddress.ip_address(one)) for one in found.gateways] == list(found.gateways)


@given(st.binary(max_size=200))
def test_noise_is_refused_and_breaks_nothing(noise: bytes) -> None:
    with pytest.raises(NodeError):
        parse(noise)
