"""Events in the apiserver, each once: the name of an Event says what was reported before it.

The Node's Event is written first and carries, as an annotation, up to where it reports. Whoever
finds its name taken was killed after writing it: what it says counts as reported.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from netvsc.encoding import timestamps
from netvsc_operator.controller.events.phase import moment
from netvsc_operator.controller.events.reasons import EventReason
from netvsc_operator.controller.events.reported import PairReported
from netvsc_operator.controller.events.rules import COMPONENT, EventDraft
from netvsc_operator.kube import EVENTS, AlreadyExists, Forbidden, Kube, NotFound
from netvsc_operator.objects import Object

log = logging.getLogger(__name__)

_THROUGH = "netvsc.io/told"
_NOTE_MAX = 1024  # bytes; the API's limit for `note`
_LEVELS = {field.name for field in fields(PairReported)}
_CLUSTER = "default"  # where Events of objects without a namespace live


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """The object that an Event regards."""

    kind: str
    name: str
    uid: str
    namespace: str | None = None
    api_version: str = "v1"

    def plain(self) -> Object:
        home = {"namespace": self.namespace} if self.namespace else {}
        return {
            "apiVersion": self.api_version,
            "kind": self.kind,
            "name": self.name,
            "uid": self.uid,
            **home,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """What an Event regards: the node, and the pod unless it came after.

    `scope` makes names unique. `known`: the pod was there when the node was looked at before, so
    that it lived through all that has happened since. Of another one the dates must tell, which are
    by two machines' clocks.
    """

    scope: str
    node: Ref
    pod: Ref | None = None
    pod_made: str | None = None
    known: bool = False

    def concerns(self, draft: EventDraft) -> bool:
        """Tell whether the pod was there when it happened (its time has whole seconds)."""
        made, at = moment(self.pod_made), moment(draft.at)
        return self.pod is not None and (self.known or made is None or at is None or made <= at)


class Meter(Protocol):
    """What is reported of Events."""

    def event_written(self, reason: EventReason) -> None: ...


class Recorder:
    """`clock` is the wall clock, in seconds."""

    def __init__(self, kube: Kube, meter: Meter, *, clock: Callable[[], float] = time.time) -> None:
        self._kube = kube
        self._meter = meter
        self._clock = clock

    async def record(self, draft: EventDraft, to: Audience) -> Mapping[str, int | str | bool]:
        """Return what is reported now: this draft's, or that of one who wrote it before."""
        body = event(draft, to.node, scope=to.scope, now=self._clock())
        try:
            await self._kube.create(EVENTS, body, namespace=_CLUSTER)
            self._meter.event_written(draft.reason)
        except AlreadyExists:
            name = body["metadata"]["name"]
            try:
                body = await self._kube.get(EVENTS, name, namespace=_CLUSTER)
            except NotFound:  # it expired just then: that says nothing of the NetvscNode
                return await self.record(draft, to)
        if to.pod and to.concerns(draft):
            await self._record_for_pod(draft, to.pod, scope=to.scope, note=body["note"])
        return _through(body) or draft.sets

    async def _record_for_pod(self, draft: EventDraft, pod: Ref, *, scope: str, note: str) -> None:
        body = event(draft, pod, scope=scope, now=self._clock()) | {"note": note}
        try:
            await self._kube.create(EVENTS, body, namespace=pod.namespace)
        except AlreadyExists:
            return
        except (NotFound, Forbidden) as error:  # its namespace is going, and with it the reader
            where = f"{pod.namespace}/{pod.name}"
            log.info("Event %s of pod %s was not written: %s", draft.key, where, error)


def event(draft: EventDraft, about: Ref, *, scope: str, now: float) -> Object:
    """Return an events.k8s.io/v1 Event; equal drafts have equal names."""
    digest = hashlib.sha256(f"{scope}/{about.uid}/{draft.key}".encode()).hexdigest()[:16]
    note = draft.note.encode()[:_NOTE_MAX].decode(errors="ignore")
    return {
        "apiVersion": EVENTS.api_version,
        "kind": "Event",
        "metadata": {
            "name": f"{about.name[:200].rstrip('.-')}.{digest}",
            "annotations": {_THROUGH: json.dumps(dict(draft.sets))},
        },
        "eventTime": timestamps.to_text(now),
        "reportingController": COMPONENT,
        "reportingInstance": COMPONENT.rpartition("/")[2],
        "action": draft.reason.value,
        "reason": draft.reason.value,
        "type": draft.type.value,
        "regarding": about.plain(),
        "note": note,
    }


def _through(body: Object) -> Mapping[str, int | str | bool]:
    """Read up to where an Event reports; a later version may keep account of more than we do."""
    try:
        found = json.loads(body["metadata"]["annotations"][_THROUGH])
    except (KeyError, TypeError, ValueError):
        return {}
    known = found.items() if isinstance(found, dict) else ()
    return {key: value for key, value in known if key in _LEVELS}
