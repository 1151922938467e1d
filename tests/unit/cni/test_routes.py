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


GATEWAYS = {4: ip_address("10.8.0.1"), 6: ip_address("fd00::1")}


@pytest.mark.parametrize(
    ("route", "via", "scope"),
    [
        ({"dst": "10.7.0.0/16"}, "10.8.0.1", 0),
        ({"dst": "10.7.0.0/16", "gw": "10.8.0.9"}, "10.8.0.9", 0),
        ({"dst": "10.7.0.0/16", "scope": 253}, None, 253),  # RT_SCOPE_LINK: no gateway from here
        ({"dst": "10.7.0.0/16", "scope": 254}, None, 254),
        ({"dst": "10.7.0.0/16", "scope": 252}, "10.8.0.1", 252),
        ({"dst": "10.7.0.0/16", "scope": 0}, "10.8.0.1", 0),
        ({"dst": "10.7.0.0/16", "gw": "0.0.0.0"}, None, 253),
        ({"dst": "10.8.0.1/32"}, None, 253),  # the gateway itself
        ({"dst": "10.8.0.1/32", "gw": "10.8.0.9"}, "10.8.0.9", 0),
        ({"dst": "fd07::/64"}, "fd00::1", 0),
        ({"dst": "fd07::/64", "scope": 0}, "fd00::1", 0),
        ({"dst": "fd00::1/128"}, None, 0),
        ({"dst": "fd07::/64", "gw": "::"}, None, 0),
    ],
)
def test_a_route_goes_over_its_gateway_unless_its_scope_or_itself_leaves_no_room(
    route: dict[str, Any], via: str | None, scope: int
) -> None:
    found = route_of(route, gateways=GATEWAYS)
    assert (found.via, found.scope) == (ip_address(via) if via else None, scope)


def test_without_a_gateway_of_its_family_it_stays_on_the_link() -> None:
    assert route_of({"dst": "10.7.0.0/16"}, gateways={}).scope == 253
    assert route_of({"dst": "fd07::/64"}, gateways={4: GATEWAYS[4]}).via is None


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ({"dst": "10.7.0.0/16", "flags": ["onlink"]}, "flags is not known here"),
        ({"dst": "10.7.0.1/16"}, "it has host bits: write 10.7.0.0/16"),
        ({"dst": "10.7.0.0"}, "has no prefix: write 10.7.0.0/32"),
        ({"dst": "10.7.0.0/255.255.0.0"}, "has no prefix: write 10.7.0.0/16"),
        ({"dst": "x"}, "network"),
        ({"dst": "fe80::1%eth0/128"}, "network"),
        ({"dst": "10.7.0.0/16", "gw": "fd00::1"}, "is of another family"),
        ({"dst": "10.7.0.0/16", "gw": "fe80::1%eth0"}, "address"),
        ({"dst": "fd07::/64", "scope": 253}, "IPv6 routes have none"),
        ({"dst": "10.7.0.0/16", "scope": 256}, "a number from 0 to 255"),
        ({"dst": "10.7.0.0/16", "table": -1}, "a number from 0 to 4294967295"),
        ({"dst": "10.7.0.0/16", "table": 2**32}, "a number from 0 to 4294967295"),
        ({"dst": "10.7.0.0/16", "mtu": True}, "a number from 0"),
        ({"dst": "10.7.0.0/16", "mtu": "1500"}, "a number from 0"),
    ],
)
def test_what_no_route_can_have_is_refused_with_the_reason(route: dict[str, Any], why: str) -> None:
    with pytest.raises(RequestError, match=why):
        route_of(route, gateways=GATEWAYS)


def test_numbers_are_taken_to_the_last() -> None:
    most = {"table": 2**32 - 1, "priority": 2**32 - 1, "mtu": 2**32 - 1, "scope": 255}
    found = route_of({"dst": "10.7.0.0/16", "advmss": 1460} | most, gateways={})
    assert (found.table, found.priority, found.scope) == (2**32 - 1, 2**32 - 1, 255)
    assert found.metrics == {"mtu": 2**32 - 1, "advmss": 1460}
