"""guard.so by itself: who can load it, and what it does to an ethdev compiled in several ways."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from dpdk import machine
from dpdk.pod import Pod
from sim.sidecar.fdpipe import Sidecar

HERE = Path(__file__).parent
APPLICATION = (HERE / "standin_app.c", HERE / "standin_waits.c")
LIBRARY_OF = {
    # each distribution compiles its libraries in its own way; these are the kinds that matter
    "calls by symbol": ["gcc", "-O2"],
    "bound within": ["gcc", "-O2", "-Wl,-Bsymbolic-functions"],
    "optimized as a whole": ["clang-14", "-O2", "-flto", "-fuse-ld=lld-14"],
    "laid out as 22.11": ["gcc", "-O2", "-DDATA_WORD=6", "-DRX_WORD=0", "-DTX_WORD=8"],
    "with its bursts last": ["gcc", "-O2", "-DRX_WORD=15", "-DTX_WORD=14"],
    "with larger entries": ["gcc", "-O2", "-DENTRY_SIZE=256"],
    "with nothing behind its table": ["gcc", "-O2", "-DNOTHING_BEHIND"],
}
# The guard finds no place for its work in these, and has to say so.
BEYOND_THE_GUARD = {
    "copies elsewhere": ("-DHIDDEN_COPIES", "burst functions of lcores"),
    "data elsewhere": ("-DDATA_WORD=20", "the name of a port"),
}
STORIES = (
    "second-release",
    "legitimate-release",
    "failed-probe",
    "cached-bursts",
    "start-seen",
    "start-unseen",
    "started-twice",
    "all-ports",
    "restarted-port",
    "threads",
    "grace",
    "grace-of-one-not-started",
    "grace-of-this-one-alone",
    "no-grace",
    "starved-before-stop",
    "starved-before-close",
    "starved-for-long",
    "sleepers",
)
CURED = {
    "second-release": "released twice",
    "cached-bursts": "net_failsafe_vsc01: lost",
    "start-seen": "net_failsafe_vsc01: lost",
    "start-unseen": "net_failsafe_vsc01: lost",
    "started-twice": "net_failsafe_vsc00: lost",
    "restarted-port": "net_failsafe_vsc00: lost",
}
BUSY = 3  # the stories' word for it
BEYOND = "with larger entries", "cached-bursts"  # entries that no DPDK has, two such ports


def compiled(command: Sequence[str | Path]) -> None:
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def run(command: Sequence[str | Path], *, guard: Path | None) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "LD_PRELOAD"}
    env |= {"LD_PRELOAD": str(guard)} if guard else {}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=60)


def standin(folder: Path, *how: str) -> Path:
    """The stand-in application, on a library compiled this way."""
    library, program = folder / "librte_ethdev.so", folder / "app"
    layout = [word for word in how if word.startswith("-D")]
    compiled(
        [*how, "-Wall", "-fPIC", "-shared", "-Wl,-soname,librte_ethdev.so", HERE / "standin.c",
         "-o", library]
    )  # fmt: skip
    compiled(
        ["gcc", "-O2", "-Wall", "-pthread", *layout, *APPLICATION, library,
         "-Wl,-rpath,$ORIGIN", "-o", program]
    )  # fmt: skip
    return program


@pytest.fixture(scope="module", params=LIBRARY_OF)
def app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return standin(tmp_path_factory.mktemp("standin"), *LIBRARY_OF[str(request.param)])


def test_the_guard_needs_nothing_but_a_weak_dlsym_without_a_version() -> None:
    symbols = subprocess.run(
        ["nm", "-D", machine.guard()], capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"^ +(\S) (\S+)$", symbols, re.MULTILINE) == [("w", "dlsym")]
    sections = subprocess.run(
        ["readelf", "-SdW", machine.guard()], capture_output=True, text=True, check=True
    ).stdout
    assert "NEEDED" not in sections
    assert "gnu.version" not in sections
    assert ".eh_frame" in sections  # an exception of a C++ application may pass through it


def test_the_guard_shows_six_functions_and_nothing_else() -> None:
    symbols = subprocess.run(
        ["nm", "-D", "--defined-only", machine.guard()], capture_output=True, text=True, check=True
    ).stdout
    assert {line.split()[-1] for line in symbols.splitlines()} == {
        "rte_eth_dev_allocate",
        "rte_eth_dev_release_port",
        "rte_eth_dev_callback_process",
        "rte_eth_dev_start",
        "rte_eth_dev_stop",
        "rte_eth_dev_close",
    }


def test_without_the_guard_a_second_release_is_the_end(app: Path) -> None:
    assert run([app, "second-release"], guard=None).returncode == -11


def test_without_the_guard_lcores_keep_the_old_bursts(app: Path) -> None:
    assert run([app, "cached-bursts"], guard=None).returncode == 1


@pytest.mark.parametrize("story", ["grace", "grace-of-one-not-started", "starved-before-close"])
def test_without_the_guard_a_device_that_leaves_is_stopped_at_once(app: Path, story: str) -> None:
    assert run([app, story], guard=None).returncode == 1


def told_again(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Tell a story anew that took too long: a busy machine does not take so long each time."""
    for _ in range(10):
        ended = run(command, guard=machine.guard())
        if ended.returncode != BUSY:
            break
    return ended


