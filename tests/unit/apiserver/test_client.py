"""The agent's client: what it takes for an answer, what for a refusal and what for a silence."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import pytest

from netvsc.errors import ConfigError
from netvsc_deviceplugin.apiserver.access import Access
from netvsc_deviceplugin.apiserver.client import Client, Refused, Unreachable
from netvsc_deviceplugin.apiserver.http11 import server_of
from sim.cluster.apiserver import Apiserver, status

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def against(serve: Serve, *, timeout_s: float = 2.0) -> AsyncIterator[Client]:
    """A client of a server that says what it is told to, byte by byte."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        client = Client(Access(server=f"http://127.0.0.1:{port}"), timeout_s=timeout_s)
        try:
            yield client
        finally:
            client.close()


def saying(*answers: bytes) -> Serve:
    """Give one answer to each request of a connection, then end it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()

    return serve


def whole(body: bytes, *more: str) -> bytes:
    head = "\r\n".join(["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *more])
    return head.encode() + b"\r\n\r\n" + body


def got(serve: Serve, times: int = 1) -> list[object]:
    async def play() -> list[object]:
        async with against(serve) as client:
            return [await client.get("/apis/x") for _ in range(times)]

    return asyncio.run(play())


def test_an_answer_of_known_length_in_chunks_or_to_the_end_is_read_whole() -> None:
    chunks = b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{"a"\r\n3\r\n:1}\r\n'
    assert got(saying(whole(b'{"a":1}'))) == [{"a": 1}]
    assert got(saying(chunks + b"0\r\nTrailer: x\r\n\r\n")) == [{"a": 1}]
    assert got(saying(b'HTTP/1.1 200 OK\r\n\r\n{"a":1}')) == [{"a": 1}]
    assert got(saying(b"HTTP/1.1 100 Continue\r\n\r\n" + whole(b"{}"))) == [{}]


def test_a_connection_is_kept_and_one_that_the_server_ended_is_made_anew() -> None:
    opened = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(1)
        await saying(whole(b"{}"), whole(b"{}"))(reader, writer)

    assert got(serve, times=5) == [{}] * 5
    assert len(opened) == 3


def test_a_server_that_wants_no_second_request_gets_none() -> None:
    assert got(saying(whole(b"{}", "Connection: close")), times=2) == [{}, {}]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000,
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 twenty OK\r\n\r\n",
        whole(b"no json"),
        whole(b"[]"),
        whole(b"x" * (5 << 20)),
    ],
)
def test_what_is_no_answer_is_a_silence(answer: bytes) -> None:
    with pytest.raises(Unreachable, match=r"GET /apis/x: http://127.0.0.1:\d+ does not answer"):
        got(saying(answer))


def test_a_server_that_says_nothing_is_waited_for_no_longer_than_wanted() -> None:
    async def play() -> None:
        async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
            await reader.read()

        async with against(mute, timeout_s=0.05) as client:
            with pytest.raises(Unreachable, match="TimeoutError"):
                await client.get("/apis/x")

    asyncio.run(play())


@pytest.mark.parametrize(
    ("code", "kind"),
    [(403, Refused), (404, Refused), (410, Refused), (422, Refused)]
    + [(code, Unreachable) for code in (408, 409, 429, 500, 503)],
)
def test_a_refusal_has_the_apiservers_words_and_what_may_pass_is_tried_again(
    code: int, kind: type[Exception]
) -> None:
    async def play() -> None:
        server = Apiserver()
        server.refuse = [(code, status(code, "because of this", "Why"))]
        async with server.serving() as access:
            client = Client(access)
            with pytest.raises(kind, match=rf"the apiserver says {code}: because of this"):
                await client.patch("/apis/x", {})
            assert await client.patch("/apis/x", {"status": {"a": None}}) == {"status": {"a": None}}
            client.close()
            assert server.asked[0].headers["Authorization"] == "Bearer simulated"
            assert server.asked[0].headers["Content-Type"] == "application/merge-patch+json"
            assert json.loads(server.bodies[1]) == {"status": {"a": None}}

    asyncio.run(play())


def test_a_watch_yields_its_lines_and_a_silence_ends_it() -> None:
    async def play() -> list[bytes]:
        lines = []
        server = Apiserver()
        async with server.serving() as access:
            client = Client(access)
            async with aclosing(client.lines("/apis/x?watch=1", silence_s=0.2)) as found:
                for number in (1, 2, 3):
                    lines.append(await anext(found))
                    server.say("ADDED", {"number": number})
                await anext(found)
                with pytest.raises(Unreachable):
                    await anext(found)
            client.close()
        return lines

    first, *lines = asyncio.run(play())
    assert first == b""
    assert [json.loads(line)["object"]["number"] for line in lines] == [1, 2]


def test_a_servers_url_may_have_a_path_and_must_make_sense() -> None:
    server = server_of("https://[fd00::1]:6443/k8s/clusters/c-1/")
    assert (server.host, server.port, server.prefix) == ("fd00::1", 6443, "/k8s/clusters/c-1")
    assert server_of("http://localhost").port == 80
    for wrong in ("ftp://x", "https://", "https://x:many", "x"):
        with pytest.raises(ConfigError, match="https://host:port"):
            server_of(wrong)


def test_an_authority_that_is_no_certificate_is_named() -> None:
    with pytest.raises(ConfigError, match="is not PEM"):
        Client(Access(server="https://127.0.0.1:1", authority="nonsense"))
