"""A pair's VF is compared with the verbs devices that its container was given."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest

from netvsc.model.pair import Inventory, Pair
from netvsc_deviceplugin.concurrency.latest import Latest
from netvsc_deviceplugin.inventory.match import Policy, inventory_of
from netvsc_deviceplugin.kernel.links import Link
from netvsc_deviceplugin.kernel.sysfs import read_devices, read_links
from netvsc_deviceplugin.kubelet.verbs_check import mismatch, mismatches, report
from sim.kernel import fixture
from sim.kernel.systree import SysTree
from sim.kubelet.inventories import inventory, pair, revoked

A, B = pair(1), pair(2)


def test_the_device_that_was_given_is_right_and_so_is_one_of_the_whole_pools() -> None:
    assert mismatch(A, ("uverbs1",)) is None
    assert mismatch(A, ("uverbs1", "uverbs2")) is None


def test_another_device_is_wrong_and_it_is_said_whose_the_containers_is_now() -> None:
    why = mismatch(A, ("uverbs2",), (A, B))
    assert why == (
        f"the VF has uverbs1, the container was given uverbs2 (now of {B.id}): delete the pod"
    )


def test_a_device_of_nobodys_is_wrong_too_and_so_is_none() -> None:
    assert "was given uverbs9: delete" in (mismatch(A, ("uverbs9",), (A, B)) or "")
    assert "was given none: delete" in (mismatch(A, (), (A, B)) or "")


def test_nothing_is_said_of_a_vf_that_is_away_or_has_no_verbs_or_was_given_to_nobody() -> None:
    assert mismatch(revoked(A), ("uverbs2",)) is None
    assert mismatch(pair(1, verbs=()), ("uverbs2",)) is None
    assert mismatch(A, None) is None
    assert mismatches((A, B), {A.id: ("uverbs1",)}) == {A.id: None}


def three_nics(tree: SysTree) -> tuple[Pair, ...]:
    links: tuple[Link, ...] = read_links(tree.root)
    return inventory_of(links, read_devices(tree.root, links), (), Policy()).pairs


def test_uverbs_that_come_back_permuted_are_found_out_on_the_modelled_host(tmp_path: Path) -> None:
    tree = fixture.build_sys(fixture.load("f02"), tmp_path / "sys")
    before = three_nics(tree)
    given = {one.id: one.vf.verbs for one in before if one.vf}
    assert set(given.values()) == {("uverbs0",), ("uverbs1",), ("uverbs2",)}
    assert set(mismatches(before, given).values()) == {None}
    first, second = (one.vf.pci for one in before[1:3] if one.vf)
    for pci in (first, second):
        tree.remove_verbs(pci)
    tree.add_verbs(first, "uverbs1", "mlx5_1")
    tree.add_verbs(second, "uverbs0", "mlx5_0")
    wrong = mismatches(three_nics(tree), given)
    assert [why is not None for why in wrong.values()] == [False, True, True]
    assert f"uverbs0 (now of {before[2].id})" in str(wrong[before[1].id])
    pool = dict.fromkeys(given, ("uverbs0", "uverbs1", "uverbs2"))
    assert set(mismatches(three_nics(tree), pool).values()) == {None}


def test_a_mismatch_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    strange = pair(1, verbs=("uverbs5",))
    seen: Latest[Inventory] = Latest(inventory(A))

    async def play() -> None:
        task = asyncio.create_task(report(seen, lambda: {A.id: ("uverbs1",)}))
        for found in (A, strange, revoked(A), strange, strange, A, A):
            seen.set(inventory(found))
            for _ in range(3):
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    told = [(line.levelname, line.pair) for line in caplog.records if hasattr(line, "pair")]
    assert told == [("WARNING", A.id), ("INFO", A.id), ("WARNING", A.id), ("INFO", A.id)]
