"""Which addresses a pair shall have in its pod, and how a result tells of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from netvsc.errors import RetryError
from netvsc.model.pair import Pair
from netvsc.model.pool import BUILT_IN, Addresses, Pool
from netvsc_deviceplugin.cni.attach.addresses import Json, own_of
from netvsc_deviceplugin.cni.attach.attachments import Attached
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.protocol.request import Call, Verb
from netvsc_deviceplugin.cni.result import added
from netvsc_deviceplugin.kernel.links import Link
from sim.kubelet.inventories import inventory, pair

AZURE = replace(BUILT_IN, addresses=Addresses.AZURE)
ONE = replace(pair(1), addresses=("10.0.1.4/24", "fd00::4/128"), gateways=("10.0.1.1",))


def own(one: Pair, *pools: Pool, of: Pair | None = None) -> Json | None:
    return own_of(one.id, pools=pools, inventory=inventory(of or one))


def test_a_pool_that_does_not_ask_configures_nothing() -> None:
    assert own(ONE, BUILT_IN) is None
    assert own(pair(9), BUILT_IN, of=ONE) is None  # not even a pair that nobody has seen yet


def test_a_pool_that_asks_gets_each_address_with_the_gateway_of_its_family() -> None:
    assert own(ONE, AZURE) == {
        "ips": [
            {"address": "10.0.1.4/24", "gateway": "10.0.1.1"},
            {"address": "fd00::4/128"},
        ]
    }


def test_the_pool_of_the_pair_decides() -> None:
    fast = Pool(name="fast", resource="netvsc.io/fast")
    assert own(replace(ONE, pool="fast"), AZURE, fast) is None


@pytest.mark.parametrize("there", [replace(ONE, addresses=(), gateways=()), pair(2)])
def test_a_promise_that_cannot_be_kept_yet_is_a_reason_to_try_again(there: Pair) -> None:
    with pytest.raises(RetryError, match=r"00-0d-3a-c0-00-01: .* yet, .*see --imds"):
        own_of(ONE.id, pools=[AZURE], inventory=inventory(there))


def attached(number: int, *, vf: bool = True) -> Attached:
    mac = pair(number).mac
    netvsc = NetnsLink(Link(ifindex=number, name=f"netvsc{number}", mac=mac))
    other = NetnsLink(
        Link(ifindex=100 + number, name=f"vf{number}", mac=mac, parent="0001:00:02.0")
    )
    return Attached(id=pair(number).id, netvsc=netvsc, vf=other if vf else None)


def result(version: str, given: Mapping[str, Json], *, before: Json | None = None) -> Any:
    config = {"prevResult": before} if before else {}
    call = Call(verb=Verb.ADD, version=version, config=config, arguments={}, netns="/run/netns/p")
    return added(call, [attached(1), attached(2, vf=False), attached(3)], given).body


GIVEN = {
    pair(2).id: {"ips": [{"address": "10.0.2.4/24", "gateway": "10.0.2.1"}]},
    pair(3).id: {
        "ips": [{"address": "fd00::4/128"}],
        "routes": [{"dst": "fd00::/64", "gw": "fd00::1"}],
    },
}
BEFORE: dict[str, Any] = {
    "interfaces": [{"name": "eth0"}, {"name": "veth0"}],
    "ips": [{"address": "10.1.0.7/24", "interface": 0}],
    "routes": [{"dst": "0.0.0.0/0"}],
}


def test_each_address_stands_at_the_netvsc_it_is_on_behind_what_was_there() -> None:
    body = result("1.1.0", GIVEN, before=BEFORE)
    names = [one["name"] for one in body["interfaces"]]
    assert names == ["eth0", "veth0", "netvsc1", "vf1", "netvsc2", "netvsc3", "vf3"]
    assert [(one["address"], names[one["interface"]]) for one in body["ips"]] == [
        ("10.1.0.7/24", "eth0"),
        ("10.0.2.4/24", "netvsc2"),
        ("fd00::4/128", "netvsc3"),
    ]
    assert [one["dst"] for one in body["routes"]] == ["0.0.0.0/0", "fd00::/64"]


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0"])
def test_older_versions_are_told_the_family(version: str) -> None:
    assert [one["version"] for one in result(version, GIVEN)["ips"]] == ["4", "6"]


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_newer_versions_are_not(version: str) -> None:
    assert all("version" not in one for one in result(version, GIVEN)["ips"])


def test_without_addresses_the_chains_own_stay_as_they_came() -> None:
    body = result("1.0.0", {}, before=BEFORE)
    assert (body["ips"], body["routes"]) == (BEFORE["ips"], BEFORE["routes"])
    assert "ips" not in result("1.0.0", {})
