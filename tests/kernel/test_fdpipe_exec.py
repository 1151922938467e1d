"""The launcher: what the application finds, what it is told, and how a failure looks."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.sidecar.fdpipe import Pod, binary

SHOW = 'echo "$LD_PRELOAD"; readlink /proc/self/fd/200; sed -n s/^flags:.//p /proc/self/fdinfo/200'


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


@pytest.fixture
def guard(pod: Pod) -> Path:
    """Return a shared object that stands for the guard; what it does is tested elsewhere."""
    source, target = pod.dir.parent / "guard.c", pod.dir.parent / "guard.so"
    source.write_text("int a_guard;\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", target, source], check=True)
    return target


@pytest.fixture(scope="module")
def dpdk_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a program linked to a shared library of DPDK's name; it runs its argument, if any."""
    folder = tmp_path_factory.mktemp("dpdk")
    (folder / "lib.c").write_text("int rte_eth_stand_in(void) { return 0; }\n")
    (folder / "main.c").write_text(
        "#include <stdlib.h>\nint rte_eth_stand_in(void);\n"
        "int main(int n, char **v) { return n > 1 ? system(v[1]) : rte_eth_stand_in(); }\n"
    )
    library = folder / "librte_ethdev.so.23"
    named = ["-Wl,-soname,librte_ethdev.so.23"]
    command = ["gcc", "-shared", "-fPIC", *named, "-o", f"{library}", f"{folder}/lib.c"]
    subprocess.run(command, check=True)
    program = folder / "forwarder"
    command = ["gcc", "-o", f"{program}", f"{folder}/main.c", f"{library}", f"-Wl,-rpath,{folder}"]
    subprocess.run(command, check=True)
    return program


def launch(
    pod: Pod, *options: str, command: tuple[str, ...], **more: object
) -> tuple[int, str, str]:
    result = pod.run("exec", "--fd", f"200={pod.pipe}", *options, "--", *command, **more)
    return result.returncode, result.stdout, result.stderr


def test_the_application_finds_the_pipe_at_its_descriptor_open_for_reading(pod: Pod) -> None:
    pod.sidecar()
    code, said, _ = launch(pod, "--guard", "off", command=("sh", "-c", SHOW))
    preload, path, flags = said.splitlines()
    assert code == 0
    assert (preload, path) == ("", str(pod.pipe))
    assert int(flags, 8) & (os.O_ACCMODE | os.O_NONBLOCK | os.O_CLOEXEC) == os.O_NONBLOCK


def test_its_arguments_and_its_exit_code_are_its_own(pod: Pod) -> None:
    pod.sidecar()
    code, said, _ = launch(
        pod, command=("sh", "-c", 'printf "%s|" "$@"; exit 42', "sh", "a b", "--")
    )
    assert (code, said) == (42, "a b|--|")


def test_several_pipes_go_to_several_descriptors(pod: Pod) -> None:
    pod.host.add_netvsc("netvsc1", mac="00:0d:3a:c0:00:12", guid="guid-2")
    pod.sidecar(pairs=["00=netvsc0", "01=netvsc1"])
    options = ("--fd", f"201={pod.dir}/01", "--guard", "off")
    show = "readlink /proc/self/fd/200 /proc/self/fd/201"
    code, said, _ = launch(pod, *options, command=("sh", "-c", show))
    assert (code, said.split()) == (0, [str(pod.dir / "00"), str(pod.dir / "01")])


def test_the_guard_is_appended_to_what_is_preloaded(pod: Pod, guard: Path) -> None:
    pod.sidecar()
    environment = os.environ | {"LD_PRELOAD": "/lib/mine.so /lib/other.so"}
    environment["ASAN_OPTIONS"] = "verify_asan_link_order=0"  # it minds what is preloaded
    command = ("sh", "-c", 'echo "$LD_PRELOAD"')
    _, said, _ = launch(pod, "--guard-file", str(guard), command=command, env=environment)
    assert said == f"/lib/mine.so /lib/other.so:{guard}\n"
    environment["LD_PRELOAD"] = f"{guard}:/lib/mine.so"
    _, said, _ = launch(pod, "--guard-file", str(guard), command=command, env=environment)
    assert said == f"{guard}:/lib/mine.so\n"


def test_the_copy_in_the_volume_finds_the_guard_beside_itself(pod: Pod, guard: Path) -> None:
    pod.sidecar("--guard-file", str(guard))
    copy = pod.dir / "bin"
    command = ["ip", "netns", "exec", pod.host.netns, str(copy / "fdpipe"), "exec", "--"]
    result = subprocess.run(
        [*command, "sh", "-c", 'echo "$LD_PRELOAD"'], capture_output=True, text=True, check=True
    )
    assert result.stdout == f"{copy}/guard.so\n"


