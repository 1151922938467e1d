"""A simulated apiserver in memory: what Kube's methods do to objects, and a way to die at a write.

Only what the controller uses: get, list, create, merge patch, and apply of a Pod's conditions.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

from netvsc_operator.kube import AlreadyExists, Conflict, Kind, NotFound, Patch
from netvsc_operator.objects import Listing, Scope

Object = dict[str, Any]
_KEY = tuple[str, str | None, str]


class Killed(BaseException):
    """SIGKILL, as far as the code that is written so can tell: nothing catches it."""


class SimKube:
    """`die` counts writes down: at 0 the controller is killed, before the write or after it.

    `after` is what happens, once, when a request that is called so was answered: a write that was
    done, `get netvscnodes`, or `refuse events VFRevoked`, which is there already.
    """

    def __init__(self) -> None:
        self.objects: dict[_KEY, Object] = {}
        self.writes: list[str] = []
        self.reads: list[str] = []
        self.die: int | None = None
        self.before = False
        self.after: dict[str, Callable[[], None]] = {}
        self._numbers = itertools.count(1)

    def put(self, kind: Kind, thing: Object) -> Object:
        """Lay an object down as a test wants it, unasked."""
        meta = thing["metadata"]
        number = next(self._numbers)
        meta.setdefault("uid", f"uid-{number}")
        meta["resourceVersion"] = str(number)
        self.objects[kind.plural, meta.get("namespace"), meta["name"]] = thing
        return thing

    def of(self, kind: Kind) -> list[Object]:
        return [thing for (plural, _, _), thing in self.objects.items() if plural == kind.plural]

    async def get(self, kind: Kind, name: str, *, namespace: str | None = None) -> Object:
        self.reads.append(f"{kind.plural} {name}")
        found = copy.deepcopy(self._there(kind, name, namespace))
        self._answered(f"get {kind.plural}")
        return found

    async def list(self, kind: Kind, scope: Scope | None = None) -> Listing:
        assert scope is None or scope.fields == "", "no selectors here"
        return Listing(items=copy.deepcopy(self.of(kind)), version="1")

    async def create(self, kind: Kind, body: Object, *, namespace: str | None = None) -> Object:
        name = body["metadata"]["name"]
        what = f"{kind.plural} {body.get('reason', name)}"
        if (kind.plural, namespace, name) in self.objects:
            self._answered(f"refuse {what}")
            raise AlreadyExists(f"{name} is there", status=409)
        with _Write(self, f"create {what}"):
            thing = copy.deepcopy(body)
            thing["metadata"]["namespace"] = namespace
            self.put(kind, thing)
        return copy.deepcopy(thing)

    async def patch(  # noqa: PLR0913 (Kube's own signature)
        self,
        kind: Kind,
        name: str,
        body: Object,
        *,
        how: Patch = Patch.MERGE,
        namespace: str | None = None,
        part: str | None = None,
        manager: str = "",
        force: bool = False,
    ) -> Object:
        assert manager
        thing = self._there(kind, name, namespace)
        version = body.get("metadata", {}).get("resourceVersion")
        if version not in (None, thing["metadata"]["resourceVersion"]):
            raise Conflict(f"{name} was changed", status=409)
        with _Write(self, f"patch {kind.plural} {part or ''}".strip()):
            if how is Patch.APPLY:
                assert force
                _apply(thing, body)
            else:
                _merge(thing, body)
            thing["metadata"]["resourceVersion"] = str(next(self._numbers))
        return copy.deepcopy(thing)

    def _answered(self, what: str) -> None:
        self.after.pop(what, lambda: None)()

    def _there(self, kind: Kind, name: str, namespace: str | None) -> Object:
        try:
            return self.objects[kind.plural, namespace, name]
        except KeyError:
            raise NotFound(f"no {kind} {name}", status=404) from None


class _Write:
    """One write, with the death that a test has ordered for it."""

    def __init__(self, kube: SimKube, what: str) -> None:
        self._kube = kube
        self._what = what
        self._fatal = False

    def __enter__(self) -> None:
        if self._kube.die is not None:
            self._kube.die -= 1
            self._fatal = self._kube.die < 0
        if self._fatal and self._kube.before:
            raise Killed

    def __exit__(self, *error: object) -> None:
        self._kube.writes.append(self._what)
        if self._fatal:
            raise Killed
        self._kube._answered(self._what)


def _merge(thing: Object, patch: Object) -> None:
    """RFC 7386."""
    for key, value in patch.items():
        if value is None:
            thing.pop(key, None)
        elif isinstance(value, dict):
            _merge(thing.setdefault(key, {}), value)
        else:
            thing[key] = copy.deepcopy(value)


def _apply(pod: Object, body: Object) -> None:
    """Apply conditions by their type, as server-side apply does."""
    if pod["metadata"]["uid"] != body["metadata"]["uid"]:
        raise Conflict("another uid", status=409)
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    for told in body["status"]["conditions"]:
        conditions[:] = [one for one in conditions if one["type"] != told["type"]] + [told]
