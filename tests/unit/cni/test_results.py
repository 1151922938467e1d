"""What a CNI call is answered with, by version; an error has the specification's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from netvsc.errors import ConfigError, NodeError, RequestError, RetryError
from netvsc_deviceplugin.cni.attach.attachments import Attached
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.protocol.ipam import DelegateError
from netvsc_deviceplugin.cni.protocol.request import VERSIONS, Call, CallError, Code, Verb
from netvsc_deviceplugin.cni.result import added, failed, succeeded, versions
from netvsc_deviceplugin.kernel.links import Link

MAC = "00:0d:3a:c0:00:11"
NETVSC = NetnsLink(Link(ifindex=3, name="netvsc0", mac=MAC, mtu=1500))
VF = NetnsLink(Link(ifindex=4, name="vf1", mac=MAC, mtu=1400, parent_bus="pci", parent="1:00:02.0"))
PAIR = Attached(id="00-0d-3a-c0-00-11", netvsc=NETVSC, vf=VF)
IPS = {"ips": [{"address": "10.7.0.5/24", "version": "4"}, "nonsense", {"address": "fd00::5/64"}]}


def call(version: str = "1.1.0", **config: Any) -> Call:
    return Call(verb=Verb.ADD, version=version, config=config, netns="/run/netns/x", arguments={})


def body(asked: Call, given: Mapping[str, object] | None = None, *pairs: Attached) -> Any:
    answer = added(asked, pairs or (PAIR,), {PAIR.id: given} if given else None)
    assert answer.good
    return answer.body


def test_interfaces_stand_behind_those_of_before_with_mtu_and_device_since_1_1() -> None:
    before = {"interfaces": [{"name": "eth0"}], "cniVersion": "0.4.0"}
    netvsc = {"name": "netvsc0", "mac": MAC, "sandbox": "/run/netns/x"}
    vf = netvsc | {"name": "vf1"}
    assert body(call(prevResult=before)) == {
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "eth0"},
            netvsc | {"mtu": 1500},
            vf | {"mtu": 1400, "pciID": "1:00:02.0"},
        ],
    }
    assert body(call("1.0.0")) == {"cniVersion": "1.0.0", "interfaces": [netvsc, vf]}
    alone = Attached(id=PAIR.id, netvsc=NETVSC, vf=None)
    assert body(call("1.0.0"), None, alone)["interfaces"] == [netvsc]


def test_nothing_of_ours_changes_nothing_but_the_version() -> None:
    assert added(call(prevResult={"ips": []}), ()).body == {"cniVersion": "1.1.0", "ips": []}


def test_addresses_stand_on_the_netvsc_and_say_their_family_before_1_0() -> None:
    before = {"interfaces": [{"name": "eth0"}], "ips": [{"address": "10.1.0.7/24"}]}
    new = body(call(prevResult=before), IPS)
    assert new["ips"] == [
        {"address": "10.1.0.7/24"},
        {"address": "10.7.0.5/24", "interface": 1},
        {"address": "fd00::5/64", "interface": 1},
    ]
    assert "routes" not in new
    old = body(call("0.4.0"), IPS)
    assert [one["version"] for one in old["ips"]] == ["4", "6"]


def test_routes_are_added_to_those_of_before() -> None:
    before = {"routes": [{"dst": "0.0.0.0/0"}]}
    assert body(call(prevResult=before), {"routes": [{"dst": "10.0.0.0/8"}]})["routes"] == [
        {"dst": "0.0.0.0/0"},
        {"dst": "10.0.0.0/8"},
    ]


def test_the_dns_of_before_counts_most_then_the_configurations_then_the_plugins() -> None:
    given = IPS | {"dns": {"nameservers": ["3"]}}
    config = {"dns": {"nameservers": ["2"]}, "ipam": {"type": "host-local"}}
    before = {"dns": {"nameservers": ["1"]}}
    assert body(call(prevResult=before, **config), given)["dns"] == {"nameservers": ["1"]}
    assert body(call(**config), given)["dns"] == {"nameservers": ["2"]}
    assert body(call(dns=config["dns"]), given)["dns"] == {"nameservers": ["3"]}
    assert "dns" not in body(call(), IPS)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CallError(Code.DECODE, "x"), Code.DECODE),
        (DelegateError(42, "x"), 42),
        (RetryError("x"), Code.TRY_AGAIN),
        (RequestError("x"), Code.CONFIG),
        (ConfigError("x"), Code.CONFIG),
        (NodeError("x"), Code.IO),
        (OSError("x"), Code.INTERNAL),
    ],
)
def test_each_kind_of_error_has_its_code(error: Exception, code: int) -> None:
    answer = failed(error, version="1.0.0")
    assert not answer.good
    assert answer.body == {"cniVersion": "1.0.0", "code": code, "msg": "netvsc-cni: x"}


def test_an_error_without_words_is_told_by_its_kind() -> None:
    assert failed(KeyError()).body == {
        "cniVersion": VERSIONS[-1],
        "code": Code.INTERNAL,
        "msg": "netvsc-cni: KeyError",
    }


def test_what_has_nothing_to_say_says_nothing() -> None:
    assert (succeeded().good, succeeded().body) == (True, None)
    assert versions().body == {"cniVersion": "1.1.0", "supportedVersions": list(VERSIONS)}
