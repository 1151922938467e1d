"""The pool file of an agent without a NetvscNode: read at its start, and followed."""

from __future__ import annotations

import logging
from pathlib import Path

from netvsc.errors import ConfigError
from netvsc.host.inotify import watching
from netvsc.model.pool import Pool
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.concurrency.wakeup import Wakeup
from netvsc_deviceplugin.inventory.pool_file import read_pools

log = logging.getLogger(__name__)


def load(path: Path) -> tuple[Pool, ...]:
    """Return the pools of a file, with a warning for what has no effect in one.

    Raises ConfigError.
    """
    pools = read_pools(path)
    for pool in pools:
        if pool.node_selector:
            log.warning(
                "%s: pool %s has a nodeSelector, which a file for one node does not need; ignored",
                path,
                pool.name,
            )
    return pools


async def follow(path: Path, pools: Latest[tuple[Pool, ...]]) -> None:
    """Keep `pools` as the file says. The folder is watched: a ConfigMap is replaced as a whole."""
    changed = Wakeup()
    with watching(path.parent, changed=changed.set):
        changed.set()  # it may have changed before anybody watched
        while True:
            await changed.wait()
            try:
                pools.set(load(path))
            except ConfigError as error:
                log.error("%s; the former pools stay in force", error)  # noqa: TRY400
