"""The C targets: the sidecar's and the shim's own sources, with the system's calls replaced.

One program for each compiler. gcc's mutates by itself, seeded and counted, and needs nothing that
the project does not need anyhow; clang's is libFuzzer's.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from fuzz.engine import CORPUS

ROOT = Path(__file__).parents[2]
OURS = Path(__file__).parent / "c"
BUILD = ROOT / "build" / "fuzz"
# By target, the folder of its corpus; cni and links share theirs with the agent's readers.
TARGETS = {
    "c-json": "c-json",
    "c-cni": "call",
    "c-links": "netlink",
    "c-requests": "c-requests",
    "c-options": "c-options",
    "c-state-files": "c-state-files",
    "c-elf": "c-elf",
}
_UNITS = (
    "lib/buf.c", "lib/drivers.c", "lib/guard_state.c", "lib/option_value.c",
    "lib/sidecar_address.c",
    "net/rtnetlink.c", "net/pairing.c", "net/sim.c",
    "pipe/token.c", "pipe/gate.c", "pipe/vf_ready.c", "pipe/devargs_template.c",
    "sidecar/pair.c", "sidecar/pair_links.c", "sidecar/line_record.c",
    "server/requests.c", "server/clients.c", "server/status_json.c",
    "client/elf_check.c", "cni/json_scan.c", "cni/call.c", "cni/deferred_call.c",
    "commands/announce_options.c",
)  # fmt: skip
_DOORS = (
    "accept4", "bind", "close", "fstat", "fgetxattr", "getsockopt", "listen", "open", "poll",
    "pread", "read", "recv", "recvmsg", "send", "sendto", "socket",
)  # fmt: skip
_FLAGS = (
    "-std=c11", "-D_GNU_SOURCE", "-DSIM", "-Wall", "-Wextra", "-Werror", "-O1", "-g",
    "-fno-omit-frame-pointer", "-fno-sanitize-recover=all", f"-iquote{ROOT / 'fdpipe'}",
    *(f"-D{door}=door_{door}" for door in _DOORS),
)  # fmt: skip


def built(*, guided: bool = False) -> Path:
    """Return the program, built anew if a source is newer than it."""
    program = BUILD / ("guided" if guided else "seeded")
    sources = [ROOT / "fdpipe" / unit for unit in _UNITS] + sorted(OURS.glob("*.c"))
    headers = [*(ROOT / "fdpipe").glob("**/*.h"), *OURS.glob("*.h"), Path(__file__)]
    newest = max(file.stat().st_mtime for file in (*sources, *headers))
    if program.exists() and program.stat().st_mtime > newest:
        return program
    BUILD.mkdir(parents=True, exist_ok=True)
    new = program.with_suffix(f".{os.getpid()}")
    with_engine = [one for one in sources if not (guided and one.name == "seeded.c")]
    kinds = "address,undefined,fuzzer" if guided else "address,undefined"
    compiler = "clang" if guided else "gcc"
    subprocess.run([compiler, *_FLAGS, f"-fsanitize={kinds}", "-o", new, *with_engine], check=True)
    new.replace(program)
    return program


def _environment(name: str) -> dict[str, str]:
    return {**os.environ, "FUZZ_TARGET": name, "ASAN_OPTIONS": "detect_leaks=0"}


def replay(name: str, *, runs: int, seed: int) -> subprocess.CompletedProcess[str]:
    """Run the whole corpus and `runs` mutations; what went wrong stands in its stderr."""
    corpus = CORPUS / TARGETS.get(name, "netlink")
    command = [str(built()), str(corpus), str(runs), str(seed)]
    return subprocess.run(
        command, env=_environment(name), capture_output=True, text=True, errors="replace",
        timeout=600, check=False,
    )  # fmt: skip


def guided(name: str, *, seconds: int, into: Path) -> int:
    """Let coverage lead; new inputs go `into` a folder of their own."""
    into.mkdir(parents=True, exist_ok=True)
    command = [
        str(built(guided=True)), f"-max_total_time={seconds}", "-max_len=8192", "-timeout=20",
        "-rss_limit_mb=512", "-print_final_stats=1", f"-artifact_prefix={into}.", str(into),
        str(CORPUS / TARGETS[name]),
    ]  # fmt: skip
    return subprocess.run(command, env=_environment(name), check=False).returncode
