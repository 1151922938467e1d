"""The CNI commands: each call becomes one answer, never an exception; changes come one by one."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, Protocol, TypeVar

from netvsc.errors import NetvscError
from netvsc_deviceplugin.cni import result
from netvsc_deviceplugin.cni.attach import addresses
from netvsc_deviceplugin.cni.attach.attachments import Attached, Attachments
from netvsc_deviceplugin.cni.attach.records import Target, Want
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.pod_pairs import wants
from netvsc_deviceplugin.cni.protocol import ipam
from netvsc_deviceplugin.cni.protocol.request import (
    VERSIONS,
    Call,
    Json,
    Verb,
    log_fields,
    parse_call,
)
from netvsc_deviceplugin.cni.result import Answer
from netvsc_deviceplugin.kubelet.podresources import PodDevices

T = TypeVar("T")
Asker = Callable[[str, str], Awaitable[tuple[PodDevices, ...]]]

log = logging.getLogger(__name__)

Outcome = Literal["done", "failed"]


class Meter(Protocol):
    """Counts calls."""

    def cni_called(self, verb: str, outcome: Outcome, seconds: float) -> None: ...


class Service:
    """`ask(namespace, pod)` tells what a pod has, `prefixes` the pools' interface prefixes.

    `waiting` tells whether any pair was granted and is not in its pod yet: where none is, the
    kubelet need not be asked. `deferred_calls` keeps the ADDs that pass for want of its answer.
    `changing` is held while something moves; `changed` is called, on the loop, when it has. `own`
    gives the addresses that a pair shall have in its pod where no IPAM plugin is asked for them.
    """

    def __init__(  # noqa: PLR0913 (what it needs of others, each by its name)
        self,
        attachments: Attachments,
        *,
        ask: Asker,
        prefixes: Callable[[], Mapping[str, str]],
        meter: Meter,
        deferred_calls: DeferredCalls,
        waiting: Callable[[], bool] = lambda: True,
        changing: threading.Lock | None = None,
        changed: Callable[[], None] = lambda: None,
        own: Callable[[str], Json | None] = lambda _id: None,
    ) -> None:
        self._own = own
        self._attachments = attachments
        self._ask = ask
        self._prefixes = prefixes
        self._meter = meter
        self._deferred_calls = deferred_calls
        self._waiting = waiting
        self._changing = changing or threading.Lock()
        self._changed = changed
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cni")

    def close(self) -> None:
        """Wait for the change under way; what has not begun never will, and goes unanswered."""
        self._worker.shutdown(cancel_futures=True)

    async def restore(self) -> bool:
        """Return whether all is as it should be."""
        return await self._alone(self._attachments.restore)

    async def answer(self, environment: Mapping[str, str], stdin: bytes) -> Answer:
        began, version, verb = time.monotonic(), VERSIONS[-1], "unknown"
        outcome: Outcome
        try:
            call = parse_call(environment, stdin)
            version, verb = call.version, call.verb
            answer, outcome = await self._verbs(call), "done"
        except Exception as error:
            answer, outcome = result.failed(error, version=version), "failed"
            unexpected = None if isinstance(error, NetvscError) else error
            log.warning(
                "CNI %s failed: %s", verb, error, exc_info=unexpected,
                extra=log_fields(environment),
            )  # fmt: skip
        self._meter.cni_called(verb, outcome, time.monotonic() - began)
        return answer

    async def _verbs(self, call: Call) -> Answer:
        match call.verb:
            case Verb.ADD:
                return await self._add(call)
            case Verb.DEL:
                await self._delete(call)
            case Verb.CHECK:
                await self._check(call)
            case Verb.GC:
                await self._collect(call)
            case Verb.VERSION:
                return result.versions()
            case Verb.STATUS:  # an unready agent must not make the node NotReady
                await self._delegate(call)
        return result.succeeded()

    async def _check(self, call: Call) -> None:
        names = await self._alone(partial(self._attachments.check, _target(call)))
        if names and call.ipam:
            previous = call.previous or {}
            await self._alone(
                partial(addresses.check, previous, netns=call.netns, interfaces=names)
            )
            await self._delegate(call)

    async def _collect(self, call: Call) -> None:
        """Let both clean up as far as they can: a pair that is stuck keeps no address from it."""
        network, valid = _network(call), set(call.valid_attachments())
        try:
            await self._alone(partial(self._attachments.collect, network, valid))
        finally:
            await self._delegate(call)

    async def _delegate(self, call: Call) -> None:
        """Pass a verb on to the IPAM plugin, where there is one."""
        if call.ipam:
            await ipam.delegate(call, call.verb)

    async def _add(self, call: Call) -> Answer:
        devices = await self._devices(call)
        wanted = wants(call, devices, prefixes=self._prefixes())
        if not wanted:
            return result.added(call, ())
        work = partial(self._attachments.add, _target(call), wanted)
        return result.added(call, *await self._enter(call, wanted, work))

    async def add_deferred(
        self, call: Call, devices: tuple[PodDevices, ...], *, still: Callable[[], bool]
    ) -> None:
        """Carry out an ADD that was deferred; raises NetvscError."""
        wanted = wants(call, devices, prefixes=self._prefixes())
        work = partial(self._attachments.add_deferred, _target(call), wanted, still=still)
        await self._enter(call, wanted, work)

    async def _enter(
        self, call: Call, wanted: Sequence[Want], work: Callable[[], tuple[Attached, ...]]
    ) -> tuple[tuple[Attached, ...], Mapping[str, Json]]:
        ipam.check(call)
        own = {} if call.ipam else self._promised(wanted)  # a move takes addresses off
        found = await self._alone(work)
        try:
            ipam_results = {found[0].id: await ipam.addresses(call)} if call.ipam else own
            await self._configure(call, found, ipam_results)
        except BaseException:
            await self._undo(call)
            raise
        log.info(
            "%s is in %s", ", ".join(one.netvsc.link.name for one in found), call.netns,
            extra=call.log_fields,
        )  # fmt: skip
        return found, ipam_results

    async def _undo(self, call: Call) -> None:
        """Undo an ADD: told is what made it fail, and not what makes this fail."""
        try:
            await self._delete(call)
        except NetvscError as error:
            log.warning("CNI ADD failed, and so did its rollback: %s", error, extra=call.log_fields)

    async def _devices(self, call: Call) -> tuple[PodDevices, ...]:
        """Ask the kubelet; without its answer a pod that was promised nothing passes."""
        asked_for = call.device or call.annotation is not None
        if not call.pod or not (asked_for or self._waiting()):
            return ()
        try:
            return await self._ask(call.namespace, call.pod)
        except NetvscError as error:
            if asked_for:
                raise
            log.warning(
                "%s; the pod starts without pairs; they are moved in later if it has any",
                error,
                extra=call.log_fields,
            )
            self._defer(call)
            return ()

    def _defer(self, call: Call) -> None:
        try:
            self._deferred_calls.save(call)
        except NetvscError as error:  # it may well have no pairs: it must not fail because of us
            log.warning("%s", error, extra=call.log_fields)

    async def _delete(self, call: Call) -> None:
        self._deferred_calls.remove(call.container)
        where = {"netns": call.netns, "attachment": call.interface}
        await self._alone(partial(self._attachments.delete, call.container, **where))
        if call.ipam:
            await ipam.delegate(call, "DEL")

    def _promised(self, wanted: Sequence[Want]) -> Mapping[str, Json]:
        own = ((want.id, self._own(want.id)) for want in wanted)
        return {id_: addresses for id_, addresses in own if addresses}

    async def _configure(
        self, call: Call, found: Sequence[Attached], ipam_results: Mapping[str, Json]
    ) -> None:
        indexed = {a.netvsc.link.ifindex: ipam_results[a.id] for a in found if a.id in ipam_results}
        if indexed:
            await self._alone(partial(addresses.configure, call.netns, indexed))

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
        uid=call.arguments.get("K8S_POD_UID", ""),
    )
