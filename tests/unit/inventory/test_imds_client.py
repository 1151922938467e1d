"""The one request to the metadata service, against servers that do as they please."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from netvsc.errors import NodeError, RequestError
from netvsc_deviceplugin.inventory.imds.client import ImdsEndpoint, endpoint_of, get
from netvsc_deviceplugin.inventory.imds.poller import PATH
from sim.imds import Imds

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def asked(url: str, path: str = PATH, *, timeout_s: float = 5.0) -> bytes:
    return asyncio.run(get(endpoint_of(url), path, timeout_s=timeout_s))


def answered(talk: Talk, *, timeout_s: float = 5.0) -> bytes:
    """Ask a server that talks so, return what came of it."""

    async def story() -> bytes:
        ended = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                await talk(reader, writer)
            except ConnectionError:
                pass
            finally:
                writer.close()
                ended.set()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        try:
            return await get(ImdsEndpoint(host=host, port=port), PATH, timeout_s=timeout_s)
        finally:
            async with asyncio.timeout(10):
                await ended.wait()
            server.close()
            await server.wait_closed()

    return asyncio.run(story())


def saying(text: bytes) -> Talk:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return talk


def test_the_service_is_asked_as_it_wants_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Imds() as imds:
        imds.give("00:0d:3a:c0:00:11", "10.0.1.4", subnet="10.0.1.0/24")
        assert json.loads(asked(imds.url)) == imds.document()
        assert imds.asked == 1


@pytest.mark.parametrize("status", [HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.GONE])
def test_a_refusal_is_told_with_its_status(status: HTTPStatus) -> None:
    with Imds() as imds:
        imds.refuse = status
        with pytest.raises(NodeError, match=f"{imds.url}: it says {status.value} "):
            asked(imds.url)


def test_another_path_is_not_found_and_an_unknown_version_is_bad() -> None:
    with Imds() as imds:
        with pytest.raises(NodeError, match="404"):
            asked(imds.url, "/metadata/other?api-version=2021-02-01")
        with pytest.raises(NodeError, match="400"):
            asked(imds.url, PATH.replace("2021", "1999"))


def test_where_nobody_listens_the_error_names_the_address() -> None:
    with Imds() as imds:
        url = imds.url
    with pytest.raises(NodeError, match=f"{url}: "):
        asked(url)


def test_a_service_that_hangs_is_given_up() -> None:
    with Imds() as imds:
        imds.silent = True
        with pytest.raises(NodeError, match=r"no answer within 0.2 s"):
            asked(imds.url, timeout_s=0.2)


def test_a_service_that_drips_is_given_up_too() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    with pytest.raises(NodeError, match=r"no answer within 0.2 s"):
        answered(talk, timeout_s=0.2)


def test_an_answer_without_end_is_cut_off() -> None:
    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" " * 65536)
            await writer.drain()

    with pytest.raises(NodeError, match="more than 1048576 bytes"):
        answered(talk)


def test_a_redirection_is_not_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(NodeError, match="302 Found"):
        answered(saying(moved))


def test_chunks_are_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert (
        answered(saying(chunked + b'3\r\n{"a\r\n4\r\n": 1\r\n1\r\n}\r\n0\r\n\r\n')) == b'{"a": 1}'
    )


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000,
        b"\xff" * 70_000,
    ],
)
def test_what_is_no_http_is_told_as_such(text: bytes) -> None:
    with pytest.raises(NodeError, match="its answer is not HTTP"):
        answered(saying(text))


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://169.254.169.254", ImdsEndpoint(host="169.254.169.254", port=80)),
        ("http://127.0.0.1:8080/", ImdsEndpoint(host="127.0.0.1", port=8080)),
        ("http://[fd00::1]:81", ImdsEndpoint(host="fd00::1", port=81)),
    ],
)
def test_a_url_names_the_service(url: str, endpoint: ImdsEndpoint) -> None:
    assert endpoint_of(url) == endpoint
    assert endpoint_of(str(endpoint)) == endpoint


@pytest.mark.parametrize(
    "url",
    ["", "on", "169.254.169.254", "https://a", "http://", "http://a:x", "http://a/b", "http://[x",
     "http://u@a", "http://a?b", "http://a b", "http://a\r\nX: y"],
)  # fmt: skip
def test_what_is_no_such_url_is_refused_with_a_remedy(url: str) -> None:
    with pytest.raises(RequestError, match=r"write http://169.254.169.254, or off"):
        endpoint_of(url)
