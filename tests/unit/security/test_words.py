"""What others write, where people and programs read it: names, addresses, another node's pods."""

from __future__ import annotations

import asyncio
import struct

import pytest

from netvsc.encoding.columns import columns
from netvsc.errors import RequestError
from netvsc.model.names import check_interface
from netvsc.model.status import AllocationStatus
from netvsc_deviceplugin.kernel.links import parse_link
from netvsc_deviceplugin.kernel.netlink import attribute
from netvsc_operator.kube import PODS
from netvsc_operator.kubectl import tables
from sim.cluster.controlled import POD, world
from sim.cluster.nodes import held, pair, revoked, status

OWN, FALSE = "00:0d:3a:c0:00:11", "02:00:00:66:66:66"
CLEAR = "\x1b[2J\x1b[1;1H"


@pytest.mark.parametrize("name", [CLEAR, "a\x07b", "x\x9b31m", "a\u202eb", "\x00"])
def test_an_interface_is_never_called_what_a_terminal_would_obey(name: str) -> None:
    with pytest.raises(RequestError, match="can be printed"):
        check_interface(name)


def test_a_table_shows_what_a_terminal_would_obey_and_keeps_its_columns() -> None:
    table = columns([("NODE", "NETVSC", "PATH"), ("n1", f"eth1{CLEAR}", "VF\nn2  eth1  VF")])
    assert table.splitlines() == [
        "NODE  NETVSC                PATH",
        r"n1    eth1\x1b[2J\x1b[1;1H  VF\nn2  eth1  VF",
    ]


def test_kubectl_netvsc_prints_no_control_character_of_a_hostile_nodes_status() -> None:
    where = AllocationStatus(
        namespace=f"nf{CLEAR}", pod="p\r", container="c\t", resource="netvsc.io/pair"
    )
    lying = pair(1, netvsc=f"eth1{CLEAR}", pool="\x07", allocation=where)
    node = tables.Node(name="n1", status=status(lying))
    for rows in (
        tables.nodes([node]),
        tables.pairs([node], now=0.0),
        tables.events([{"reason": CLEAR, "note": f"a\n{CLEAR}", "regarding": {}}], now=0.0),
    ):
        assert all(line.isprintable() for line in columns(rows).split("\n"))
        assert len(columns(rows).splitlines()) == len(rows)


def link(*, kind: str = "", permanent: bytes = bytes.fromhex(OWN.replace(":", ""))) -> bytes:
    body = struct.pack("=BxHiII", 0, 1, 3, 1, 0) + attribute(3, b"eth1\0")
    body += attribute(1, bytes.fromhex(FALSE.replace(":", ""))) + attribute(54, permanent)
    return body + (attribute(18, attribute(1, kind.encode() + b"\0")) if kind else b"")


def test_a_nic_goes_by_its_permanent_address_whatever_it_wears() -> None:
    assert (parse_link(link()).mac, parse_link(link()).wears) == (OWN, FALSE)


def test_a_netdev_without_hardware_has_no_other_address_than_it_wears() -> None:
    assert parse_link(link(kind="bond")).mac == FALSE
    assert parse_link(link(permanent=bytes(6))).mac == FALSE


def test_of_a_pod_on_another_node_an_agent_has_nothing_to_say() -> None:
    """It has a pod's word for nothing: the scheduler says where a pod is."""

    async def told() -> None:
        here = await world()
        here.kube.objects["pods", "default", POD]["spec"]["nodeName"] = "another"
        before = dict(here.kube.objects["pods", "default", POD])
        await here.report(held(pair(1)))
        await here.report(revoked(held(pair(1))))
        assert here.events("Node") == ["VFRevoked"]
        assert here.events("Pod") == []
        assert here.kube.of(PODS) == [before]

    asyncio.run(told())
