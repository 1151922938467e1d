"""Pool files: whatever is in one, pools come of it or a message with line, key and remedy."""

from __future__ import annotations

import re
import tempfile
from functools import cache
from pathlib import Path

from fuzz.engine import Target
from fuzz.mutate import lines
from netvsc.errors import ConfigError
from netvsc_deviceplugin.inventory.pool_file import read_pools

_CONTROL = re.compile("[\x00-\x1f\x7f]")


@cache
def _file() -> tuple[tempfile.TemporaryDirectory[str], Path]:
    folder = tempfile.TemporaryDirectory(prefix="fuzz-pools-")
    return folder, Path(folder.name) / "pools.yaml"


def _check_words(message: str, file: Path) -> None:
    assert re.match(re.escape(str(file)) + r":(\d+:)? .", message), message


def pool_file(data: bytes) -> None:
    """A template that is taken here makes a line that the sidecar takes (devargs_template.c)."""
    file = _file()[1]
    file.write_bytes(data)
    try:
        pools = read_pools(file)
    except ConfigError as error:
        _check_words(str(error), file)
        return
    assert pools
    for pool in pools:
        text = pool.name + pool.resource + pool.interface_prefix + (pool.devargs_template or "")
        assert not _CONTROL.search(text), f"a control character: {text!r}"


TARGETS = (Target(name="pools", check=pool_file, mutate=lines),)
