"""One pod's sidecar: looked for, watched, told what it does not know; until cancelled."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress

from netvsc.errors import NetvscError, RetryError
from netvsc.host.log_once import LogOnce
from netvsc_deviceplugin.concurrency.backoff import Backoff
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.kubelet.verbs_checkpoint import Verbs
from netvsc_deviceplugin.sidecar import connection
from netvsc_deviceplugin.sidecar.protocol import SidecarReport, parse
from netvsc_deviceplugin.sidecar.state import verbs_request

LOOK_S = 0.5  # nothing tells when a socket begins to listen; one look is one connect(2)
SHUN_S = 30.0  # one that does not behave

log = logging.getLogger(__name__)


class PodSidecar:
    """`ids` are the pairs inside, by interface. `changed(id, said)` hears each word.

    `changed(None, None)` says that the sidecar has gone.
    """

    def __init__(
        self,
        netns: str,
        ids: Mapping[str, str],
        *,
        allocated_verbs: Callable[[], Verbs],
        changed: Callable[[str | None, SidecarReport | None], None],
        clock: Callable[[], float],
    ) -> None:
        self.netns = netns
        self.ids = ids
        self._allocated_verbs = allocated_verbs
        self._changed = changed
        self._clock = clock
        self._reports: dict[str, SidecarReport] = {}
        self._wakeup = Wakeup()
        self._once = LogOnce(log)

    def number(self, id_: str) -> str | None:
        """Return the pair's number at its sidecar, None while that does not answer."""
        report = self._reports.get(id_)
        return report.number if report else None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_watching())
            tasks.create_task(self._keep_telling())

    async def _keep_watching(self) -> None:
        retry = Backoff(clock=self._clock, longest_s=LOOK_S)
        while True:
            try:
                with connection.unconnected(self.netns) as sock:
                    await self._connected(sock, retry)
                    await connection.watch(sock, self._hear, clock=self._clock)
            except NetvscError as error:  # it misbehaves, or the netns cannot be entered (any more)
                self._complain(error)
                self._forget()
                await asyncio.sleep(SHUN_S)
            self._forget()

    async def _connected(self, sock: socket.socket, retry: Backoff) -> None:
        """Try until somebody listens; the socket stays the same, so a try costs next to nothing."""
        while True:
            await asyncio.sleep(retry.wait())
            retry.tried()
            with suppress(RetryError):
                return connection.connect(sock)

    def _hear(self, line: bytes) -> None:
        report = parse(line)
        id_ = self.ids.get(report.netvsc)
        if id_ is None:  # one that is still to come, or an untrusted peer's
            return
        self._once.over()
        self._reports[id_] = report
        self._wakeup.set()
        self._changed(id_, report)

    def _forget(self) -> None:
        if self._reports:
            self._reports = {}
            self._changed(None, None)

    async def _keep_telling(self) -> None:
        """Tell what it was told nothing or something else of; its next word shows that it heard."""
        retry = Backoff(clock=self._clock, longest_s=SHUN_S, settled_s=2 * SHUN_S)
        while True:
            await self._wakeup.wait()
            if not self._requests():
                continue
            await asyncio.sleep(retry.wait())
            retry.tried()
            for request in self._requests():
                try:
                    await connection.ask(self.netns, request)
                except NetvscError as error:
                    self._complain(error)
                    self._wakeup.set()

    def _requests(self) -> list[str]:
        allocated_verbs = self._allocated_verbs()
        found = (
            verbs_request(report, allocated_verbs.get(id_)) for id_, report in self._reports.items()
        )
        return [request for request in found if request]

    def _complain(self, error: Exception) -> None:
        text, pairs = f"sidecar in {self.netns}: {error}", [*self.ids.values()]
        self._once.warning(text, extra={"pairs": pairs})
