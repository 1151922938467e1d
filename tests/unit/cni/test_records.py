"""What is written down of a pair before it moves, and what of it is whose."""

from __future__ import annotations

from dataclasses import replace

import pytest

from netvsc.errors import RequestError, RetryError
from netvsc_deviceplugin.cni.attach import records
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, ContainerPhase, PairRecord
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.attach.plan import HostNames, PairLocation
from netvsc_deviceplugin.cni.attach.records import Target, Want
from netvsc_deviceplugin.kernel.links import Link

MAC, ID = "00:0d:3a:c0:00:11", "00-0d-3a-c0-00-11"
WANT = Want(id=ID, interface="netvsc0")
TARGET = Target(container="c1", netns="/run/netns/pod", attachment="eth0", network="net")
NETVSC = NetnsLink(Link(ifindex=3, name="eth1", mac=MAC, flags=1, mtu=9000, parent_bus="vmbus"))
VF = NetnsLink(Link(ifindex=4, name="vf1", mac=MAC, parent_bus="pci"))
BOTH = PairLocation(netvsc=NETVSC, vf=VF)
HELD = PairRecord(
    id=ID, interface="netvsc0", attachment="eth0", network="net", home="eth1", vf_home="vf1",
    up=True, mtu=9000,
)  # fmt: skip


def checkpoint(*pairs: PairRecord) -> Checkpoint:
    return Checkpoint(
        container="c1", netns="/run/netns/pod", namespace="nf", pod="fwd",
        phase=ContainerPhase.INSIDE, pairs=pairs,
    )  # fmt: skip


def other(name: str, *altnames: str, mac: str = "02:00:00:00:00:01", **more: object) -> NetnsLink:
    facts = {"ifindex": 9, "netns": "pod"} | more
    return NetnsLink(Link(name=name, mac=mac, **facts), altnames)  # type: ignore[arg-type]


def test_a_pair_is_described_as_it_is_at_home() -> None:
    assert records.record_of(WANT, TARGET, BOTH, None) == HELD
    down = replace(NETVSC, link=replace(NETVSC.link, flags=0))
    alone = records.record_of(WANT, TARGET, PairLocation(netvsc=down, vf=None), None)
    assert alone == replace(HELD, up=False, vf_home=None)


def test_of_one_that_bears_a_note_home_is_what_the_note_says() -> None:
    named = PairLocation(
        netvsc=replace(NETVSC, altnames=("nvhome-eth7",)),
        vf=replace(VF, altnames=("nvhome-vf7",)),
    )
    found = records.record_of(WANT, TARGET, named, None)
    assert (found.home, found.vf_home) == ("eth7", "vf7")


def test_one_that_is_inside_keeps_what_is_known_of_home() -> None:
    before = checkpoint(replace(HELD, interface="old", attachment="net1", network="before"))
    inside = PairLocation(netvsc=other("old", mac=MAC), vf=None)
    assert records.record_of(WANT, TARGET, inside, before) == HELD
    assert records.record_of(WANT, TARGET, BOTH, checkpoint()) == HELD


def test_a_name_that_another_interface_has_in_the_pod_is_refused() -> None:
    for seen in (other("netvsc0"), other("x", "netvsc0")):
        with pytest.raises(RequestError, match="netvsc0 is taken in /run/netns/pod"):
            records.check_name(WANT, TARGET, BOTH, [seen])
    fine = [other("netvsc1"), other("netvsc0", netns=None), other("netvsc0", mac=MAC)]
    records.check_name(WANT, TARGET, BOTH, fine)
    with pytest.raises(RetryError, match="is its NIC attached"):
        records.check_name(WANT, TARGET, PairLocation(netvsc=None, vf=VF), [])


def test_an_attachments_pairs_are_told_from_the_others() -> None:
    first, second = HELD, replace(HELD, id="x", attachment="net1")
    assert records.split(checkpoint(first, second), "net1") == ([second], [first])
    assert records.split(checkpoint(first, second), None) == ([first, second], [])
    assert records.split(None, "eth0") == ([], [])


def test_what_has_a_host_name_and_stands_in_no_checkpoint_is_found() -> None:
    named = other("netvsc0", "nvhome-eth1", mac=MAC, parent_bus="vmbus")
    (found,) = records.unrecorded([named, other("eth0")], [])
    assert (found.id, found.interface, found.home, found.up) == (ID, "netvsc0", "eth1", True)
    assert records.unrecorded([named], [HELD]) == []


def test_in_a_pod_a_note_without_a_device_behind_it_is_not_believed() -> None:
    assert records.unrecorded([other("x", "nvhome-eth1", mac=MAC)], []) == []
    on_host = other("x", "nvhome-eth1", mac=MAC, netns=None)
    assert [one.home for one in records.unrecorded([on_host], [])] == ["eth1"]
    vf = other("vf1", "nvhome-vf1", mac=MAC, parent_bus="pci")
    assert records.unrecorded([vf], []) == []


def test_a_vf_that_came_last_says_how_the_next_is_called_at_home() -> None:
    assert records.renewed(HELD, {}) == HELD
    assert records.renewed(HELD, {MAC: "vf7"}) == replace(HELD, vf_home="vf7")
    assert records.host_names(HELD) == HostNames(netvsc="eth1", vf="vf1")
