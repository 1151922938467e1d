"""The kubelet's answers and requests: whose pairs, Allocate, GetPreferredAllocation."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from google.protobuf.message import DecodeError

from fuzz.engine import Target
from fuzz.mutate import raw
from netvsc.model.pool import BUILT_IN
from netvsc_deviceplugin.kubelet.api import deviceplugin_v1beta1_pb2 as dp
from netvsc_deviceplugin.kubelet.api import podresources_v1_pb2 as pr
from netvsc_deviceplugin.kubelet.plugin import Plugin
from netvsc_deviceplugin.kubelet.podresources import allocations_from, pods_of, settled
from netvsc_deviceplugin.kubelet.servicer import DevicePluginServicer
from sim.kubelet import inventories

_LOOP = asyncio.new_event_loop()


def pod_resources(data: bytes) -> None:
    """Only our devices are taken, each with one holder; both readers name the same ones."""
    try:
        answer = pr.ListPodResourcesResponse.FromString(data)
    except DecodeError:
        return
    held = allocations_from(answer)
    listed = pods_of(answer)
    ids = {id_ for pod in listed.values() for one in pod for id_ in one.ids}
    assert ids == set(held)
    assert all(one.resource.startswith("netvsc.io/") for one in held.values())
    assert settled(held, {}, {}, now=1.0)[0] == held


class _Meter:
    def allocated(self, result: str, seconds: float) -> None:
        assert result in {"granted", "refused", "failed"}
        assert seconds >= 0


class _Abort(Exception):  # noqa: N818 (as gRPC's own, it ends the call)
    pass


class _Context:
    async def abort(self, _code: object, details: str) -> None:
        assert details, "a refusal without a reason"
        raise _Abort


def _plugin() -> Plugin:
    pairs = tuple(inventories.pair(number) for number in (0x11, 0x12, 0x13))
    plugin = Plugin(BUILT_IN, dev=Path("/nowhere"), clock=lambda: 0.0, later=_LOOP.call_later)
    plugin.update(inventories.inventory(*pairs))
    return plugin


def _service() -> DevicePluginServicer:
    return DevicePluginServicer(
        _plugin(), record=lambda _grants: None, meter=_Meter(), listeners=lambda _change: None
    )


async def _allocate(asked: dp.AllocateRequest) -> None:
    try:
        answer = await _service().allocate(asked, _Context())  # type: ignore[arg-type]
    except _Abort:
        return
    assert len(answer.container_responses) == len(asked.container_requests)


async def _prefer(asked: dp.PreferredAllocationRequest) -> None:
    answer = await _service().prefer(asked, _Context())  # type: ignore[arg-type]
    for one, said in zip(asked.container_requests, answer.container_responses, strict=True):
        offered = {*one.available_deviceIDs, *one.must_include_deviceIDs}
        assert set(said.deviceIDs) <= offered, "a pair that was not offered"


def requests(data: bytes) -> None:
    """Any Allocate is granted whole or refused with a reason; what is preferred was offered."""
    with contextlib.suppress(DecodeError):
        _LOOP.run_until_complete(_allocate(dp.AllocateRequest.FromString(data)))
    with contextlib.suppress(DecodeError):
        _LOOP.run_until_complete(_prefer(dp.PreferredAllocationRequest.FromString(data)))


TARGETS = (
    Target(name="podresources", check=pod_resources, mutate=raw),
    Target(name="allocate", check=requests, mutate=raw),
)
