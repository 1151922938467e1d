"""Pods before and after: golden/ is the documentation in full, one story in each file."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc.model.pool import BUILT_IN, pools_from
from netvsc_operator.admission import Result
from netvsc_operator.admission.sidecar_image import SidecarImage
from sim.cluster.reviews import IMAGE, ask, patched, warnings

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.yaml"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_pod_becomes_what_its_story_tells(path: Path) -> None:
    told: Any
    told, before, after = yaml.safe_load_all(path.read_text())
    pools = pools_from({"pools": told["pools"]}) if "pools" in told else (BUILT_IN,)
    sidecar_image = SidecarImage(**{"image": IMAGE, **told.get("sidecar_image", {})})
    answered = ask(before, *pools, sidecar_image=sidecar_image)
    assert answered.result is Result.PATCHED
    assert patched(before, answered) == after
    assert warnings(answered) == told["warnings"]
    assert ask(after, *pools, sidecar_image=sidecar_image).result is Result.UNCHANGED
