"""A pair that the kernel refused to move is tried again, though nothing tells of it any more."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni.attach.attachments import Attached, Attachments
from netvsc_deviceplugin.cni.attach.checkpoint import (
    Checkpoint,
    CheckpointStore,
    ContainerPhase,
    PairRecord,
)
from netvsc_deviceplugin.cni.component import CniComponent
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.service import Service
from netvsc_deviceplugin.concurrency.wakeup import Wakeup

PAIR = PairRecord(
    id="00-0d-3a-00-00-01",
    interface="netvsc0",
    attachment="eth0",
    network="net",
    home="eth1",
    vf_home="vf1",
    up=True,
)


@dataclass(slots=True, kw_only=True)
class Refused(Attachments):
    """A kernel that refuses as many moves as it is told to; `tries` counts all."""

    refuse: int
    tries: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    def _executor(self, _pod_ns: object) -> Any:
        return nullcontext()

    def _bring(self, _executor: object, _pod_ns: object, record: PairRecord) -> Attached:
        self.tries += 1
        if self.tries <= self.refuse:
            raise NodeError("RTM_SETLINK: Device or resource busy")
        self.loop.call_soon_threadsafe(self.done.set)
        return Attached(id=record.id, netvsc=cast("Any", None), vf=None)

    def _orphans(self) -> bool:
        return True


class Mending(CniComponent):
    """The part of the CNI side that mends, and no other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._mend = Wakeup()

    def _watching_names(self) -> AbstractContextManager[None]:
        return nullcontext()

    def hint(self) -> None:
        """Tell that a VF came back, say."""
        self._mend.set()


def test_a_pair_that_could_not_be_brought_to_its_pod_is_tried_until_it_can(tmp_path: Path) -> None:
    async def story() -> None:
        checkpoints = CheckpointStore(tmp_path)
        pod = Checkpoint(
            container="c",
            netns="/proc/self/ns/net",
            namespace="nf",
            pod="fwd-0",
            phase=ContainerPhase.INSIDE,
            pairs=(PAIR,),
        )
        checkpoints.save(pod)
        there = Refused(
            host_ns=cast("Any", None), config=cast("Any", None), checkpoints=checkpoints, refuse=1
        )
        service = Service(
            there,
            ask=cast("Any", None),
            prefixes=dict,
            meter=cast("Any", None),
            deferred_calls=DeferredCalls(tmp_path),
        )
        half = Mending(service)
        half.hint()
        task = asyncio.create_task(half._keep_mending())
        async with asyncio.timeout(10):
            await there.done.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        service.close()
        there.sandboxes.close()
        assert there.tries == 2

    asyncio.run(story())
