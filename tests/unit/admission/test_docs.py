"""docs/pods.md names what there is."""

import re
from pathlib import Path

from netvsc.model.pool import Fallback, Mode
from netvsc_operator.admission.annotations import KNOWN, Allow, Gate, Guard, GuardPort, VdevNetvsc

PAGE = (Path(__file__).parents[3] / "docs/pods.md").read_text()


def rows(heading: str) -> dict[str, str]:
    """Return the second column of a section's table by the first."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([\w-]+)`[^|]*\|(.*)\|$", section, flags=re.MULTILINE)
    return dict(found)


def test_every_annotation_is_there_with_every_value() -> None:
    table = rows("Annotations")
    assert {f"netvsc.io/{key}" for key in table} == set(KNOWN)
    kinds = {
        "mode": Mode, "fallback": Fallback, "gate": Gate, "guard": Guard,
        "guard-port": GuardPort, "allow": Allow, "vdev-netvsc": VdevNetvsc,
    }  # fmt: skip
    for key, kind in kinds.items():
        values = re.findall(r"`([\w-]+)`", table[key].split("|")[0])
        assert sorted(values) == sorted(kind)


def test_every_mode_is_there() -> None:
    assert set(rows("Modes")) == set(Mode)
