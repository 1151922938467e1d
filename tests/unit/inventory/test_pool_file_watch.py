"""The pool file is followed from the moment at which it was read first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.inventory import pool_file_watch


def test_a_file_that_was_changed_before_anybody_watched_it_is_taken(tmp_path: Path) -> None:
    """The agent reads it at its start, and follows it once the node is in order."""
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: old}]")
    pools = Latest(pool_file_watch.load(file))
    file.write_text("pools: [{name: new}]")

    async def story() -> None:
        task = asyncio.create_task(pool_file_watch.follow(file, pools))
        async with asyncio.timeout(5):
            async for now in pools.changes():
                if [pool.name for pool in now] == ["new"]:
                    break
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(story())
