"""The one door to the library: its client, and its configuration kept fresh.

The library reads a pod's token again each minute. Here the rest is read anew, once it proves to be
old: an authority that was replaced, a token that was refused.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes.aio.client.api_client import ApiClient
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.config import ConfigException

from netvsc.errors import ConfigError
from netvsc_operator.kube.configuration import ConfigLoader

log = logging.getLogger(__name__)

_PAUSE_S = 1.0  # between two readings, however many requests were refused meanwhile


class ApiConnection:
    """Serves many tasks at once. `namespace` is the one that is meant where none is named."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._loader = loader
        self._configuration = Configuration()
        self._client: Any = None
        self._read_at = 0.0
        self.namespace = "default"

    async def open(self) -> None:
        """Read the configuration; raises ConfigError. Nobody is asked yet."""
        self.namespace = await self._loader(self._configuration)
        self._configuration.client_session_kwargs = {"middlewares": (self.middleware,)}
        self._client = ApiClient(self._configuration)

    async def close(self) -> None:
        if self._client:
            await self._client.close()

    @property
    def server(self) -> str:
        """Return the URL, without a slash at its end."""
        return str(self._configuration.host)

    def session(self, *inner: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        """Return a session for another library, with our trust and our token."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._client.rest_client.ssl_context, limit=0),
            middlewares=(*inner, self.middleware),
            proxy=self._configuration.proxy,
            trust_env=True,  # as the library's own
        )

    async def request(  # noqa: PLR0913 (HTTP's own names)
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: object,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 (the library's)
    ) -> aiohttp.ClientResponse:
        """Return the answer, whatever its status; raises what aiohttp does."""
        if self._client is None:
            raise RuntimeError("use it as `async with Kube(…) as kube`")
        method, url, sent, body, _ = await self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=dict(headers), body=body
        )
        answer = await self._client.call_api(method, url, sent, body, _request_timeout=timeout)
        response: aiohttp.ClientResponse = answer.response
        return response

    async def middleware(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        """Send with the token of now; once more where token or trust have just been replaced."""
        token = await self._authorize(request)
        try:
            response = await handler(request)
        except aiohttp.ClientConnectorCertificateError:
            await self._renew()
            return await handler(request)
        if response.status == HTTPStatus.UNAUTHORIZED:
            await self._renew()
            if await self._authorize(request) != token:
                response.release()
                return await handler(request)
        return response

    async def _authorize(self, request: aiohttp.ClientRequest) -> str | None:
        token: str | None = self._configuration.api_key.get("BearerToken")
        # A file that is away for a moment: the token of before is good for a while yet.
        with suppress(OSError, ConfigException):
            found = await self._configuration.auth_settings()
            token = found.get("BearerToken", {}).get("value")
        if token:
            request.headers["Authorization"] = token.strip()
        return token

    async def _renew(self) -> None:
        """Read anew who we are and whom to trust; connections that exist go on."""
        if time.monotonic() - self._read_at < _PAUSE_S:
            return
        self._read_at = time.monotonic()
        now, context = self._configuration, self._client.rest_client.ssl_context
        try:
            await self._loader(now)
            if now.ssl_ca_cert:
                context.load_verify_locations(cafile=now.ssl_ca_cert)
            if now.cert_file:
                context.load_cert_chain(now.cert_file, keyfile=now.key_file)
        except (ConfigError, OSError) as error:  # also ssl.SSLError; half written perhaps
            log.warning("the configuration of the apiserver client cannot be reloaded: %s", error)
