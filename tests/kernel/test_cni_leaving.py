"""Asked to leave the node: we go when the last pair is home, and come back if asked no longer."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netvsc.model.pair import Inventory
from netvsc_deviceplugin.cni.chain.manager import SETTLE_S, ChainManager, Folders
from netvsc_deviceplugin.cni.chain.status import ChainReason, ChainStatus
from netvsc_deviceplugin.cni.component import CniComponent, CniMode, CniSettings
from netvsc_deviceplugin.concurrency.latest import Latest
from sim.agent import AgentFolder
from sim.cni.calls import CniHost, id_of
from sim.cni.conflists import AZURE_OVERLAY, text_of
from sim.cni.server import Counts, config, shim
from sim.kernel import netns
from sim.kubelet.kubelet import Kubelet
from sim.sidecar.fdpipe import binary

PAIR = "netvsc.io/pair"


@dataclass
class Asked:
    """What the chain is told, and a clock that stands still."""

    folder: Path
    leave: bool = False
    pods: list[str] = field(default_factory=list)
    now: float = 100.0

    def chain(self) -> ChainManager:
        for name in ("conf", "bin"):
            (self.folder / name).mkdir()
        self.file.write_bytes(text_of(AZURE_OVERLAY))
        return ChainManager(
            folders=Folders(
                conf=self.folder / "conf", bin=self.folder / "bin", state=Path("/run/netvsc")
            ),
            shim=binary("fdpipe"),
            leaving=lambda: self.leave,
            holders=lambda: self.pods,
            clock=lambda: self.now,
        )

    @property
    def file(self) -> Path:
        return self.folder / "conf" / "10-azure.conflist"

    @property
    def listed(self) -> bool:
        return b"netvsc-cni" in self.file.read_bytes()

    @property
    def installed(self) -> bool:
        return (self.folder / "bin" / "netvsc-cni").exists()


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def looked(chain: ChainManager) -> ChainReason:
    chain.sync()
    return chain.status.get().reason


def test_nothing_is_left_once_the_runtime_has_had_the_time_to_read_its_lists(asked: Asked) -> None:
    chain = asked.chain()
    assert looked(chain) is ChainReason.CHAINED
    asked.leave = True
    assert looked(chain) is ChainReason.LEAVING
    assert (asked.listed, asked.installed) == (False, True)
    asked.now += SETTLE_S
    assert looked(chain) is ChainReason.REMOVED
    assert (asked.listed, asked.installed) == (False, False)
    assert json.loads(asked.file.read_bytes()) == AZURE_OVERLAY
    assert looked(chain) is ChainReason.REMOVED
    assert not chain.status.get().serves


def test_as_long_as_a_pod_has_a_pair_we_stay_and_say_which(asked: Asked) -> None:
    chain = asked.chain()
    asked.leave, asked.pods = True, ["nf/fwd-0", "nf/fwd-1"]
    chain.sync()
    place = chain.status.get()
    assert (place.reason, place.pods) == (ChainReason.PODS_HOLD_PAIRS, ("nf/fwd-0", "nf/fwd-1"))
    assert "nf/fwd-0, nf/fwd-1" in place.message
    assert place.serves
    assert (asked.listed, asked.installed) == (True, True)
    asked.file.write_bytes(text_of(AZURE_OVERLAY))  # somebody rewrites it: their DEL must come
    chain.sync()
    assert asked.listed


def test_a_pod_that_got_its_pair_by_the_old_list_brings_us_back(asked: Asked) -> None:
    chain = asked.chain()
    asked.leave = True
    assert looked(chain) is ChainReason.LEAVING
    asked.pods = ["nf/late"]
    assert looked(chain) is ChainReason.PODS_HOLD_PAIRS
    assert asked.listed
    asked.pods = []
    asked.now += SETTLE_S
    assert looked(chain) is ChainReason.LEAVING  # the time begins anew


def test_an_agent_that_is_chained_no_longer_leaves_the_list_after_the_last_pair(
    asked: Asked,
) -> None:
    chain = asked.chain()
    assert looked(chain) is ChainReason.CHAINED
    chain.chained = False  # the agent was started anew, to serve Multus alone
    asked.pods = ["nf/fwd-0"]
    assert looked(chain) is ChainReason.UNCHAINED
    assert asked.listed  # its DEL must come
    asked.pods = []
    assert looked(chain) is ChainReason.UNCHAINED
    assert (asked.listed, asked.installed) == (False, True)
    assert chain.status.get().serves


def test_asked_no_longer_we_come_back_and_that_is_no_contest(asked: Asked) -> None:
    chain = asked.chain()
    for _ in range(7):
        asked.leave = False
        assert looked(chain) is ChainReason.CHAINED
        asked.leave = True
        asked.now += 1
        looked(chain)
    asked.leave = False
    assert looked(chain) is ChainReason.CHAINED
    assert (asked.listed, asked.installed) == (True, True)


def test_a_list_that_may_name_us_and_makes_no_sense_keeps_the_program(asked: Asked) -> None:
    chain = asked.chain()
    chain.sync()
    asked.file.write_bytes(b'{"plugins": ["netvsc-cni"')
    asked.leave = True
    chain.sync()
    place = chain.status.get()
    assert place.reason is ChainReason.LEFT_ALONE
    assert "10-azure.conflist is not JSON" in place.message
    assert asked.installed


def test_a_configuration_of_one_plugin_is_reported_and_left_as_it_is(asked: Asked) -> None:
    chain = asked.chain()
    bare = asked.folder / "conf" / "05-bridge.conf"
    text = b'{"cniVersion": "1.0.0", "name": "n", "type": "bridge"}'
    bare.write_bytes(text)
    chain.sync()
    place = chain.status.get()
    assert place.reason is ChainReason.UNSUPPORTED
    assert "must make it a .conflist" in place.message
    assert not place.serves
    assert bare.read_bytes() == text
    bare.unlink()
    assert looked(chain) is ChainReason.CHAINED


async def until(component: CniComponent, reason: ChainReason) -> ChainStatus:
    async with asyncio.timeout(10):
        async for place in component.chain_status.changes():
            if place.reason is reason:
                return place
    raise AssertionError(reason)


def in_a_half(
    cni: CniHost,
    folder: Path,
    mode: CniMode,
    story: Callable[[CniComponent, Latest[bool], Kubelet], Coroutine[Any, Any, None]],
) -> None:
    """Play a story with the agent's CNI component alone, in the host's netns."""
    uninstall: Latest[bool] = Latest(False)
    paths = {name: folder / name for name in ("conf", "bin")}
    for path in paths.values():
        path.mkdir()
    (folder / "conf" / "10-azure.conflist").write_bytes(text_of(AZURE_OVERLAY))

    async def play() -> None:
        async with Kubelet(folder) as kubelet:
            component = CniComponent(
                CniSettings(mode=mode, shim=binary("fdpipe"), **paths),
                source=cni.source,
                state=cni.state,
                podresources=kubelet.podresources,
                pools=tuple,
                inventory=Inventory,
                granted=lambda: [id_of(1)],
                request_scan=lambda _reason: None,
                gone=lambda _link: None,
                meter=Counts(),
                uninstall=uninstall,
            )
            async with component.serving():
                task = asyncio.create_task(component.run())
                await story(component, uninstall, kubelet)
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    netns.within(cni.host.netns, lambda: asyncio.run(play()))


def test_the_agent_leaves_when_the_last_pod_has_gone_and_comes_back() -> None:
    with AgentFolder() as folder, CniHost() as cni:
        pod, given = cni.pod(), config(cni.state)

        async def story(component: CniComponent, uninstall: Latest[bool], kubelet: Kubelet) -> None:
            kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
            await until(component, ChainReason.CHAINED)
            assert (await asyncio.to_thread(shim, "ADD", given, pod)).code == 0
            uninstall.set(True)
            waiting = await until(component, ChainReason.PODS_HOLD_PAIRS)
            assert waiting.pods == (f"nf/{pod.container}",)
            assert (await asyncio.to_thread(shim, "DEL", given, pod)).code == 0
            await until(component, ChainReason.REMOVED)
            assert list((folder / "bin").iterdir()) == []
            uninstall.set(False)
            await until(component, ChainReason.CHAINED)
            assert (folder / "bin" / "netvsc-cni").exists()

        in_a_half(cni, folder, CniMode.CHAINED, story)
        assert cni.on_host(1, pod)


def test_while_it_leaves_nothing_is_moved_late_and_when_it_stays_it_is() -> None:
    with AgentFolder() as folder, CniHost() as cni:
        pod = cni.pod()

        async def story(component: CniComponent, uninstall: Latest[bool], kubelet: Kubelet) -> None:
            kubelet.pods["nf", pod.container, "fwd"] = {PAIR: [id_of(1)]}
            uninstall.set(True)
            await until(component, ChainReason.REMOVED)
            (cni.state / "cni.sock").rename(cni.state / "away")
            assert (await asyncio.to_thread(shim, "ADD", config(cni.state), pod)).code == 0
            assert (cni.state / "passed" / pod.container).exists()
            assert cni.on_host(1, pod)
            uninstall.set(False)
            async with asyncio.timeout(10):
                while not await asyncio.to_thread(cni.inside, 1, pod):
                    pass

        in_a_half(cni, folder, CniMode.CHAINED, story)


def test_with_multus_the_program_alone_is_removed() -> None:
    with AgentFolder() as folder, CniHost() as cni:

        async def story(
            component: CniComponent, uninstall: Latest[bool], _kubelet: Kubelet
        ) -> None:
            assert (await until(component, ChainReason.UNCHAINED)).serves
            uninstall.set(True)
            await until(component, ChainReason.REMOVED)
            assert list((folder / "bin").iterdir()) == []

        in_a_half(cni, folder, CniMode.SERVED, story)
        assert (folder / "conf" / "10-azure.conflist").read_bytes() == text_of(AZURE_OVERLAY)
