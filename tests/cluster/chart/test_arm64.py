"""fdpipe for arm64: compiled across and run by an emulator of user programs."""

from __future__ import annotations

import json
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest

from cluster.harness import project

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster

BUILT = project.ROOT / "build/arm64/build"
AARCH64 = 183  # e_machine, as elf.h has it


@pytest.fixture(scope="module", autouse=True)
def _build() -> None:
    subprocess.run([str(project.ROOT / "image/arm64.sh")], check=True)


def _run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = ["qemu-aarch64-static", str(BUILT / "fdpipe"), *words]
    return subprocess.run(argv, check=False, capture_output=True, text=True, env=environment)


def _machine(path: Path) -> int:
    found: int = struct.unpack_from("<H", path.read_bytes(), 18)[0]
    return found


def test_program_and_guard_are_built_for_arm64() -> None:
    assert _machine(BUILT / "fdpipe") == AARCH64
    assert _machine(BUILT / "guard.so") == AARCH64


def test_a_program_that_the_guard_is_preloaded_into_starts(tmp_path: Path) -> None:
    program, source = tmp_path / "program", "int main(void) { return 7; }"
    compiler = ["aarch64-linux-gnu-gcc", "-x", "c", "-", "-o", str(program)]
    subprocess.run(compiler, input=source, text=True, check=True)
    preloaded = ["-L", "/usr/aarch64-linux-gnu", "-E", f"LD_PRELOAD={BUILT / 'guard.so'}"]
    done = subprocess.run(
        ["qemu-aarch64-static", *preloaded, str(program)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (7, "")


def test_the_program_answers_a_runtimes_question_for_its_versions() -> None:
    done = _run("cni", CNI_COMMAND="VERSION")

    assert (done.returncode, done.stderr) == (0, "")
    assert "1.1.0" in json.loads(done.stdout)["supportedVersions"]


def test_the_launcher_refuses_a_pipe_that_is_not_there(tmp_path: Path) -> None:
    done = _run("exec", "--fd", f"200={tmp_path}/00", "--", "true")

    assert done.returncode == 125
    assert f"{tmp_path}/00" in done.stderr
