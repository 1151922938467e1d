"""docs/dpdk/failsafe-removal.patch: the cure at its root, for those who build DPDK themselves."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from dpdk import lines
from dpdk.lines import Line
from dpdk.pod import Pod
from dpdk.storm import Storm, rounds
from dpdk.test_survival import STOPPED_BESIDE_PORT_0, forwards, lose, plug, started_with_the_vf
from dpdk.testpmd import Testpmd
from dpdk.verdicts import Table, Verdict

LINES = lines.with_source()
PATCH = Path(__file__).parents[2] / "docs" / "dpdk" / "failsafe-removal.patch"
PART = Path("drivers/net/failsafe")
INSIDE = ("lib/eal/include", "lib/ethdev", "drivers/bus/pci", "drivers/bus/vdev")


def built(folder: Path, line: Line, driver: Path) -> None:
    """Build the fail-safe driver's sources in this folder as a part of that line."""
    assert line.tree
    made = subprocess.run(
        ["gcc", "-O2", "-fPIC", "-shared", *lines.flags(line), "-DALLOW_INTERNAL_API",
         "-DALLOW_EXPERIMENTAL_API", "-D_GNU_SOURCE", "-DLINUX",
         "-DRTE_LOG_DEFAULT_LOGTYPE=pmd.net.failsafe", *(f"-I{line.tree / one}" for one in INSIDE),
         *line.links, *sorted((folder / PART).glob("*.c")), "-o", driver],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr


@pytest.fixture(params=["as it is", "patched"])
def driver(request: pytest.FixtureRequest, line: Line, tmp_path: Path) -> Path:
    """The driver built by us, with and without the patch, so that only that is the difference."""
    assert line.tree
    shutil.copytree(line.tree / PART, tmp_path / PART)
    if request.param == "patched":
        applied = subprocess.run(
            ["patch", "-p1", "-d", tmp_path, "-i", PATCH], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert applied.returncode == 0, applied.stdout
    result = tmp_path / str(request.param)
    built(tmp_path, line, result)
    return result


def in_place(pod: Pod, driver: Path) -> list[str]:
    """Runs what follows with this driver where the installed one is."""
    script = f'mount --bind "{driver}" {pod.line.failsafe} && exec "$@"'
    return pod.enter("sh", "-c", script, "sh")


def is_patched(driver: Path) -> bool:
    return driver.name == "patched"


def test_only_the_patched_driver_survives_a_port_started_with_its_vf(
    pod: Pod, driver: Path
) -> None:
    """No guard and no gate: the driver is all there is."""
    pod.announce("--gate", "immediate")
    pod.give()
    within = in_place(pod, driver)
    with pod.testpmd(
        guard="off", within=within, vdevs=["net_null7"], app=STOPPED_BESIDE_PORT_0
    ) as pmd:
        started_with_the_vf(pmd)
        if not is_patched(driver):
            pod.revoke()
            assert pmd.end() < 0
            return
        lose(pod, pmd)
        for _ in range(5):
            assert forwards(pod, "netvsc0")
            plug(pod, pmd)
            assert forwards(pod, "vf0")
            lose(pod, pmd)
        assert pmd.quit() == 0


@pytest.mark.parametrize("driver", ["patched"], indirect=True)
def test_a_patched_driver_needs_neither_guard_nor_gate_in_a_storm(
    pod: Pod, driver: Path, table: Table
) -> None:
    def launch() -> Testpmd:
        return pod.testpmd(guard="off", within=in_place(pod, driver))

    storm = Storm(pod, sidecar=lambda: pod.announce("--gate", "immediate"), launch=launch)
    removals = storm.survived(rounds(6, 60))
    table.add(
        Verdict(line=pod.line.name, remedy="patch", case="removal storm", survived=removals,
                removals=removals, traffic=True)
    )  # fmt: skip
