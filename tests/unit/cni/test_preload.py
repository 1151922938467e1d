"""The netlink library is loaded when there is something to move, and not before."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping

import pytest

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.cni import preload
from netvsc_deviceplugin.concurrency.latest import Latest
from sim.kubelet.inventories import inventory, pair

KNOWN: Mapping[str, bool] = {"netvsc.io/pair": True}
SILENT: Mapping[str, bool] = {"netvsc.io/pair": False}


def loaded(
    registered: Mapping[str, bool], found: Inventory, monkeypatch: pytest.MonkeyPatch
) -> bool:
    times: list[None] = []
    monkeypatch.setattr(preload.messages, "load", lambda: times.append(None))

    async def play() -> None:
        waiting = preload.preload_netlink(registered=Latest(registered), inventory=Latest(found))
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


def modules(program: str) -> set[str]:
    """Return the modules that a program has imported in the end."""
    text = f"import sys\n{program}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


def test_the_agent_starts_without_it() -> None:
    found = modules("import netvsc_deviceplugin.__main__")
    assert not [name for name in found if name.startswith("pyroute2")]


def test_of_the_library_the_message_classes_are_loaded_and_nothing_that_our_images_lack() -> None:
    found = modules("from netvsc_deviceplugin.kernel.requests import messages\nmessages.load()")
    assert {"pyroute2.netlink.rtnl.rtmsg", "pyroute2.netlink.rtnl.ifinfmsg"} <= found
    assert not found & {"sqlite3", "unittest", "asyncio", "pyroute2.ndb", "pyroute2.iproute"}
    assert "pyroute2" not in found  # half a package would be a riddle to whoever imports it next


def test_whoever_imports_the_library_beside_us_gets_all_of_it() -> None:
    ours = "from netvsc_deviceplugin.kernel.requests import messages\nmessages.load()"
    for program in (
        f"{ours}\nfrom pyroute2 import IPRoute",
        f"from pyroute2 import IPRoute\n{ours}",
    ):
        assert {"pyroute2", "pyroute2.ndb", "pyroute2.netlink.rtnl.rtmsg"} <= modules(program)


SEVERAL_AT_ONCE = """
import sys, threading
sys.modules["_sqlite3"] = None  # as in our images
from netvsc_deviceplugin.kernel.requests import messages
together, failed = threading.Barrier(8), []
def one():
    together.wait()
    try:
        messages.load()
    except ImportError as error:
        failed.append(error)
several = [threading.Thread(target=one) for _ in range(8)]
[thread.start() for thread in several]
[thread.join() for thread in several]
sys.exit(f"{len(failed)} failed: {failed[0]!r}" if failed else None)
"""


def test_threads_that_need_it_at_once_all_have_it_without_the_whole_package() -> None:
    """An agent that starts beside a pod to mend loads it ahead and needs it at the same moment."""
    ended = subprocess.run(
        [sys.executable, "-c", SEVERAL_AT_ONCE], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_that_it_cannot_be_loaded_ahead_is_no_end_of_the_agent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ImportError("none here")

    monkeypatch.setattr(preload.messages, "load", fail)
    asyncio.run(
        preload.preload_netlink(registered=Latest(KNOWN), inventory=Latest(inventory(pair(1))))
    )
    assert "none here" in caplog.text