def test_the_environment_is_otherwise_untouched(pod: Pod, guard: Path) -> None:
    pod.sidecar()
    environment = {"PATH": os.environ["PATH"], "EMPTY": "", "LD_PRELOADED": "no", "X": "1=2"}
    result = launch(pod, "--guard-file", str(guard), command=("env",), env=environment)
    found = dict(line.split("=", 1) for line in result[1].splitlines())
    assert found == environment | {"LD_PRELOAD": str(guard)}


def test_a_program_with_shared_dpdk_libraries_runs_guarded_and_the_sidecar_knows(
    pod: Pod, guard: Path, dpdk_program: Path
) -> None:
    sidecar = pod.sidecar()
    code, _, said = launch(pod, "--guard-file", str(guard), command=(str(dpdk_program),))
    assert (code, said) == (0, "")
    assert sidecar.wait_log("guard").detail == "loaded"


def test_a_program_without_shared_dpdk_libraries_is_preloaded_but_not_trusted(
    pod: Pod, guard: Path, tmp_path: Path
) -> None:
    sidecar = pod.sidecar()
    script = tmp_path / "start"
    script.write_text('#!/bin/sh\necho "$LD_PRELOAD"\n')
    script.chmod(0o755)
    _, said, warned = launch(pod, "--guard-file", str(guard), command=(str(script),))
    assert said == f"{guard}\n"
    assert "the guard may have no effect" in warned
    assert sidecar.wait_log("guard").detail == "unproven"


def test_a_static_program_is_told_and_reported_as_such(pod: Pod, guard: Path) -> None:
    sidecar = pod.sidecar()
    static = str(binary("fdpipe"))
    code, _, warned = launch(pod, "--guard-file", str(guard), command=(static, "--version"))
    assert code == 0
    assert f"{static}: is a static program and cannot load the guard" in warned
    assert sidecar.wait_log("guard").detail == "static"


def test_a_setuid_program_is_told_and_reported_as_such(
    pod: Pod, guard: Path, dpdk_program: Path, tmp_path: Path
) -> None:
    sidecar = pod.sidecar()
    program = tmp_path / "setuid"
    shutil.copy(dpdk_program, program)
    program.chmod(0o4755)
    code, _, warned = launch(pod, "--guard-file", str(guard), command=(str(program),))
    assert code == 0
    assert "the loader ignores the guard" in warned
    assert sidecar.wait_log("guard").detail == "secure"


@pytest.mark.root
def test_a_program_with_file_capabilities_is_told_and_reported_as_such(
    pod: Pod, guard: Path, dpdk_program: Path, tmp_path: Path
) -> None:
    sidecar = pod.sidecar()
    program = tmp_path / "capable"
    shutil.copy(dpdk_program, program)
    capability = bytes.fromhex("0100000200200000000000000000000000000000")  # cap_net_raw+ep
    os.setxattr(program, "security.capability", capability)
    _, _, warned = launch(pod, "--guard-file", str(guard), command=(str(program),))
    assert "the loader ignores the guard" in warned
    assert sidecar.wait_log("guard").detail == "secure"


def test_without_a_guard_it_runs_and_says_so(pod: Pod, dpdk_program: Path) -> None:
    sidecar = pod.sidecar()
    options = ("--guard-file", str(pod.dir / "nowhere.so"))
    code, _, warned = launch(pod, *options, command=(str(dpdk_program),))
    assert code == 0
    assert "there is no guard.so" in warned
    assert sidecar.wait_log("guard").detail == "absent"


def test_without_a_sidecar_it_runs_and_says_so(pod: Pod) -> None:
    pod.sidecar().kill()
    code, said, warned = launch(pod, "--guard", "off", command=("echo", "here"))
    assert (code, said) == (0, "here\n")
    assert "it was not told of the guard" in warned


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), ("no command is given", "after --")),
        (("--",), ("no command is given", "after --")),
        (("--fd", "200=/nowhere/00", "--", "true"), ("/nowhere/00", "the sidecar makes it")),
        (("--fd", "200=relative", "--", "true"), ("200=relative", "absolute path")),
        (("--fd", "200", "--", "true"), ('"200"', "N=<absolute path")),
        (("--fd", "2={pipe}", "--", "true"), ("2=", "from 3 to 65535")),
        (("--fd", "x={pipe}", "--", "true"), ("x=", "from 3 to 65535")),
        (("--fd", "60000={pipe}", "--", "true"), ("{pipe}", "ulimit -n")),
        (("--fd", "200=/dev/null", "--", "true"), ("/dev/null", "is not a named pipe")),
        (("--fd", "200={pipe}", "--fd", "200={pipe}", "--", "true"), ("200=", "once")),
        (("--guard", "on", "--", "true"), ('"on"', "auto or off")),
        (("--guard-file", "guard.so", "--", "true"), ("guard.so", "absolute path")),
        (("--guard-file", "/a:b", "--", "true"), ("/a:b", "split LD_PRELOAD")),
        (("true",), ("true", "put -- before the command")),
    ],
)
def test_a_launch_that_cannot_work_ends_with_125(
    pod: Pod, arguments: tuple[str, ...], names: tuple[str, ...]
) -> None:
    pod.sidecar()
    made = [word.replace("{pipe}", str(pod.pipe)) for word in arguments]
    result = pod.run("exec", *made)
    assert (result.returncode, result.stdout) == (125, "")
    for name in names:
        assert name.replace("{pipe}", str(pod.pipe)) in result.stderr


