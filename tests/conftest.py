"""What holds for the whole suite: hypothesis' profile, and namespaces for kernel tests.

Kernel tests run in namespaces of their own: the whole run is started anew inside them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from sim.kernel import namespaces

KERNEL = Path(__file__).parent / "kernel"

# How long an example takes says how busy the machine is; bench/ has the milliseconds.
settings.register_profile("netvsc", deadline=None)
settings.load_profile("netvsc")


def _wants_kernel(config: pytest.Config) -> bool:
    chosen = [Path(arg.split("::")[0]).resolve() for arg in config.args]
    return any(path.is_relative_to(KERNEL) or KERNEL.is_relative_to(path) for path in chosen)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Collect what needs the real root only there: deselected is not skipped, and CI is root."""
    if namespaces.is_real_root():
        return
    needs = [item for item in items if item.get_closest_marker("root")]
    config.hook.pytest_deselected(items=needs)
    items[:] = [item for item in items if item not in needs]


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    if namespaces.inside() or not _wants_kernel(config):
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()
    namespaces.enter([sys.executable, "-m", "pytest", *sys.argv[1:]])
