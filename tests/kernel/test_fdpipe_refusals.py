"""Bad input: each a clear error and the documented exit code, and nothing half-done."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

import pytest

from sim.sidecar.fdpipe import Pod, binary

PAIR = ("--pair", "00=netvsc0")


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ((), ("no pair is given", "--pair NN=<netvsc>")),
        (("--pair",), ("--pair", "two digits")),
        (("--pair", "netvsc0"), ("netvsc0", "two digits")),
        (("--pair", "0=netvsc0"), ("0=netvsc0", "two digits")),
        (("--pair", "00="), ("00=", "15 characters")),
        (("--pair", "00=a-name-of-16-chr"), ("a-name-of-16-chr", "15 characters")),
        (("--pair", "00=net/vsc"), ("net/vsc", "15 characters")),
        (("--pair", "00=netvsc0,tap="), ("tap=", "15 characters")),
        (("--pair", "00=netvsc0,tap=a-name-of-16-chr"), ("tap=", "15 characters")),
        (("--pair", "00=netvsc0,colour=red"), ("colour=red", "template last")),
        (("--pair", "00=netvsc0,template="), ("template=", "is empty")),
        (("--pair", "00=netvsc0,template={slot}"), ("{slot}", "placeholder")),
        (("--pair", f"00=netvsc0,template={'x' * 192}"), ("xxx", "too long")),
        ((*PAIR, "--pair", "00=netvsc1"), ("00=netvsc1", "number is used twice")),
        ((*PAIR, "--pair", "01=netvsc0"), ("01=netvsc0", "in another pair")),
        (
            tuple(word for i in range(9) for word in ("--pair", f"0{i}=netvsc{i}")),
            ("08=netvsc8", "8 pairs already"),
        ),
        ((*PAIR, "--poll-ms", "0"), ("--poll-ms", '"0"', "from 1 to 60000")),
        ((*PAIR, "--poll-ms=often"), ("--poll-ms", "often", "from 1 to 60000")),
        ((*PAIR, "--settle-ms", "-1"), ("--settle-ms", "-1", "from 0 to 60000")),
        ((*PAIR, "--settle-ms", "9" * 30), ("--settle-ms", "from 0 to 60000")),
        ((*PAIR, "--gate", "open"), ("--gate", "open", "auto, started or immediate")),
        ((*PAIR, "--gate-timeout-s", "3601"), ("--gate-timeout-s", "3601", "to 3600")),
        ((*PAIR, "--dir", "here"), ("--dir", "here", "absolute path")),
        ((*PAIR, "--sysfs", f"/{'x' * 300}"), ("--sysfs", "absolute path")),
        ((*PAIR, "--colour"), ("--colour", "not an option", "--help")),
        ((*PAIR, "extra"), ("extra", "not an option", "--help")),
    ],
)
def test_a_bad_option_is_named_with_its_value_and_its_remedy(
    pod: Pod, options: tuple[str, ...], names: tuple[str, ...]
) -> None:
    result = pod.run("announce", "--dir", str(pod.dir), *options)
    assert result.returncode == 2
    assert result.stderr.startswith("fdpipe: ")
    assert result.stderr.count("\n") == 1
    for name in names:
        assert name in result.stderr
    assert not pod.dir.exists()


@pytest.mark.parametrize("arguments", [(), ("dance",), ("vf",), ("vf", "0"), ("ready", "now")])
def test_a_bad_command_line_says_so(pod: Pod, arguments: tuple[str, ...]) -> None:
    result = pod.run(*arguments)
    assert result.returncode == 2
    assert result.stderr.startswith("fdpipe: ")


def test_the_shipped_program_does_not_know_the_simulation() -> None:
    with Pod(program="fdpipe") as pod:
        result = pod.run("announce", "--sim", "--dir", str(pod.dir), *PAIR)
        assert result.returncode == 2
        assert "--sim: is not an option" in result.stderr
        pod.sidecar("--gate", "immediate")
        pod.host.give("netvsc0")
        assert pod.status()["vf"] == "away"
    assert b"sim:" not in binary("fdpipe").read_bytes()


def start(pod: Pod) -> tuple[int, str]:
    result = pod.run("announce", "--dir", str(pod.dir), *PAIR)
    return result.returncode, result.stderr


def test_a_symbolic_link_in_the_place_of_the_pipe_is_refused_and_left_alone(pod: Pod) -> None:
    pod.dir.mkdir()
    target = pod.dir / "target"
    os.mkfifo(target)
    pod.pipe.symlink_to(target)
    code, said = start(pod)
    assert code == 1
    assert f"{pod.pipe}: is a symbolic link" in said
    assert pod.pipe.is_symlink()
    assert not (pod.dir / "bin").exists()


def test_a_dangling_symbolic_link_is_refused_and_makes_nothing(pod: Pod) -> None:
    pod.dir.mkdir()
    pod.pipe.symlink_to(pod.dir / "nowhere")
    code, said = start(pod)
    assert (code, "is a symbolic link" in said) == (1, True)
    assert not (pod.dir / "nowhere").exists()


def test_a_file_in_the_place_of_the_pipe_is_refused_and_left_alone(pod: Pod) -> None:
    pod.dir.mkdir()
    pod.pipe.write_text("precious")
    code, said = start(pod)
    assert code == 1
    assert f"{pod.pipe}: exists and is not a named pipe" in said
    assert pod.pipe.read_text() == "precious"


@pytest.mark.root
def test_somebody_elses_pipe_is_refused_and_left_alone(pod: Pod) -> None:
    pod.dir.mkdir()
    os.mkfifo(pod.pipe)
    os.chown(pod.pipe, 65532, 65532)
    code, said = start(pod)
    assert code == 1
    assert f"{pod.pipe}: is a named pipe of another user" in said
    assert pod.pipe.stat().st_uid == 65532


def test_a_pipe_of_ours_is_taken_over_with_its_inode_and_made_readable_for_all(pod: Pod) -> None:
    pod.dir.mkdir()
    os.mkfifo(pod.pipe, 0o600)
    before = pod.pipe.stat().st_ino
    pod.sidecar()
    now = pod.pipe.stat()
    assert (now.st_ino, stat.S_IMODE(now.st_mode)) == (before, 0o644)


def test_a_folder_that_cannot_be_made_is_named_with_its_remedy(pod: Pod) -> None:
    result = pod.run("announce", "--dir", "/proc/nowhere", *PAIR)
    assert result.returncode == 1
    assert "/proc/nowhere" in result.stderr
    assert "mount a writable volume" in result.stderr


def test_a_second_sidecar_in_the_same_pod_is_refused(pod: Pod) -> None:
    pod.sidecar()
    code, said = start(pod)
    assert code == 1
    assert "@netvsc.io/fdpipe: is in use" in said
    assert "one sidecar serves all pairs" in said
    assert pod.status()["pair"] == "00"


def test_the_verbs_say_that_there_is_no_sidecar(pod: Pod) -> None:
    for arguments in (("ready",), ("status",), ("vf", "00")):
        result = pod.run(*arguments)
        assert (result.returncode, result.stdout) == (1, "")
        assert "is `fdpipe announce` running in this pod?" in result.stderr


def test_a_silent_sidecar_does_not_hold_its_callers_for_ever(pod: Pod) -> None:
    sidecar = pod.sidecar()
    sidecar.process.send_signal(19)  # SIGSTOP
    result = pod.run("ready")
    assert result.returncode == 1
    assert "@netvsc.io/fdpipe" in result.stderr
    sidecar.process.send_signal(18)  # SIGCONT


def test_version_and_help_are_there(pod: Pod) -> None:
    assert pod.run("--version").stdout.startswith("fdpipe 0.")
    assert "announce --pair NN=<netvsc>" in pod.run("--help").stdout
