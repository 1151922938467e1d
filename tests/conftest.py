"""Kernel tests run in namespaces of their own: the whole run is started anew inside them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sim import namespaces

KERNEL = Path(__file__).parent / "kernel"


def _wants_kernel(config: pytest.Config) -> bool:
    chosen = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    return any(path.is_relative_to(KERNEL) or KERNEL.is_relative_to(path) for path in chosen)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    if namespaces.inside() or not _wants_kernel(config):
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
    namespaces.enter([sys.executable, "-m", "pytest", *sys.argv[1:]])
