"""`netvsc doctor --image-root`: DPDK and rdma-core by what their files are called."""

import argparse
from pathlib import Path

import pytest

from netvsc_deviceplugin.cli.doctor import command
from netvsc_deviceplugin.cli.doctor.finding import CheckVerdict, Finding
from netvsc_deviceplugin.cli.doctor.gather_image import named

LIB = "usr/lib/x86_64-linux-gnu"
WHOLE = (
    "librte_ethdev.so.23.0",
    "dpdk/pmds-23.0/librte_net_failsafe.so.23.0",
    "dpdk/pmds-23.0/librte_net_tap.so.23.0",
    "dpdk/pmds-23.0/librte_net_af_packet.so.23.0",
    "dpdk/pmds-23.0/librte_net_vdev_netvsc.so.23.0",
    "dpdk/pmds-23.0/librte_net_mlx5.so.23.0",
    "dpdk/pmds-23.0/librte_net_mana.so.23.0",
    "libibverbs.so.1.14.44.0",
    "libibverbs/libmlx5-rdmav34.so",
    "libibverbs/libmana-rdmav34.so",
)


def findings(*files: str) -> dict[str, Finding]:
    facts = named("/image", (file.rpartition("/")[2] for file in files))
    return dict(command.examined(command.IMAGE, facts))


def without(*words: str) -> list[str]:
    return [file for file in WHOLE if not any(word in file for word in words)]


def test_an_image_that_has_everything_is_well() -> None:
    said = findings(*WHOLE)
    assert {one.verdict for one in said.values()} == {CheckVerdict.OK}
    assert said["dpdk-version"].text == "DPDK 22.11 (ABI 23), shared"
    assert said["rdma-core"].text == "rdma-core 44.0 with mlx5 and MANA"


@pytest.mark.parametrize(
    ("files", "check", "verdict", "seen"),
    [
        (without("failsafe"), "dpdk-drivers", CheckVerdict.FAILURE, "net_failsafe"),
        (without("tap", "af_packet"), "dpdk-drivers", CheckVerdict.FAILURE, "fall back"),
        (without("net_tap"), "dpdk-drivers", CheckVerdict.OK, "af_packet alone"),
        (without("vdev_netvsc"), "dpdk-drivers", CheckVerdict.WARNING, "unknown device"),
        (without("net_mlx5"), "dpdk-vf-drivers", CheckVerdict.FAILURE, "mlx5"),
        (without("net_mana"), "dpdk-vf-drivers", CheckVerdict.WARNING, "mana"),
        (without("libibverbs.so"), "rdma-core", CheckVerdict.FAILURE, "no libibverbs"),
        (without("libmlx5-"), "rdma-core", CheckVerdict.FAILURE, "mlx5"),
        (without("libmana-"), "rdma-core", CheckVerdict.WARNING, "MANA"),
        (
            [*without("libibverbs.so"), "libibverbs.so.1.14.39.0"],
            "rdma-core",
            CheckVerdict.WARNING,
            "rdma-core 39.0",
        ),
        (["librte_ethdev.so.20.0"], "dpdk-version", CheckVerdict.WARNING, "ABI 20"),
        (["busybox"], "dpdk-version", CheckVerdict.UNKNOWN, "no shared DPDK"),
    ],
)
def test_what_an_image_lacks_is_named(
    files: list[str], check: str, verdict: CheckVerdict, seen: str
) -> None:
    said = findings(*files)[check]
    assert said.verdict is verdict
    assert seen in said.text
    assert verdict is CheckVerdict.OK or said.fix


def test_an_image_with_two_versions_is_as_good_as_the_older() -> None:
    old = ("librte_ethdev.so.22", "libibverbs.so.1.14.39.0")
    said = findings(*WHOLE, *old)
    assert "21.11" in said["dpdk-version"].text
    assert "39.0" in said["rdma-core"].text


def test_an_unpacked_image_is_walked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in WHOLE:
        path = tmp_path / LIB / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "lib").symlink_to("/usr/lib")  # absolute: it would lead out of the image
    assert _run("--image-root", str(tmp_path)) == 0
    assert "DPDK 22.11" in capsys.readouterr().out


def test_a_folder_that_is_no_image_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("--image-root", str(tmp_path)) == 2
    assert "buildah mount" in capsys.readouterr().err


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))
