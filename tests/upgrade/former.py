"""exchange.py, run by the Python of the version before: it imports what this version has.

pin.toml says what that version calls the modules and names which exchange.py imports.
"""

from __future__ import annotations

import importlib.util
import runpy
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent


def known_as(modules: dict[str, str], names: dict[str, dict[str, str]]) -> None:
    """Have each module, and each name in one, found under the name that this version gives it."""
    for now, before in modules.items():
        module = import_module(before)
        for name, former in names.get(now, {}).items():
            setattr(module, name, getattr(module, former))
        sys.modules[now] = module
        package, _, own = now.rpartition(".")
        setattr(_package(package), own, module)


def _package(name: str) -> ModuleType:
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        made = ModuleType(name)
        made.__path__ = []
        sys.modules[name] = made
    return import_module(name)


if __name__ == "__main__":
    pin = tomllib.loads((HERE / "pin.toml").read_text())
    known_as(pin["modules"], pin["names"])
    runpy.run_path(str(HERE / "exchange.py"), run_name="__main__")
