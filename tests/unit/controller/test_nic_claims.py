"""Whose a NIC is, as DRANET's and Azure CNI's objects say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

from netvsc.encoding.serialize import to_plain
from netvsc_operator.controller.watches.nic_claims import (
    Allocations,
    Offer,
    Slice,
    by_node,
    claim_of,
    foreign,
    multitenant_of,
    nodeinfo_of,
    slice_of,
)
from netvsc_operator.controller.watches.nic_owners import NicOwners
from netvsc_operator.kube import Kind, Kube, NotFound
from netvsc_operator.objects import Listing, Scope

Object = dict[str, Any]
INTERFACES = {"00-0d-3a-c0-00-11": "eth1", "00-0d-3a-c0-00-12": "eth2"}


def device(name: str, **attributes: str) -> Object:
    return {
        "name": name,
        "attributes": {f"dra.net/{key}": {"string": text} for key, text in attributes.items()},
    }


def resource_slice(*devices: Object, driver: str = "dra.net") -> Object:
    pool = {"name": "n1", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": driver, "nodeName": "n1", "pool": pool, "devices": list(devices)}
    return {"metadata": {"name": "s"}, "spec": spec}


def claim(*devices: str, driver: str = "dra.net") -> Object:
    results = [{"driver": driver, "pool": "n1", "device": one, "request": "r"} for one in devices]
    return {"status": {"allocation": {"devices": {"results": results}}}}


def said(
    *,
    slices: tuple[Slice | None, ...] = (),
    claims: tuple[Allocations, ...] = (),
    offers: tuple[Offer, ...] = (),
    configs: tuple[Allocations, ...] = (),
) -> list[Object]:
    found = by_node(
        slices=[one for one in slices if one], claims=claims, offers=offers, configs=configs
    )
    return [to_plain(one) for one in foreign(found.get("n1", ()), INTERFACES)]


def test_what_a_slice_has_is_listed_and_what_a_claim_has_is_allocated() -> None:
    there = slice_of(resource_slice(device("a", ifName="eth1"), device("b", ifName="eth2")), None)
    assert said(slices=(there,), claims=(claim_of(claim("b")),)) == [
        {"interface": "eth2", "owner": "dra.net", "state": "allocated"},
        {"interface": "eth1", "owner": "dra.net", "state": "listed"},
    ]


def test_a_device_in_a_pod_has_lost_its_name_and_is_known_from_before() -> None:
    before = slice_of(resource_slice(device("pci-1", ifName="eth1")), None)
    after = slice_of(resource_slice(device("pci-1")), before)
    assert said(slices=(after,), claims=(claim_of(claim("pci-1")),))[0]["interface"] == "eth1"


def test_a_device_without_attributes_goes_by_its_own_name() -> None:
    assert said(slices=(slice_of(resource_slice(device("eth2")), None),))[0]["interface"] == "eth2"


def test_a_device_with_a_mac_is_found_by_it() -> None:
    there = slice_of(resource_slice(device("x", mac="00:0D:3A:C0:00:11", ifName="old")), None)
    assert said(slices=(there,))[0]["interface"] == "eth1"


def test_the_beta_keeps_attributes_one_level_deeper() -> None:
    deeper = {"name": "a", "basic": {"attributes": {"dra.net/ifName": {"string": "eth1"}}}}
    assert said(slices=(slice_of(resource_slice(deeper), None),))[0]["interface"] == "eth1"


def test_other_drivers_are_none_of_our_business() -> None:
    assert slice_of(resource_slice(device("gpu0"), driver="gpu.example.com"), None) is None
    assert claim_of(claim("gpu0", driver="gpu.example.com")) == Allocations()
    assert claim_of({}) == Allocations()


def test_azure_cni_lists_by_nodeinfo_and_allocates_by_pod_network_config() -> None:
    info = {
        "metadata": {"name": "n1"},
        "status": {"deviceInfos": [{"deviceType": "acn.azure.com/vnet-nic", "macAddress": mac}
                                   for mac in ("00:0d:3a:c0:00:11", "00-0D-3A-C0-00-12", "no")]},
    }  # fmt: skip
    config = {
        "status": {"nodeName": "n1", "interfaceInfos": [{"macAddress": "00:0d:3a:c0:00:12"}, {}]}
    }
    assert said(offers=(nodeinfo_of(info),), configs=(multitenant_of(config),)) == [
        {"interface": "eth2", "owner": "acn.azure.com", "state": "allocated"},
        {"interface": "eth1", "owner": "acn.azure.com", "state": "listed"},
    ]


def test_a_nic_that_the_agent_has_not_told_of_waits_for_it() -> None:
    info = {
        "metadata": {"name": "n1"},
        "status": {"deviceInfos": [{"macAddress": "00:0d:3a:c0:00:99"}]},
    }
    assert said(offers=(nodeinfo_of(info),)) == []
    assert multitenant_of({"status": {"interfaceInfos": [{"macAddress": "x"}]}}) == Allocations()


class SimApis:
    """An apiserver that has some kinds, each with objects; its watches are silent."""

    def __init__(self) -> None:
        self.has: dict[str, list[Object]] = {}

    async def list(self, kind: Kind, _scope: Scope | None = None) -> Listing:
        if str(kind) not in self.has:
            raise NotFound(f"no {kind}", status=404)
        return Listing(items=self.has[str(kind)], version="1")

    async def lines(self, *_: object, **__: object) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""


def test_an_api_that_is_absent_is_no_error_and_is_found_once_it_is_there() -> None:
    async def told() -> None:
        apis, changed = SimApis(), asyncio.Event()
        foreigners = NicOwners(cast("Kube", apis), lambda _node: changed.set(), again_s=0.01)
        assert foreigners.of("n1", {}) is None
        task = asyncio.create_task(foreigners.run(everybody=lambda: ["n1"]))
        async with asyncio.timeout(5):
            await changed.wait()
            assert foreigners.of("n1", {}) == ()
            changed.clear()
            apis.has["resourceslices.resource.k8s.io"] = [resource_slice(device("eth2"))]
            await changed.wait()
        assert [one.interface for one in foreigners.of("n1", {}) or ()] == ["eth2"]
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(told())
