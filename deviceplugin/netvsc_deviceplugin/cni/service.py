"""The verbs: each call becomes one answer, never an exception. Changes happen one at a time."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol, TypeVar

from netvsc.errors import NetvscError
from netvsc_deviceplugin.cni import addresses, ipam, result
from netvsc_deviceplugin.cni.attachments import Attached, Attachments
from netvsc_deviceplugin.cni.holding import Target
from netvsc_deviceplugin.cni.request import VERSIONS, Call, Json, Verb, parse_call
from netvsc_deviceplugin.cni.result import Answer
from netvsc_deviceplugin.cni.whose import Devices, wants

T = TypeVar("T")
Asker = Callable[[str, str], Awaitable[tuple[Devices, ...]]]

log = logging.getLogger(__name__)


class Meter(Protocol):
    """Counts calls; `outcome` is done or failed."""

    def called(self, verb: str, outcome: str, seconds: float) -> None: ...


class Service:
    """`ask(namespace, pod)` tells what a pod has, `prefixes` the pools' interface prefixes.

    `waiting` tells whether any pair was granted and is not in its pod yet: where none is, the
    kubelet need not be asked. `changing` is held while something moves; `changed` is called, on
    the loop, when it has.
    """

    def __init__(  # noqa: PLR0913 (what it needs of others, each by its name)
        self,
        attachments: Attachments,
        *,
        ask: Asker,
        prefixes: Callable[[], Mapping[str, str]],
        meter: Meter,
        waiting: Callable[[], bool] = lambda: True,
        changing: threading.Lock | None = None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._attachments = attachments
        self._ask = ask
        self._prefixes = prefixes
        self._meter = meter
        self._waiting = waiting
        self._changing = changing or threading.Lock()
        self._changed = changed
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cni")

    def close(self) -> None:
        """Wait for the change under way, if any."""
        self._worker.shutdown()

    async def restore(self) -> None:
        await self._alone(self._attachments.restore)

    async def answer(self, environment: Mapping[str, str], stdin: bytes) -> Answer:
        began, version, verb = time.monotonic(), VERSIONS[-1], "unknown"
        try:
            call = parse_call(environment, stdin)
            version, verb = call.version, call.verb
            answer, outcome = await self._verbs(call), "done"
        except Exception as error:
            answer, outcome = result.failed(error, version=version), "failed"
            unexpected = None if isinstance(error, NetvscError) else error
            log.warning(
                "CNI %s failed: %s", verb, error, exc_info=unexpected,
                extra={"container": environment.get("CNI_CONTAINERID", "")},
            )  # fmt: skip
        self._meter.called(verb, outcome, time.monotonic() - began)
        return answer

    async def _verbs(self, call: Call) -> Answer:
        match call.verb:
            case Verb.ADD:
                return await self._add(call)
            case Verb.DEL:
                await self._delete(call)
            case Verb.CHECK:
                await self._alone(partial(self._attachments.check, _target(call)))
            case Verb.GC:
                network, valid = _network(call), set(call.valid_attachments())
                await self._alone(partial(self._attachments.collect, network, valid))
            case Verb.VERSION:
                return result.versions()
            case Verb.STATUS:
                pass  # an unready agent must not make the node NotReady
        return result.succeeded()

    async def _add(self, call: Call) -> Answer:
        devices = await self._devices(call)
        wanted = wants(call, devices, prefixes=self._prefixes())
        if not wanted:
            return result.added(call, ())
        found = await self._alone(partial(self._attachments.add, _target(call), wanted))
        try:
            addresses = await self._addresses(call, found)
        except BaseException:
            await self._delete(call)
            raise
        log.info(
            "%s is in %s", ", ".join(one.netvsc.link.name for one in found), call.netns,
            extra={"container": call.container, "pod": f"{call.namespace}/{call.pod}"},
        )  # fmt: skip
        return result.added(call, found, addresses)

    async def _devices(self, call: Call) -> tuple[Devices, ...]:
        """Ask the kubelet; without its answer a pod that was promised nothing passes."""
        if call.device or not call.pod or (call.annotation is None and not self._waiting()):
            return ()
        try:
            return await self._ask(call.namespace, call.pod)
        except NetvscError as error:
            if call.annotation is not None:
                raise
            log.warning("%s; taking it for nothing", error)
            return ()

    async def _delete(self, call: Call) -> None:
        where = {"netns": call.netns, "attachment": call.interface}
        await self._alone(partial(self._attachments.delete, call.container, **where))
        if call.ipam:
            await ipam.delegate(call, "DEL")

    async def _addresses(self, call: Call, found: tuple[Attached, ...]) -> Json | None:
        if not call.ipam:
            return None
        given = await ipam.delegate(call, "ADD")
        await self._alone(
            partial(addresses.configure, call.netns, found[0].netvsc.link.ifindex, given)
        )
        return given

    async def _alone(self, work: Callable[[], T]) -> T:
        """Run in the one thread that changes things; it goes on though the caller is cancelled."""
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._worker, partial(self._locked, work)
            )
        finally:
            self._changed()

    def _locked(self, work: Callable[[], T]) -> T:
        with self._changing:
            return work()


def _network(call: Call) -> str:
    name = call.config.get("name")
    return name if isinstance(name, str) else ""


def _target(call: Call) -> Target:
    return Target(
        container=call.container,
        netns=call.netns,
        attachment=call.interface,
        network=_network(call),
        namespace=call.namespace,
        pod=call.pod,
    )
