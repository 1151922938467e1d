"""What comes over HTTP and is no good gets a status and a reason, and the next is answered."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from netvsc_operator.admission import AdmissionResponse, Result
from netvsc_operator.webhook import reviews as reviews_module
from netvsc_operator.webhook.metrics import WebhookMetrics
from netvsc_operator.webhook.reviews import BODY_MAX, ByResource, Reviews


def decide(review: object, _: ByResource) -> AdmissionResponse:
    if review == "fault":
        raise KeyError("spec")
    if review == []:
        return AdmissionResponse(review={"why": "no mapping"}, result=Result.MALFORMED)
    return AdmissionResponse(review={"saw": review}, result=Result.UNCHANGED)


class Rig:
    def __init__(self, url: str, reviews: Reviews, registry: CollectorRegistry) -> None:
        self.url = url
        self.reviews = reviews
        self.registry = registry
        self.pools: ByResource | None = {}

    async def post(self, body: bytes, path: str = "/mutate") -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, data=io.BytesIO(body)) as response,
        ):
            return response.status, await response.text()

    def count(self, result: str) -> float | None:
        return self.registry.get_sample_value("netvsc_admission_reviews_total", {"result": result})


@asynccontextmanager
async def serving() -> AsyncIterator[Rig]:
    registry = CollectorRegistry()
    reviews = Reviews(
        decide={"/mutate": decide}, pools=lambda: rig.pools, metrics=WebhookMetrics(registry)
    )
    runner = web.ServerRunner(reviews.server(keepalive_s=10))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    rig = Rig(f"http://127.0.0.1:{runner.addresses[0][1]}", reviews, registry)
    try:
        yield rig
    finally:
        await runner.cleanup()


def against(test: Callable[[Rig], Awaitable[None]]) -> None:
    async def run() -> None:
        async with serving() as rig:
            await asyncio.wait_for(test(rig), timeout=20)
            assert await rig.post(b'"well"') == (200, '{"saw": "well"}')

    asyncio.run(run())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"nonsense"],
    ids=["nothing", "half", "no text", "100,000 brackets", "no JSON"],
)
def test_what_is_no_json_is_refused_with_the_reason(body: bytes) -> None:
    async def test(rig: Rig) -> None:
        status, text = await rig.post(body)
        assert status == 400
        assert "the body is not JSON" in text
        assert rig.count("malformed") == 1

    against(test)


def test_json_that_is_no_review_has_admissions_own_answer() -> None:
    async def test(rig: Rig) -> None:
        assert await rig.post(b"[]") == (400, '{"why": "no mapping"}')
        assert rig.count("malformed") == 1

    against(test)


def test_three_mebibytes_are_answered() -> None:
    async def test(rig: Rig) -> None:
        body = json.dumps("x" * 3 * 2**20).encode()
        status, text = await rig.post(body)
        assert status == 200
        assert len(text) > 3 * 2**20

    against(test)


def test_more_than_the_apiserver_can_send_is_refused_with_the_limit() -> None:
    async def test(rig: Rig) -> None:
        status, text = await rig.post(b" " * (BODY_MAX + 1))
        assert status == 413
        assert f"may have {BODY_MAX} bytes, this one has {BODY_MAX + 1} bytes" in text
        assert rig.count("too_large") == 1

    against(test)


def test_a_fault_of_ours_is_told_and_counted_and_the_process_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(rig: Rig) -> None:
        status, text = await rig.post(b'"fault"')
        assert status == 500
        assert "see its log" in text
        assert rig.count("failed") == 1

    against(test)
    assert "KeyError: 'spec'" in caplog.text


def test_while_the_pools_are_unknown_nobody_is_told_that_there_are_none() -> None:
    async def test(rig: Rig) -> None:
        rig.pools = None
        status, text = await rig.post(b'"well"')
        assert status == 503
        assert "not known yet" in text
        assert rig.count("unready") == 1
        rig.pools = {}

    against(test)


def test_other_paths_and_methods_are_not_there() -> None:
    async def test(rig: Rig) -> None:
        status, text = await rig.post(b"{}", "/elsewhere")
        assert status == 404
        assert "POST reviews to /mutate" in text
        async with aiohttp.ClientSession() as session, session.get(rig.url + "/mutate") as answer:
            assert answer.status == 404

    against(test)


def test_one_that_leaves_sends_its_clients_to_another() -> None:
    async def test(rig: Rig) -> None:
        rig.reviews.leave()
        async with (
            aiohttp.ClientSession() as session,
            session.post(rig.url + "/mutate", data=b"{}") as answer,
        ):
            assert answer.status == 200
            assert answer.headers["Connection"] == "close"

    against(test)


def test_a_body_that_is_late_costs_its_client_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What still comes of it would else be read, and kept from the next."""
    monkeypatch.setattr(reviews_module, "_PATIENCE_S", 0.05)

    async def test(rig: Rig) -> None:
        host, _, port = rig.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = b"POST /mutate HTTP/1.1\r\nHost: netvsc\r\nContent-Length: 6\r\n\r\n"
        writer.write(head + b'"we')
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert b"was not here within" in await reader.read()  # to its end
        writer.close()

    against(test)
