"""Pairs that were allocated while nobody could bring them: moved once it is known whose they are.

docs/decisions/0007 tells of the files, one per deferred call, that this goes by.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from netvsc.errors import NetvscError, RequestError
from netvsc.host.inotify import watching
from netvsc.host.log_once import LogOnce
from netvsc_deviceplugin.cni.attach.checkpoint import CheckpointStore
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.protocol.request import Call
from netvsc_deviceplugin.cni.service import Service
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.kernel.netns import GoneError, exists
from netvsc_deviceplugin.kubelet.podresources import GONE_S, Pods

AGAIN_S = 5.0  # while the kubelet is silent or does not list a pod: nothing tells when it will

log = logging.getLogger(__name__)


class DeferredAttachments:
    """`ask` tells what every pod has; `leaving` tells whether we are to leave this node."""

    def __init__(  # noqa: PLR0913 (what it needs of others, each by its name)
        self,
        deferred_calls: DeferredCalls,
        *,
        checkpoints: CheckpointStore,
        service: Service,
        ask: Callable[[], Awaitable[Pods]],
        leaving: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._deferred_calls = deferred_calls
        self._checkpoints = checkpoints
        self._service = service
        self._ask = ask
        self._leaving = leaving
        self._clock = clock
        self._empty: dict[str, float] = {}
        self._wakeup = Wakeup()
        self._once = LogOnce(log)

    def wake(self) -> None:
        """Take a hint that there may be something to settle."""
        self._wakeup.set()

    async def run(self) -> None:
        """Settle deferred calls as they come, until cancelled; raises NodeError."""
        self._deferred_calls.make_folder()
        with watching(self._deferred_calls.folder, changed=self.wake):
            while True:
                await self._wakeup.wait(AGAIN_S if await self.settle() else None)

    async def settle(self) -> bool:
        """Move what can be moved, remove the calls that are settled; return whether some are not.

        A pod whose netns nobody can find any more, or that has no pairs, is settled.
        """
        calls = () if self._leaving() else await asyncio.to_thread(self._open)
        containers = {call.container for call in calls}
        self._empty = {one: since for one, since in self._empty.items() if one in containers}
        if not calls:
            return False
        try:
            pods = await self._ask()
        except NetvscError as error:
            self._once.warning(str(error))
            return True
        return any([not await self._settled(call, pods) for call in calls])

    def _open(self) -> Sequence[Call]:
        """Return what may need a move: of each pod the newest call, while its netns lives."""
        found: dict[tuple[str, str], Call] = {}
        for call in self._deferred_calls.all():
            pod = (call.namespace, call.pod)
            known = pod in found or bool(self._checkpoints.get(call.container))
            if known or not call.pod or not exists(call.netns):
                self._deferred_calls.remove(call.container)
            else:
                found[pod] = call
        return tuple(found.values())

    async def _settled(self, call: Call, pods: Pods) -> bool:
        """Settle one call; a pod that is not listed may be listed later, or end."""
        devices = pods.get((call.namespace, call.pod))
        if not devices and (devices is None or not self._surely_empty(call)):
            return False
        try:
            if devices:
                await self._service.add_deferred(
                    call, devices, still=lambda: self._still_deferred(call)
                )
        except GoneError:
            log.info(
                "container %s ended before its pairs were moved in", call.container,
                extra=call.log_fields,
            )  # fmt: skip
        except RequestError as error:
            log.error(  # noqa: TRY400
                "pairs of %s/%s were not moved into the pod: %s", call.namespace, call.pod, error,
                extra=call.log_fields,
            )  # fmt: skip
        except NetvscError as error:
            text = f"pairs of {call.namespace}/{call.pod} are not moved yet: {error}"
            self._once.warning(text, about=call.container, extra=call.log_fields)
            return False
        self._deferred_calls.remove(call.container)
        return True

    def _surely_empty(self, call: Call) -> bool:
        """Tell whether a pod has been listed without pairs for long enough to be believed.

        A kubelet that has just started may list pods before it knows what they have.
        """
        since = self._empty.setdefault(call.container, self._clock())
        return self._clock() - since >= GONE_S

    def _still_deferred(self, call: Call) -> bool:
        return self._deferred_calls.has(call.container)
