"""The netlink library is loaded when there is something to move, and not before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping

import pytest

from netvsc.pair import Inventory
from netvsc_deviceplugin.cni import loading
from netvsc_deviceplugin.latest import Latest
from sim.stock import inventory, pair

KNOWN: Mapping[str, bool] = {"netvsc.io/pair": True}
SILENT: Mapping[str, bool] = {"netvsc.io/pair": False}


def loaded(
    registered: Mapping[str, bool], found: Inventory, monkeypatch: pytest.MonkeyPatch
) -> bool:
    times: list[None] = []
    monkeypatch.setattr(loading.messages, "load", lambda: times.append(None))

    async def play() -> None:
        waiting = loading.load_in_time(registered=Latest(registered), inventory=Latest(found))
        async with asyncio.timeout(0.05):
            await waiting

    try:
        asyncio.run(play())
    except TimeoutError:
        assert not times
        return False
    assert len(times) == 1
    return True


def test_it_is_loaded_once_the_kubelet_knows_us_and_there_is_a_pair(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert loaded(KNOWN, inventory(pair(1)), monkeypatch)
    assert not loaded(SILENT, inventory(pair(1)), monkeypatch)
    assert not loaded({}, inventory(pair(1)), monkeypatch)
    assert not loaded(KNOWN, inventory(), monkeypatch)


def test_the_agent_starts_without_it() -> None:
    program = "import sys, netvsc_deviceplugin.__main__; print('pyroute2' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert done.stdout == "False\n"
