"""A watch that never ends: list, follow, list again where the thread is lost.

Kubernetes API concepts, "Efficient detection of changes". The apiserver ends each request after a
minute and says a bookmark before; a connection that is silent for longer is dead, whatever TCP
thinks of it. So a watch that hangs is noticed by itself.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from netvsc.host.log_once import LogOnce
from netvsc_operator.api_errors import ApiError, Gone, Unavailable, error_of
from netvsc_operator.kinds import Kind
from netvsc_operator.kube.client import EVERYTHING, Kube, parsed
from netvsc_operator.objects import Object, Scope

log = logging.getLogger(__name__)

SERVER_S = 60  # the apiserver ends a watch after this; it is taken up again where it ended
GRACE_S = 15.0  # a connection that is silent for longer than both is dead
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Listed:
    """All that there is: what is not among `objects` is gone."""

    objects: tuple[Object, ...]


@dataclass(frozen=True, slots=True)
class Applied:
    """An object was made or changed."""

    object: Object


@dataclass(frozen=True, slots=True)
class Removed:
    """An object is gone; this is what it was."""

    object: Object


Event = Listed | Applied | Removed


class Watch:
    """Follows one kind; `server_s` and `grace_s` are in seconds."""

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        scope: Scope = EVERYTHING,
        *,
        server_s: int = SERVER_S,
        grace_s: float = GRACE_S,
    ) -> None:
        self._kube = kube
        self._kind = kind
        self._scope = scope
        self._server_s = server_s
        self._silence_s = server_s + grace_s
        self._pause_s = _FIRST_PAUSE_S
        self._version: str | None = None
        self._troubles = LogOnce(log)
        self._news = False

    async def events(self) -> AsyncGenerator[Event, None]:
        """Yield events for ever; use it within `contextlib.aclosing`."""
        while True:
            self._news = False
            try:
                if self._version is None:
                    yield await self._list()
                async with aclosing(self._follow(self._version or "")) as found:
                    async for event in found:
                        yield event
            except Gone:
                self._version = None
            except (ApiError, Unavailable) as error:
                self._troubles.warning(str(error))
                await self._rest(error)
            else:
                if not self._news:  # ended at once: do not spin
                    await self._rest(None)

    async def _list(self) -> Listed:
        found = await self._kube.list(self._kind, self._scope)
        self._version = found.version
        self._recovered()
        return Listed(tuple(found.items))

    async def _follow(self, version: str) -> AsyncGenerator[Event, None]:
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(self._server_s),
        }
        lines = self._kube.lines(self._kind, self._scope, query=query, silence_s=self._silence_s)
        async with aclosing(lines) as found:
            async for line in found:
                event = self._read(line)
                self._recovered()
                if event:
                    yield event

    def _read(self, line: bytes) -> Event | None:
        what = f"WATCH {self._kind}"
        event = parsed(what, line)
        try:
            kind, thing = event["type"], event["object"]
            if kind == "ERROR":
                raise _error_of(what, thing)
            self._version = thing["metadata"]["resourceVersion"]
        except (KeyError, TypeError) as error:
            raise Unavailable(f"{what}: an event lacks {error}: {line[:100]!r}") from None
        if kind == "BOOKMARK":
            return None
        return Removed(thing) if kind == "DELETED" else Applied(thing)

    def _recovered(self) -> None:
        self._news = True
        self._pause_s = _FIRST_PAUSE_S
        if self._troubles.over():
            log.info("watch of %s re-established", self._kind)

    async def _rest(self, error: ApiError | Unavailable | None) -> None:
        asked = error.after_s if isinstance(error, Unavailable) else 0.0
        await asyncio.sleep(max(asked, self._pause_s * random.uniform(0.5, 1.0)))  # noqa: S311
        self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)


def _error_of(what: str, status: Object) -> ApiError | Unavailable:
    return error_of(
        what,
        status=int(status.get("code", 500)),
        reason=status.get("reason", ""),
        message=status.get("message", ""),
    )
