"""docs/architecture.md against the tree: each package has its row, each requirement its code."""

from __future__ import annotations

import pkgutil
import re

import pytest

from docs_check.blocks import ROOT
from docs_check.tree import tracked

PAGE = (ROOT / "docs/architecture.md").read_text()
PRODUCT = {"netvsc": ROOT, "deviceplugin": ROOT / "deviceplugin", "operator": ROOT / "operator"}
MODULES_MAX = 12


def modules() -> dict[str, list[str]]:
    """The modules of each package of the product, but for `__init__` and `__main__`."""
    found: dict[str, list[str]] = {}
    for folder, root in PRODUCT.items():
        for path in tracked(f"{folder}/*.py"):
            package = found.setdefault(str(path.parent.relative_to(root)), [])
            if path.stem not in {"__init__", "__main__"}:
                package.append(path.stem)
    return found


def c_folders() -> set[str]:
    return {str(path.parent.relative_to(ROOT)) for path in tracked("fdpipe/*.c")}


def section(heading: str) -> str:
    _, _, after = PAGE.partition(f"\n## {heading}\n")
    assert after, f"no heading {heading}"
    return after.partition("\n## ")[0]


def requirements() -> list[str]:
    numbered = re.split(r"^\d+\. ", section("Requirements"), flags=re.MULTILINE)[1:]
    return [" ".join(text.split()) for text in numbered]


def test_each_package_has_one_row_and_each_row_a_package() -> None:
    rows = re.findall(r"^\| `([\w/]+)` \|", section("Where is what"), flags=re.MULTILINE)
    assert sorted(rows) == sorted({*modules(), *c_folders()})


def test_no_package_has_more_than_twelve_modules() -> None:
    large = {package: names for package, names in modules().items() if len(names) > MODULES_MAX}
    assert large == {}


@pytest.mark.parametrize("text", requirements(), ids=lambda text: text[:40])
def test_where_a_requirement_is_met_and_tested_is_there(text: str) -> None:
    met, arrow, tested = text.rpartition(" → ")
    assert arrow, text
    assert " MUST " in met or " SHOULD " in met
    for name in re.findall(r"`([\w./]+)`", met.rpartition(". ")[2]):
        if name.endswith((".c", ".toml")):
            assert tracked(name), name
        else:
            pkgutil.resolve_name(f"netvsc_deviceplugin.{name}")
    for file in re.findall(r"`((?:\w+/)?test_\w+)", tested):
        assert len(list((ROOT / "tests").rglob(f"{file}.py"))) == 1, file
