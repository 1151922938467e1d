"""docs/pods.md names what there is."""

import re
from pathlib import Path

from netvsc.model.pool import Mode
from netvsc_operator.admission.annotations import ANNOTATIONS, KNOWN, PREFIX, OneOf

PAGE = (Path(__file__).parents[3] / "docs/pods.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """Return the second column of a section's table by the first."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([\w-]+)`[^|]*\|(.*)\|$", section, flags=re.MULTILINE)
    return dict(found)


def test_every_annotation_is_there_with_every_value() -> None:
    table = rows("Annotations")
    assert {f"netvsc.io/{key}" for key in table} == set(KNOWN)
    for one in ANNOTATIONS:
        cell = table[one.key.removeprefix(PREFIX)].split("|")[0]
        if isinstance(one.values, OneOf):
            assert sorted(re.findall(r"`([\w-]+)`", cell)) == sorted(one.values.kind)
        else:
            assert cell.strip() == f"{one.values.lowest} … {one.values.highest}"


def test_every_mode_is_there() -> None:
    assert set(rows("Modes")) == set(Mode)
