"""What a scraper and a probe get over HTTP."""

from __future__ import annotations

import asyncio
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from prometheus_client import CollectorRegistry

from netvsc.errors import NodeError
from netvsc_deviceplugin.telemetry import http_server
from netvsc_deviceplugin.telemetry.http_server import Checks, awaited, serving
from netvsc_deviceplugin.telemetry.metrics import AgentMetrics

WELL: Checks = {"loop": lambda: None}


@contextmanager
def server(*, healthy: Checks = WELL, ready: Checks = WELL) -> Iterator[str]:
    registry = CollectorRegistry()
    AgentMetrics(registry)
    with serving("127.0.0.1:0", registry=registry, healthy=healthy, ready=ready) as port:
        yield f"http://127.0.0.1:{port}"


def get(url: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own server)
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read().decode()


def test_a_scraper_gets_the_metrics() -> None:
    with server() as url:
        status, kind, body = get(f"{url}/metrics")
    assert status == 200
    assert kind.startswith("text/plain")
    assert "netvsc_build_info{" in body


def test_a_probe_that_passes_gets_a_plain_ok() -> None:
    with server() as url:
        assert get(f"{url}/healthz")[::2] == (200, "ok\n")
        assert get(f"{url}/readyz?verbose")[::2] == (200, "ok\n")


def test_a_probe_that_fails_says_why() -> None:
    checks = {"kubelet": lambda: "does not know netvsc.io/pair", "scan": lambda: None}
    with server(ready=checks) as url:
        assert get(f"{url}/readyz")[::2] == (503, "kubelet: does not know netvsc.io/pair\n")
        assert get(f"{url}/healthz")[0] == 200


def test_any_other_page_is_not_found_and_names_those_that_are() -> None:
    with server() as url:
        status, _, body = get(f"{url}/")
    assert (status, body) == (404, "/metrics\n/healthz\n/readyz\n")


def test_the_port_is_free_again_afterwards() -> None:
    with server() as url:
        port = url.rpartition(":")[2]
    registry = CollectorRegistry()
    with serving(f"127.0.0.1:{port}", registry=registry, healthy=WELL, ready=WELL) as again:
        assert again == int(port)


@pytest.mark.parametrize("address", ["", "9470", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999"])
def test_an_address_that_cannot_be_listened_on_is_named(address: str) -> None:
    registry = CollectorRegistry()
    with (
        pytest.raises(NodeError, match="cannot listen on") as refused,
        serving(address, registry=registry, healthy=WELL, ready=WELL),
    ):
        pass
    assert repr(address) in str(refused.value)


def test_a_port_in_use_is_refused_with_the_flag_to_change() -> None:
    with server() as url:
        address = url.removeprefix("http://")
        second = serving(address, registry=CollectorRegistry(), healthy=WELL, ready=WELL)
        with pytest.raises(NodeError, match="--listen"):
            second.__enter__()


def test_the_agent_is_ready_once_every_pool_is_registered() -> None:
    standing: dict[str, bool] = {}
    check = http_server.registered(lambda: standing, wanted=lambda: ("pair",))
    assert check() == "no pool is served yet"
    standing |= {"netvsc.io/pair": True, "netvsc.io/fast": False}
    assert check() == "the kubelet does not know netvsc.io/fast"
    standing["netvsc.io/fast"] = True
    assert check() is None
    assert http_server.registered(dict, wanted=tuple)() is None  # no pool selects this node


def test_the_agent_is_ready_while_its_scan_is_young() -> None:
    times = {"now": 100.0}
    scans: list[float] = []
    check = http_server.fresh(
        lambda: scans[-1] if scans else None, deadline_s=90.0, clock=lambda: times["now"]
    )
    assert check() == "the node was not scanned yet"
    scans.append(100.0)
    times["now"] = 190.0
    assert check() is None
    times["now"] = 191.0
    assert check() == "the last scan is 91 s old"


def test_a_successor_waits_until_its_predecessor_lets_go_of_the_port() -> None:
    async def story(predecessor: socket.socket) -> int:
        address = f"127.0.0.1:{predecessor.getsockname()[1]}"
        waiting = asyncio.create_task(successor(address, patience_s=60))
        for _ in range(3):
            await asyncio.sleep(0)  # it has tried once, in vain
        assert not waiting.done()
        predecessor.close()
        return await waiting

    with listener() as predecessor:
        port = predecessor.getsockname()[1]
        assert asyncio.run(story(predecessor)) == port


def test_a_port_that_is_not_given_up_is_named_in_the_end() -> None:
    with listener() as stranger:
        address = f"127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises(NodeError, match=rf"{address}.*in use; choose another --listen"):
            asyncio.run(successor(address, patience_s=0.2))


def listener() -> socket.socket:
    """Somebody who has a port."""
    return socket.create_server(("127.0.0.1", 0))


async def successor(address: str, *, patience_s: float) -> int:
    registry = CollectorRegistry()
    pages = awaited(address, registry=registry, healthy=WELL, ready=WELL, patience_s=patience_s)
    async with pages as port:
        return port
