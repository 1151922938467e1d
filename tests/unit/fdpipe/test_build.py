"""The C sources: small, in small pieces, and fit for every compiler that is here."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sim.sidecar.fdpipe import SOURCES, binary

OURS = sorted(path for path in SOURCES.glob("**/*.[ch]") if path.name != "guard.c")
UNITS = [path for path in OURS if path.suffix == ".c"]
COMPILERS = [name for name in ("gcc", "clang", "clang-14") if shutil.which(name)]
STRICT = [
    "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O2", "-fsyntax-only",
    f"-iquote{SOURCES}",
]  # fmt: skip
FUNCTION = re.compile(r"\)\n\{\n(.*?)^\}\n", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("define", ["-DSIM", "-DNDEBUG"])
def test_every_compiler_here_takes_it_without_a_warning(compiler: str, define: str) -> None:
    units = [str(path) for path in UNITS if path.name != "sim.c" or define == "-DSIM"]
    result = subprocess.run(
        [compiler, *STRICT, define, *units], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_the_program_is_static_and_within_its_budget() -> None:
    program = binary("fdpipe")
    headers = subprocess.run(
        ["readelf", "-lW", program], capture_output=True, text=True, check=True
    ).stdout
    assert "INTERP" not in headers
    if shutil.which("musl-gcc"):
        assert program.stat().st_size <= 65536


def test_nothing_allocates() -> None:
    calls = re.compile(r"\b(malloc|calloc|realloc|strdup|opendir|fopen|printf|setenv|alloca)\(")
    guilty = [path for path in OURS if calls.search(path.read_text())]
    # both say in a comment why they do without
    assert guilty == [SOURCES / "commands/exec.c", SOURCES / "net/sysfs.c"]
    for path in guilty:
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not calls.search(code)


def functions(path: Path) -> list[int]:
    return [body.count("\n") for body in FUNCTION.findall(path.read_text())]


def test_files_and_functions_are_short() -> None:
    for path in OURS:
        assert path.read_text().count("\n") <= 400, path.name
        assert max(functions(path), default=0) <= 60, path.name
    lengths = sorted(length for path in UNITS for length in functions(path))
    assert len(lengths) > 150
    assert lengths[len(lengths) // 2] < 10