@pytest.mark.parametrize("story", STORIES)
def test_with_the_guard_every_story_ends_well(
    app: Path, story: str, request: pytest.FixtureRequest
) -> None:
    if (request.node.callspec.params["app"], story) == BEYOND:
        story = "start-seen"
    ended = told_again([app, story])
    assert (ended.returncode, CURED.get(story, "") in ended.stderr) == (0, True), ended.stderr


def test_a_stopped_port_is_left_alone_in_silence(app: Path) -> None:
    ended = run([app, "stopped-port"], guard=machine.guard())
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("stderr", ["nobody reads it", "it is full"])
def test_a_stderr_that_takes_no_line_costs_the_application_nothing(
    tmp_path: Path, stderr: str
) -> None:
    """The one would raise SIGPIPE, the other would hold fail-safe's lock until somebody reads."""
    program = standin(tmp_path, "gcc", "-O2")
    reader, writer = os.pipe()
    if stderr == "it is full":
        os.set_blocking(writer, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, bytes(4096))
        os.set_blocking(writer, True)
    else:
        os.close(reader)
    env = os.environ | {"LD_PRELOAD": str(machine.guard())}
    ended = subprocess.run(
        [program, "started-twice"], stderr=writer, env=env, timeout=10, check=False
    )
    assert ended.returncode == 0
    os.close(writer)
    if stderr == "it is full":
        os.close(reader)


def test_each_save_is_one_line(app: Path) -> None:
    said = run([app, "legitimate-release"], guard=machine.guard()).stderr.splitlines()
    assert len(said) == 100
    assert {line.split(":")[0] for line in said} == {"netvsc guard"}


