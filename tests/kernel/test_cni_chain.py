"""Chained mode on a real file system: installed, kept, contested, taken out."""

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from netvsc.errors import NodeError
from netvsc_deviceplugin.__main__ import main as agent_main
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, CheckpointStore, ContainerPhase
from netvsc_deviceplugin.cni.chain import conflist_files, plugin_binary
from netvsc_deviceplugin.cni.chain.conflist import ConflistError
from netvsc_deviceplugin.cni.chain.manager import ChainManager, Folders
from netvsc_deviceplugin.cni.chain.status import ChainReason
from sim.cni.conflists import ALL, AZURE_OVERLAY, CHAINED_CILIUM, text_of
from sim.sidecar.fdpipe import binary


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    for name in ("conf", "bin"):
        (tmp_path / name).mkdir()
    return Folders(conf=tmp_path / "conf", bin=tmp_path / "bin", state=Path("/run/netvsc"))


def chain_of(folders: Folders, **more: Any) -> ChainManager:
    return ChainManager(folders=folders, shim=binary("fdpipe"), **more)


def uninstall(folders: Folders) -> None:
    conflist_files.leave(folders.conf)
    plugin_binary.remove(folders.bin)


def types(file: Path) -> list[str]:
    return [plugin["type"] for plugin in json.loads(file.read_bytes())["plugins"]]


def following(chain: ChainManager, story: Coroutine[None, None, None]) -> None:
    async def play() -> None:
        task = asyncio.create_task(chain.run())
        try:
            async with asyncio.timeout(10):
                await story
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(play())


async def until(chain: ChainManager, reason: ChainReason) -> None:
    async for now in chain.status.changes():
        if now.reason is reason:
            return


@pytest.mark.parametrize("shape", ALL.values(), ids=ALL)
def test_we_are_put_in_and_taken_out_again(folders: Folders, shape: dict[str, Any]) -> None:
    file = folders.conf / "10-net.conflist"
    file.write_bytes(text_of(shape))
    file.chmod(0o640)
    chain = chain_of(folders)
    chain.sync()
    assert chain.status.get().reason is ChainReason.CHAINED
    assert types(file)[-1] == "netvsc-cni"
    assert file.stat().st_mode & 0o777 == 0o640
    assert (folders.bin / "netvsc-cni").stat().st_mode & 0o777 == 0o755
    uninstall(folders)
    uninstall(folders)
    assert json.loads(file.read_bytes()) == shape
    assert list(folders.conf.iterdir()) == [file]
    assert list(folders.bin.iterdir()) == []


def test_a_list_that_comes_later_is_chained_when_it_comes(folders: Folders) -> None:
    chain = chain_of(folders)

    async def story() -> None:
        await until(chain, ChainReason.NO_LIST)
        (folders.conf / "10-azure.conflist").write_bytes(text_of(AZURE_OVERLAY))
        await until(chain, ChainReason.CHAINED)
        assert types(folders.conf / "10-azure.conflist")[-1] == "netvsc-cni"

    following(chain, story())


def test_another_list_that_takes_first_place_is_chained_too(folders: Folders) -> None:
    (folders.conf / "10-azure.conflist").write_bytes(text_of(AZURE_OVERLAY))
    chain = chain_of(folders)
    chain.sync()
    cilium = folders.conf / "05-cilium.conflist"
    cilium.write_bytes(text_of(CHAINED_CILIUM))
    chain.sync()
    assert types(cilium) == ["cilium-cni", "netvsc-cni"]
    uninstall(folders)
    assert types(cilium) == ["cilium-cni"]
    assert types(folders.conf / "10-azure.conflist") == ["azure-vnet", "portmap"]


def test_a_list_that_others_rewrite_is_chained_again_but_not_for_ever(folders: Folders) -> None:
    file = folders.conf / "10-azure.conflist"
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain = chain_of(folders, clock=lambda: 0.0)
    chain.sync()
    for _ in range(4):
        file.write_bytes(text_of(AZURE_OVERLAY))
        chain.sync()
        assert types(file)[-1] == "netvsc-cni"
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain.sync()
    assert chain.status.get().reason is ChainReason.CONTESTED
    assert types(file) == ["azure-vnet", "portmap"]


def test_after_ten_quiet_minutes_the_next_change_is_worth_another_try(folders: Folders) -> None:
    file, now = folders.conf / "10-azure.conflist", [0.0]
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain = chain_of(folders, clock=lambda: now[0])
    for _ in range(6):
        chain.sync()
        file.write_bytes(text_of(AZURE_OVERLAY))
    chain.sync()
    assert chain.status.get().reason is ChainReason.CONTESTED
    now[0] += 601
    chain.sync()
    assert chain.status.get().reason is ChainReason.CHAINED
    assert types(file)[-1] == "netvsc-cni"


