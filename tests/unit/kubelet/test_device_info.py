"""The Network Plumbing Working Group's device information of our pairs."""

from __future__ import annotations

import json
from pathlib import Path

from netvsc_deviceplugin.kubelet import device_info
from sim.kubelet.inventories import pair, revoked

RESOURCES = {"pair": "netvsc.io/pair", "fast": "netvsc.io/fast-25g.a"}
ONE, TWO = pair(1), pair(2, pool="fast")
HELD = {ONE.id, TWO.id}


def test_a_pair_that_is_held_is_described_by_its_vf() -> None:
    files = device_info.info_files([ONE], resources=RESOURCES, allocated=HELD)
    ((name, content),) = files.items()
    assert name == "netvsc.io-pair-00-0d-3a-c0-00-01-device.json"
    assert json.loads(content) == {
        "type": "pci",
        "version": "1.1.0",
        "pci": {"pci-address": "0001:00:02.0"},
    }


def test_the_file_is_named_after_the_resource_of_the_pairs_own_pool() -> None:
    files = device_info.info_files([TWO], resources=RESOURCES, allocated=HELD)
    assert list(files) == ["netvsc.io-fast-25g.a-00-0d-3a-c0-00-02-device.json"]


def test_a_pair_that_nobody_holds_has_no_file() -> None:
    assert device_info.info_files([ONE, TWO], resources=RESOURCES, allocated=()) == {}


def test_without_its_vf_a_pair_has_no_file_since_its_address_is_required() -> None:
    assert device_info.info_files([revoked(ONE)], resources=RESOURCES, allocated=HELD) == {}


def test_files_of_other_device_plugins_are_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "nvidia.com-hostdev-0000:03:00.2-device.json"
    theirs.write_text("{}")
    owned = device_info.owned_info(tmp_path)
    owned.sync(device_info.info_files([ONE], resources=RESOURCES, allocated=HELD))
    assert len(list(tmp_path.iterdir())) == 2
    owned.sync({})
    assert list(tmp_path.iterdir()) == [theirs]