def test_whole_program_optimization_really_hides_the_allocation_from_the_guard(
    tmp_path: Path,
) -> None:
    library = tmp_path / "libstandin.so"
    how = LIBRARY_OF["optimized as a whole"]
    compiled([*how, "-fPIC", "-shared", HERE / "standin.c", "-o", library])
    code = subprocess.run(
        ["objdump", "-d", "--disassemble=standin_create", library],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "<standin_create>" in code
    assert "rte_eth_dev_allocate" not in code


def test_a_library_that_came_by_dlopen_for_itself_alone_is_found_too(tmp_path: Path) -> None:
    plugin, program = tmp_path / "plugin.so", tmp_path / "host"
    host = tmp_path / "host.c"
    compiled(
        ["gcc", "-O2", "-fPIC", "-shared", "-pthread", "-Dmain=play", HERE / "standin.c",
         *APPLICATION, "-o", plugin]
    )  # fmt: skip
    host.write_text(
        "#include <dlfcn.h>\n"
        "int main(int n, char **v) {\n"
        "  void *o = dlopen(v[1], RTLD_NOW | RTLD_LOCAL);\n"
        '  int (*play)(int, char **) = (int (*)(int, char **))dlsym(o, "play");\n'
        "  return play(n - 1, v + 1); }\n"
    )
    compiled(["gcc", host, "-o", program])
    ended = run([program, plugin, "second-release"], guard=machine.guard())
    assert (ended.returncode, "released twice" in ended.stderr) == (0, True), ended.stderr


@pytest.mark.parametrize(
    "command",
    [["true"], ["sh", "-c", "exit 0"], ["python3", "-c", "import threading, ssl"], ["ip", "link"]],
    ids=lambda command: command[0],
)
def test_programs_without_dpdk_do_not_notice_the_guard(command: list[str]) -> None:
    ended = run(command, guard=machine.guard())
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_musl_program_loads_the_guard_and_is_cured_by_it(tmp_path: Path) -> None:
    library, program = tmp_path / "libstandin.so", tmp_path / "app"
    compiled(["musl-gcc", "-O2", "-fPIC", "-shared", HERE / "standin.c", "-o", library])
    compiled(
        ["musl-gcc", "-O2", *APPLICATION, library, f"-Wl,-rpath,{tmp_path}",
         "-o", program]
    )  # fmt: skip
    assert run([program, "second-release"], guard=None).returncode == -11
    for story in STORIES:
        ended = told_again([program, story])
        assert (ended.returncode, CURED.get(story, "") in ended.stderr) == (0, True), ended.stderr


@pytest.mark.parametrize("suite", ["bullseye", "trixie"])
def test_an_older_and_a_newer_glibc_load_the_guard(suite: str) -> None:
    root = machine.cache() / suite
    with tempfile.NamedTemporaryFile(dir=root / "tmp", suffix=".so") as inside:
        shutil.copy(machine.guard(), inside.name)
        path = f"/tmp/{Path(inside.name).name}"
        chroot = ["chroot", str(root), "/usr/bin/env", f"LD_PRELOAD={path}"]
        ended = run([*chroot, "LD_DEBUG=files", "/bin/dash", "-c", "echo fine"], guard=None)
        assert ended.stdout == "fine\n"
        assert f"file={path} [0];  generating link map" in ended.stderr
        quiet = run([*chroot, "/bin/dash", "-c", "echo fine"], guard=None)
        assert (quiet.stdout, quiet.stderr) == ("fine\n", "")


def launched(pod: Pod, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run([*pod.launcher(), program, *arguments], guard=None)


def hello(folder: Path, *how: str) -> Path:
    source, program = folder / "hello.c", folder / "hello"
    source.write_text(
        '#include <unistd.h>\nint main(void) { return write(1, "hello\\n", 6) < 0; }\n'
    )
    compiled([*how, source, "-o", program])
    return program


def words(sidecar: Sidecar) -> list[str]:
    """What the sidecar was told of the guard, and by the guard."""
    return [line.detail for line in sidecar.log() if line.event == "guard"]


def test_the_guard_says_that_it_is_at_work_when_the_port_is_started_and_not_before(
    pod: Pod, tmp_path: Path
) -> None:
    sidecar = pod.announce()
    program = standin(tmp_path, "gcc", "-O2")
    assert launched(pod, program, "stopped-port").returncode == 0
    sidecar.wait_log("closed")
    assert words(sidecar) == ["loaded"]
    assert launched(pod, program, "restarted-port").returncode == 0
    sidecar.wait_log("guard", detail="active")
    assert words(sidecar) == ["loaded", "loaded", "active"]


@pytest.mark.parametrize("layout", BEYOND_THE_GUARD)
def test_where_the_guard_cannot_do_its_work_people_and_the_sidecar_are_told_once(
    pod: Pod, tmp_path: Path, layout: str
) -> None:
    """And nobody is ever told that it is active: the gate waits for the port to be started."""
    sidecar = pod.announce()
    how, why = BEYOND_THE_GUARD[layout]
    ended = launched(pod, standin(tmp_path, "gcc", "-O2", how), "restarted-port")
    said = ended.stderr.splitlines()
    assert (len(said), said[0].startswith("netvsc guard: net_failsafe_vsc00")) == (1, True), said
    assert why in said[0]
    sidecar.wait_log("guard", detail="partial")
    assert words(sidecar) == ["loaded", "partial"]


def test_a_guard_without_a_sidecar_works_in_silence(pod: Pod, tmp_path: Path) -> None:
    program = standin(tmp_path, "gcc", "-O2")
    ended = run([*pod.enter(), str(program), "start-seen"], guard=machine.guard())
    assert (ended.returncode, len(ended.stderr.splitlines())) == (0, 1), ended.stderr


def test_a_static_program_runs_without_the_guard_and_everybody_is_told(
    pod: Pod, tmp_path: Path
) -> None:
    sidecar = pod.announce()
    ended = launched(pod, hello(tmp_path, "gcc", "-static"))
    assert (ended.returncode, ended.stdout) == (0, "hello\n")
    assert "static program and cannot load the guard" in ended.stderr
    sidecar.wait_log("guard", detail="static")


def test_a_program_with_file_capabilities_runs_without_the_guard_and_everybody_is_told(
    pod: Pod, tmp_path: Path
) -> None:
    program = hello(tmp_path, "gcc")
    subprocess.run(["setcap", "cap_net_raw+ep", program], check=True)
    sidecar = pod.announce()
    ended = launched(pod, program)
    assert (ended.returncode, ended.stdout) == (0, "hello\n")
    assert "has file capabilities, so the loader ignores the guard" in ended.stderr
    sidecar.wait_log("guard", detail="secure")


def test_the_loader_really_ignores_the_guard_for_a_program_with_file_capabilities(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("secure")
    for above in (folder, *folder.parents[:2]):
        above.chmod(0o755)  # nobody is to reach it
    source, program = folder / "maps.c", folder / "maps"
    source.write_text(
        "#include <stdio.h>\n#include <string.h>\n"
        'int main(void) { char l[512]; FILE *f = fopen("/proc/self/maps", "r"); int n = 0;\n'
        '  while (f && fgets(l, sizeof(l), f)) n += !!strstr(l, "guard.so");\n'
        '  puts(n ? "guarded" : "alone"); return !f; }\n'
    )
    compiled(["gcc", source, "-o", program])
    guard = folder / "guard.so"
    shutil.copy(machine.guard(), guard)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    preload = ["env", f"LD_PRELOAD={guard}"]
    assert run([*nobody, *preload, program], guard=None).stdout == "guarded\n"
    subprocess.run(["setcap", "cap_net_raw+ep", program], check=True)
    assert run([*nobody, *preload, program], guard=None).stdout != "guarded\n"


def test_dpdks_own_testpmd_is_known_to_be_guarded(pod: Pod) -> None:
    sidecar = pod.announce()
    with pod.testpmd() as pmd:
        sidecar.wait_log("guard", detail="active")
        assert pmd.ready().quit() == 0
        assert "netvsc guard" not in pmd.text()
