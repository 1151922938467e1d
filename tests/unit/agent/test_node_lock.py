"""Two agents never run on one node, however the first one was told to go."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from netvsc.errors import NodeError
from netvsc_deviceplugin.concurrency.node_lock import on_this_node

HOLDER = """
import asyncio, sys
from pathlib import Path
from netvsc_deviceplugin.concurrency.node_lock import on_this_node

async def hold():
    async with on_this_node(Path(sys.argv[1])):
        print("alone", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


def test_an_agent_waits_until_the_one_before_has_ended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told: list[str] = []

    async def second(begun: asyncio.Event) -> None:
        begun.set()
        async with on_this_node(tmp_path):
            told.append("second begins")

    async def story() -> None:
        begun = asyncio.Event()
        async with on_this_node(tmp_path / "."):
            waiting = asyncio.create_task(second(begun))
            await begun.wait()
            told.append("first ends")
        await asyncio.wait_for(waiting, 10)

    asyncio.run(story())

    assert told == ["first ends", "second begins"]
    assert f"another agent is still running: waiting for {tmp_path}/lock" in caplog.text


def test_the_lock_of_an_agent_that_was_killed_is_free_at_once(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "alone\n"

        async def next_one() -> None:
            async with on_this_node(tmp_path):
                assert holder.wait(10) == -signal.SIGKILL

        async def story() -> None:
            waiting = asyncio.create_task(next_one())
            os.kill(holder.pid, signal.SIGKILL)
            await asyncio.wait_for(waiting, 10)

        asyncio.run(story())


def test_one_that_waits_can_be_told_to_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with on_this_node(tmp_path):
            begun = asyncio.Event()
            waiting = asyncio.create_task(_waits(tmp_path, begun))
            await begun.wait()
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    asyncio.run(story())


async def _waits(state: Path, begun: asyncio.Event) -> None:
    begun.set()
    async with on_this_node(state):
        raise AssertionError("two agents at once")


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")

    async def story() -> None:
        async with on_this_node(tmp_path / "state"):
            raise AssertionError

    with pytest.raises(NodeError, match=r"cannot open .*/state/lock: .* must be writable"):
        asyncio.run(story())
