"""Routes of a CNI result: whatever is taken can be written, and all else is refused in words."""

from __future__ import annotations

from ipaddress import ip_address, ip_interface
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netvsc.errors import RequestError
from netvsc_deviceplugin.cni.protocol.routes import address_of, gateways_of, route_of
from netvsc_deviceplugin.kernel.requests import messages
from netvsc_deviceplugin.kernel.requests.route import Route

NUMBERS = st.none() | st.booleans() | st.integers(-1, 2**33) | st.floats() | st.text(max_size=3)
TEXTS = st.sampled_from(
    ["10.7.0.0/16", "10.7.0.1/16", "0.0.0.0/0", "::/0", "fd00::/64", "fd00::1", "10.8.0.1", "x", "",
     "fe80::1%eth0", "fe80::1%eth0/64", "fe80::%eth0/64", "\ud800", 7, None, [], {}]
)  # fmt: skip
ROUTES = st.fixed_dictionaries(
    {"dst": TEXTS},
    optional={"gw": TEXTS}
    | dict.fromkeys(["table", "priority", "scope", "mtu", "advmss"], NUMBERS),
)


@given(ROUTES, st.lists(st.fixed_dictionaries({"gateway": TEXTS}), max_size=2))
def test_whatever_a_route_says_it_can_be_written_or_is_refused(
    route: dict[str, Any], ips: list[dict[str, Any]]
) -> None:
    try:
        found = route_of(route, gateways=gateways_of(ips))
    except RequestError:
        return
    assert messages.route(7, found)
    assert str(found).startswith(str(found.to))


@given(TEXTS)
def test_whatever_an_address_says_it_can_be_written_or_is_refused(text: object) -> None:
    try:
        found = address_of({"address": text})
    except RequestError:
        return
    assert messages.address(7, found)


def test_of_each_family_the_first_gateway_is_taken() -> None:
    texts = ["10.8.0.1", "fd00::1", "10.9.0.1", "fd01::1"]
    found = gateways_of([{"gateway": text} for text in texts] + [{"address": "10.8.0.5/24"}])
    assert found == {4: ip_address("10.8.0.1"), 6: ip_address("fd00::1")}


def test_a_route_is_named_by_what_tells_it_from_others() -> None:
    given = {"dst": "10.7.0.0/16", "gw": "10.8.0.1", "table": 100, "priority": 7}
    assert str(route_of(given, gateways={})) == "10.7.0.0/16 via 10.8.0.1 table 100 priority 7"
    assert str(route_of({"dst": "::/0", "table": 0}, gateways={})) == "::/0"


def test_zeros_are_the_kernels_own_choice() -> None:
    zeros = dict.fromkeys(["table", "priority", "mtu", "advmss"], 0)
    plain = {"dst": "10.7.0.0/16"}
    assert route_of(plain | zeros, gateways={}) == route_of(plain, gateways={})
    assert isinstance(route_of(plain, gateways={}), Route)


@pytest.mark.parametrize("text", ["10.8.0.5/24", "fd00::5/64"])
def test_an_address_has_a_prefix(text: str) -> None:
    assert address_of({"address": text}) == ip_interface(text)


@pytest.mark.parametrize(("dst", "gw"), [("10.7.0.0/16", "0.0.0.0"), ("fd00::/64", "::")])
def test_a_gateway_that_is_nobody_is_none(dst: str, gw: str) -> None:
    gateways = {4: ip_address("10.8.0.1"), 6: ip_address("fd00::1")}
    assert route_of({"dst": dst, "gw": gw}, gateways=gateways).via is None