def test_quiet_minutes_are_quiet_though_hints_come_all_the_while(folders: Folders) -> None:
    """Whatever a pod or the network does wakes us; only a list that is written anew is a try."""
    file, now = folders.conf / "10-azure.conflist", [0.0]
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain = chain_of(folders, clock=lambda: now[0])
    for _ in range(6):
        chain.sync()
        file.write_bytes(text_of(AZURE_OVERLAY))
    for _ in range(9):
        chain.sync()
        assert chain.status.get().reason is ChainReason.CONTESTED
        now[0] += 60
    now[0] += 61
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain.sync()
    assert chain.status.get().reason is ChainReason.CHAINED
    assert types(file)[-1] == "netvsc-cni"


@pytest.mark.parametrize("which", ["conf", "bin"])
def test_a_folder_that_is_replaced_ends_the_chain_rather_than_leave_it_deaf(
    folders: Folders, which: str, tmp_path: Path
) -> None:
    """As an installer does: rm -r /etc/cni/net.d, and a new one. The watch is of the old one."""
    (folders.conf / "10-azure.conflist").write_bytes(text_of(AZURE_OVERLAY))
    chain = chain_of(folders)

    async def story() -> None:
        running = asyncio.create_task(chain.run())
        async with asyncio.timeout(10):
            await until(chain, ChainReason.CHAINED)
            (tmp_path / which).rename(tmp_path / "aside")
            shutil.copytree(tmp_path / "aside", tmp_path / which)
            await running

    with pytest.raises(NodeError, match=rf"{which} was removed or replaced: restart the agent"):
        asyncio.run(story())


def test_folders_that_are_not_there_are_named_with_the_remedy(folders: Folders) -> None:
    folders.conf.rmdir()
    with pytest.raises(NodeError, match=r"cannot read .*/conf: .*; mount the runtime's"):
        chain_of(folders).sync()
    shutil.rmtree(folders.bin)
    with pytest.raises(NodeError, match=r"cannot install .*/bin/netvsc-cni: .*; mount"):
        chain_of(folders).sync()


def test_a_list_that_its_owner_removes_while_we_leave_is_left(folders: Folders) -> None:
    (folders.conf / "10-azure.conflist").symlink_to(folders.conf / "gone")
    conflist_files.leave(folders.conf)
    assert not (folders.conf / "gone").exists()


def test_a_program_that_is_removed_or_changed_comes_back(folders: Folders) -> None:
    shim = folders.bin / "netvsc-cni"
    for broken in (shim.unlink, lambda: shim.write_bytes(b""), lambda: shim.chmod(0)):
        chain_of(folders).sync()
        broken()
        chain_of(folders).sync()
        assert shim.read_bytes() == binary("fdpipe").read_bytes()
        assert os.access(shim, os.X_OK)


def test_a_list_that_makes_no_sense_is_left_alone_and_reported(
    folders: Folders, caplog: pytest.LogCaptureFixture
) -> None:
    file = folders.conf / "10-azure.conflist"
    file.write_bytes(b'{"cniVersion": "0.3.0", "plugins": [')
    chain = chain_of(folders)
    chain.sync()
    chain.sync()
    assert chain.status.get().reason is ChainReason.LEFT_ALONE
    assert file.read_bytes() == b'{"cniVersion": "0.3.0", "plugins": ['
    assert [record.message.count("is not JSON") for record in caplog.records] == [1]


def test_the_program_stays_while_a_list_may_name_it(folders: Folders) -> None:
    file = folders.conf / "10-azure.conflist"
    chain_of(folders).sync()
    file.write_bytes(b'{"plugins": ["netvsc-cni"')
    with pytest.raises(ConflistError):
        uninstall(folders)
    assert (folders.bin / "netvsc-cni").exists()


def test_a_reader_never_finds_a_broken_list_nor_one_that_names_no_program(
    folders: Folders,
) -> None:
    file = folders.conf / "10-azure.conflist"
    file.write_bytes(text_of(AZURE_OVERLAY))
    stop, wrong = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            which = (file.stat().st_ino, file.stat().st_mtime_ns)
            named = "netvsc-cni" in types(file)
            there = (folders.bin / "netvsc-cni").exists()
            if named and not there and which == (file.stat().st_ino, file.stat().st_mtime_ns):
                wrong.append("no program")

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(50):
        chain_of(folders).sync()
        uninstall(folders)
    stop.set()
    reader.join()
    assert wrong == []


def test_uninstall_is_refused_while_a_pod_has_a_pair_and_names_it(
    folders: Folders, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = folders.conf / "10-azure.conflist"
    file.write_bytes(text_of(AZURE_OVERLAY))
    chain_of(folders).sync()
    checkpoints = CheckpointStore(tmp_path / "state")
    checkpoints.save(
        Checkpoint(
            container="c", netns="n", namespace="nf", pod="p", phase=ContainerPhase.INSIDE, pairs=()
        )
    )
    paths = ["--cni-conf", str(folders.conf), "--cni-bin", str(folders.bin)]
    command = ["cni", "uninstall", *paths, "--state", str(tmp_path / "state")]
    assert agent_main(command) == 1
    assert "pods still have pairs: nf/p" in capsys.readouterr().err
    assert types(file)[-1] == "netvsc-cni"
    checkpoints.remove("c")
    assert agent_main(command) == 0
    assert json.loads(file.read_bytes()) == AZURE_OVERLAY
    assert list(folders.bin.iterdir()) == []
