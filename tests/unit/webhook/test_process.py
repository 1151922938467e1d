"""The webhook as a process: real TLS on loopback, probes, reloads under load, and how it leaves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import pytest

from sim.cluster.secret import Secret
from sim.cluster.webhook import POOLS, Client, Webhook, pod, review, running

Test = Callable[[Webhook, Client, Secret], Awaitable[None]]


@pytest.fixture
def secret(tmp_path: Path) -> Secret:
    made = Secret(tmp_path / "tls")
    made.renew()
    return made


@pytest.fixture
def pools(tmp_path: Path) -> Path:
    file = tmp_path / "pools.yaml"
    file.write_text(POOLS)
    return file


def against(test: Test, secret: Secret, pools: Path) -> None:
    async def run() -> None:
        async with (
            running(secret.folder, "--pools", str(pools)) as webhook,
            Client(webhook.port, secret.authority.certificate) as client,
        ):
            await asyncio.wait_for(test(webhook, client, secret), timeout=60)

    asyncio.run(run())


def test_a_pod_is_patched_and_it_is_counted(secret: Secret, pools: Path) -> None:
    async def test(webhook: Webhook, client: Client, _: Secret) -> None:
        answer = await client.ask(pod())
        assert answer["allowed"]
        assert answer["uid"] == "u-1"
        patch = json.loads(base64.b64decode(answer["patch"]))
        assert any(step["path"] == "/spec/volumes" for step in patch)
        assert "registry.example/netvsc-fdpipe:1" in str(patch)
        refused = await client.ask(pod(resource="netvsc.io/nobody"))
        assert not refused["allowed"]
        assert "netvsc.io/nobody" in refused["status"]["message"]
        assert await webhook.metric("netvsc_admission_reviews_total", result="patched") == 1
        assert await webhook.metric("netvsc_admission_reviews_total", result="refused") == 1
        assert await webhook.metric("netvsc_admission_seconds_count") == 2
        assert await webhook.metric("netvsc_certificate_expiry_timestamp_seconds") > 1e9

    against(test, secret, pools)


def test_the_validating_webhook_judges_pools(secret: Secret, pools: Path) -> None:
    async def test(_: Webhook, client: Client, __: Secret) -> None:
        bad = {
            "kind": "NetvscPool",
            "metadata": {"name": "lab"},
            "spec": {"selector": {"subnets": ["10.0.0.1/24"]}},
        }
        answer = await client.ask(bad, "/validate")
        assert not answer["allowed"]
        assert "host bits set" in answer["status"]["message"]

    against(test, secret, pools)


def test_probes_say_that_it_is_ready(secret: Secret, pools: Path) -> None:
    async def test(webhook: Webhook, _: Client, __: Secret) -> None:
        assert await webhook.page("/readyz") == (200, "ok\n")
        assert await webhook.page("/healthz") == (200, "ok\n")
        assert (await webhook.page("/elsewhere"))[0] == 404

    against(test, secret, pools)


def test_without_a_certificate_it_waits_for_one(tmp_path: Path, pools: Path) -> None:
    empty = Secret(tmp_path / "empty")

    async def test(webhook: Webhook, client: Client, secret: Secret) -> None:
        status, why = await webhook.page("/readyz")
        assert status == 503
        assert "certificate: no certificate" in why
        with pytest.raises(aiohttp.ClientError):
            await client.ask(pod())
        secret.renew()
        await webhook.said("serving a new certificate")
        assert (await webhook.page("/readyz"))[0] == 200
        assert (await client.ask(pod()))["allowed"]

    against(test, empty, pools)


def test_a_connection_serves_many_reviews(secret: Secret, pools: Path) -> None:
    async def test(_: Webhook, client: Client, __: Secret) -> None:
        for _number in range(50):
            await client.ask(pod())
        assert client.connections == 1

    against(test, secret, pools)


def test_ten_reloads_under_load_lose_no_request(secret: Secret, pools: Path) -> None:
    async def test(webhook: Webhook, client: Client, secret: Secret) -> None:
        async with Load(webhook, secret) as load:
            for number in range(10):
                answered = load.answered
                secret.renew()
                await loaded(webhook, number + 2)
                await load.reaches(answered + 20)
        assert load.failures == []
        assert load.handshakes > 10
        assert (await client.ask(pod()))["allowed"]

    against(test, secret, pools)


def test_a_half_written_pair_under_load_loses_no_request(secret: Secret, pools: Path) -> None:
    async def test(webhook: Webhook, _: Client, secret: Secret) -> None:
        async with Load(webhook, secret) as load:
            pair = secret.issue()
            secret.put(pair.certificate[:200], pair.key)
            await webhook.said("the previous one is kept")
            await load.reaches(load.answered + 50)
        assert load.failures == []
        # Each of the writes may wake it: it looks, and looks again.
        assert await webhook.metric("netvsc_certificate_loads_total", result="failed") >= 1

    against(test, secret, pools)


def test_an_end_finishes_what_was_begun_and_sends_others_elsewhere(
    secret: Secret, pools: Path
) -> None:
    async def test(webhook: Webhook, client: Client, _: Secret) -> None:
        await client.ask(pod())
        slow = asyncio.create_task(slowly(webhook, client))
        webhook.terminate()
        await webhook.said("leaving in")
        status, why = await webhook.page("/readyz")
        assert (status, "leaving" in why) == (503, True)
        assert (await client.ask(pod()))["allowed"]
        assert await slow == 200
        assert await asyncio.wait_for(webhook.process.wait(), timeout=10) == 0

    against(test, secret, pools)


async def slowly(webhook: Webhook, client: Client) -> int:
    """Send a review in two halves, the second one after the listener is closed."""
    body = json.dumps(review(pod())).encode()
    closed = asyncio.Event()

    async def halves() -> AsyncIterator[bytes]:
        yield body[:100]
        await closed.wait()
        yield body[100:]

    async def close() -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", webhook.port)
            except OSError:
                break
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            await asyncio.sleep(0.02)
        closed.set()

    waiting = asyncio.create_task(close())
    status, _ = await client.post(halves())
    await waiting
    return status


def test_two_words_that_cannot_be_are_told_with_the_remedy(secret: Secret, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("pools:\n- name: pair\n  mode: magic\n")

    async def run(*words: str) -> str:
        with pytest.raises(AssertionError) as caught:
            async with running(secret.folder, *words):
                pass
        return str(caught.value)

    told = asyncio.run(run("--pools", str(wrong)))
    assert f"{wrong}: pools[0].mode" in told
    told = asyncio.run(run("--pools", str(wrong), "--listen", "nowhere"))
    assert "write host:port" in told


class Load:
    """Sixteen clients: half keep their connection, half shake hands for each review."""

    def __init__(self, webhook: Webhook, secret: Secret) -> None:
        self._webhook = webhook
        self._secret = secret
        self._tasks: list[asyncio.Task[None]] = []
        self._more = asyncio.Event()
        self._ending = False
        self.answered = 0
        self.handshakes = 0
        self.failures: list[str] = []

    async def __aenter__(self) -> Load:  # noqa: PYI034
        self._tasks = [asyncio.create_task(self._ask(fresh=n % 2 == 0)) for n in range(16)]
        await self.reaches(20)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending = True
        await asyncio.gather(*self._tasks)

    async def reaches(self, count: int) -> None:
        while self.answered < count:
            self._more.clear()
            await self._more.wait()

    async def _ask(self, *, fresh: bool) -> None:
        async with Client(self._webhook.port, self._secret.authority.certificate) as client:
            while not self._ending:
                try:
                    assert (await client.ask(pod()))["allowed"]
                    if fresh:
                        await client.fresh()
                except Exception as error:  # noqa: BLE001 (each one counts)
                    self.failures.append(repr(error))
                self.answered += 1
                self._more.set()
            self.handshakes += client.connections


async def loaded(webhook: Webhook, count: int) -> None:
    """Wait until so many certificates were taken."""
    while sum("serving a new certificate" in line for line in webhook.lines) < count:
        await asyncio.wait_for(webhook._read(), timeout=10)