def test_a_descriptor_that_is_taken_already_is_not_overwritten(pod: Pod) -> None:
    pod.sidecar()
    script = f'exec 9</dev/null; exec "{binary(pod.program)}" exec --fd 9={pod.pipe} -- true'
    command = ["ip", "netns", "exec", pod.host.netns, "bash", "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 125
    assert "open already" in result.stderr


@pytest.mark.parametrize("command", ["no-such-program", "/no/such/program", "/etc/passwd/x"])
def test_a_missing_command_ends_with_127(pod: Pod, command: str) -> None:
    pod.sidecar()
    path = {"PATH": "/usr/bin:/bin"}  # a folder that may not be searched would make it 126
    code, _, said = launch(pod, command=(command,), env=os.environ | path)
    assert code == 127
    assert f"fdpipe: {command}: " in said
    assert "name a program of this image" in said


def test_a_script_whose_interpreter_is_missing_ends_with_127(pod: Pod, tmp_path: Path) -> None:
    pod.sidecar()
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    code, _, said = launch(pod, "--guard", "off", command=(str(script),))
    assert code == 127
    assert "interpreter or loader is missing" in said


@pytest.mark.parametrize("kind", ["folder", "not executable", "not a program"])
def test_a_command_that_cannot_be_run_ends_with_126(pod: Pod, tmp_path: Path, kind: str) -> None:
    pod.sidecar()
    target = tmp_path / "command"
    if kind == "folder":
        target.mkdir()
    else:
        target.write_text("\x7fELF but no more")
        target.chmod(0o644 if kind == "not executable" else 0o755)
    code, _, said = launch(pod, "--guard", "off", command=(str(target),))
    assert code == 126
    assert str(target) in said


def test_a_broken_elf_file_is_looked_at_without_harm(pod: Pod, guard: Path, tmp_path: Path) -> None:
    pod.sidecar()
    whole = Path(shutil.which("true") or "/bin/true").read_bytes()
    target = tmp_path / "broken"
    for size in (0, 1, 16, 63, 64, 100, 400, 1000, 5000):
        for spoil in (b"", b"\xff" * 8):
            target.write_bytes(whole[:size] + spoil)
            target.chmod(0o755)
            code, _, said = launch(pod, "--guard-file", str(guard), command=(str(target),))
            assert code in (126, 139, -11), (size, said)
            assert "runtime error" not in said
            assert "Sanitizer" not in said


def guarded_by(guard: Path) -> dict[str, str]:
    """Return the environment that a webhook leaves such a container."""
    return os.environ | {"LD_PRELOAD": str(guard), "ASAN_OPTIONS": "verify_asan_link_order=0"}


def test_who_asks_by_vf_says_whether_its_application_is_guarded(
    pod: Pod, guard: Path, dpdk_program: Path
) -> None:
    sidecar = pod.sidecar()
    question = f"{binary(pod.program)} vf 00; true"  # as popen() does it for exec(...)
    command = ["ip", "netns", "exec", pod.host.netns, str(dpdk_program), question]
    subprocess.run(command, check=True, env=guarded_by(guard))
    assert sidecar.wait_log("guard").detail == "loaded"
    pod.ask("guard 00 active")
    sidecar.wait_log("guard", detail="active")
    subprocess.run(command, check=True, env=guarded_by(guard))  # knows less than the guard itself
    assert pod.status()["guard"] == "active"
    pod.ask("vf 00 unknown")  # of one whose memory map could not be read
    assert pod.status()["guard"] == "active"
    since = len(sidecar.lines)
    subprocess.run(command, check=True)
    assert sidecar.wait_log("guard", since=since).detail == "off"
    since = len(sidecar.lines)
    pod.run("vf", "00")
    assert sidecar.wait_log("guard", since=since).detail == "unproven"


def test_a_guard_that_was_replaced_on_disk_is_still_the_one_that_is_loaded(
    pod: Pod, guard: Path, dpdk_program: Path
) -> None:
    """An upgrade renames a new file over it."""
    sidecar = pod.sidecar()
    question = f"mv {guard}.new {guard}; {binary(pod.program)} vf 00; true"
    shutil.copy(guard, f"{guard}.new")
    command = ["ip", "netns", "exec", pod.host.netns, str(dpdk_program), question]
    subprocess.run(command, check=True, env=guarded_by(guard))
    assert sidecar.wait_log("guard").detail == "loaded"
