"""A pod's own account: the folder that a kubelet keeps fresh, and an apiserver that knows it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from netvsc_operator.certificates.x509 import issue, new_authority
from sim.cluster.apiserver import served, status

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Account:
    """The apiserver takes `token` alone, and shows a certificate of its authority of now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = "first"  # noqa: S105 (opens nothing)
        self.refused = 0
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate = ""
        self._news = asyncio.Event()
        self._open: set[asyncio.BaseTransport] = set()
        self.rotate()
        self.renew()

    def rotate(self) -> None:
        """Let another authority sign what is shown from now on; connections end."""
        authority = new_authority(now=time.time())
        pair = issue(authority, names=("127.0.0.1",), now=time.time())
        self.certificate = authority.certificate
        file = self.folder / "served.pem"
        file.write_text(f"{pair.certificate}\n{pair.key}\n")
        self.tls.load_cert_chain(file)
        for transport in self._open:
            transport.close()
        self._open.clear()

    def renew(self) -> None:
        """Let the kubelet write what holds now."""
        (self.folder / "token").write_text(self.token)
        (self.folder / "ca.crt").write_text(self.certificate)
        (self.folder / "namespace").write_text("netvsc-system\n")

    async def refuses(self, times: int) -> None:
        """Wait until so many requests in all were refused."""
        async with asyncio.timeout(20):
            while self.refused < times:
                self._news.clear()
                await self._news.wait()

    @asynccontextmanager
    async def serving(self, answer: Answer, patch: pytest.MonkeyPatch) -> AsyncIterator[None]:
        """Serve as a pod finds it: an environment, and a folder."""

        async def known(request: web.BaseRequest) -> web.StreamResponse:
            if request.transport:
                self._open.add(request.transport)
            if request.headers.get("Authorization", "").lower() != f"bearer {self.token}":
                self.refused += 1
                self._news.set()
                said = status(401, "who are you", "Unauthorized")
                return web.json_response(said, status=401)
            return await answer(request)

        async with served(known, self.tls) as access:
            there = urlsplit(access.server)
            patch.setenv("KUBERNETES_SERVICE_HOST", str(there.hostname))
            patch.setenv("KUBERNETES_SERVICE_PORT", str(there.port))
            library, ours = "kubernetes.aio.config.incluster_config", "netvsc_operator.kube"
            patch.setattr(f"{library}.SERVICE_TOKEN_FILENAME", str(self.folder / "token"))
            patch.setattr(f"{library}.SERVICE_CERT_FILENAME", str(self.folder / "ca.crt"))
            patch.setattr(f"{ours}.configuration._NAMESPACE", self.folder / "namespace")
            yield
