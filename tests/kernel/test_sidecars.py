"""The agent hears the real sidecars of its pods, tells them what it knows, and bears liars."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from netvsc.errors import NetvscError
from netvsc.model.status import STARTING, AnnounceState, ApplicationState
from netvsc_deviceplugin.sidecar import pod as sidecar_pod
from sim.kernel import netns
from sim.sidecar.fdpipe import PCI, SOCKET, Pod, Reader, Sidecar
from sim.sidecar.sidecars import AS_IN_A_POD, Ear, ear, path

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
ID = "00-0d-3a-c0-00-11"
VERBS = {"driver": "mlx5_core", "verbs": (("uverbs0", "mlx5_0"),)}

Story = Callable[[Pod, Ear], Coroutine[None, None, None]]


def in_a_pod(story: Story, *, given: tuple[str, ...] | None = ("uverbs0",)) -> None:
    async def play() -> None:
        with Pod() as pod:
            async with ear({} if given is None else {ID: given}) as listening:
                await story(pod, listening)

    asyncio.run(play())


def start(pod: Pod, *options: str) -> Sidecar:
    return pod.sidecar(*(options or QUICK), within=AS_IN_A_POD)


async def read_until(reader: Reader, wanted: bytes) -> None:
    while await asyncio.to_thread(reader.wait) != wanted:
        pass


async def taken(pod: Pod, reader: Reader, listening: Ear, *, generation: int = 1) -> None:
    """Let the VF come to a hungry application, and wait until the agent knows it was taken."""
    pod.host.give("netvsc0", **VERBS)
    await read_until(reader, f"{PCI}\n".encode())
    told = await listening.until(
        ID,
        lambda a: a.state is AnnounceState.TAKEN and a.taken_generation == generation,
        f"generation {generation} taken",
    )
    assert told.line == PCI


def test_a_migration_is_told_counted_and_timed_within_a_second() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        start(pod)
        with Reader(pod.pipe) as reader:
            await listening.until(ID, lambda a: a.application is ApplicationState.OPENED, "opened")
            reader.read()
            await listening.until(ID, lambda a: a.application is ApplicationState.WAITING, "hungry")
            await taken(pod, reader, listening)
            began = time.monotonic()
            pod.host.vanish("netvsc0")
            await listening.until(ID, lambda a: a.state is AnnounceState.AWAY, "away")
            await read_until(reader, b"\n")
            await taken(pod, reader, listening, generation=2)
            assert time.monotonic() - began < 1.0
        assert listening.meter.results == {"taken": 2}
        stages = [stage for stage, seconds in listening.meter.stages if seconds < 1]
        assert sorted(stages) == ["offered", "offered", "taken", "taken"]
        dates = listening.of(ID)
        assert dates.offered_at is not None
        assert dates.taken_at is not None
        assert dates.offered_at <= dates.taken_at

    in_a_pod(story)


def test_a_pair_without_a_sidecar_is_unknown_until_one_comes_and_again_when_it_dies() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        await listening.until(ID, lambda a: a.state is AnnounceState.UNKNOWN, "unknown")
        assert listening.of(ID).reason == STARTING
        sidecar = start(pod)
        await listening.until(ID, lambda a: a.state is AnnounceState.AWAY, "a sidecar")
        sidecar.kill()
        await listening.until(ID, lambda a: a.state is AnnounceState.UNKNOWN, "unknown again")
        assert listening.of(ID).reason is None
        with pytest.raises(NetvscError, match="no sidecar announces"):
            await listening.sidecars.announce(ID)

    in_a_pod(story)


def test_a_new_sidecar_is_told_the_verbs_devices_again_and_counts_anew() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        sidecar = start(pod)
        await asyncio.to_thread(sidecar.wait_log, "verbs")
        with Reader(pod.pipe) as reader:
            reader.read()
            await taken(pod, reader, listening)
            assert pod.status()["verbsState"] == "OK"
            sidecar.kill()
            again = start(pod)
            await asyncio.to_thread(again.wait_log, "verbs")
            assert pod.status()["verbsState"] == "OK"
            await read_until(reader, f"{PCI}\n".encode())
            await listening.until(ID, lambda a: a.state is AnnounceState.TAKEN, "taken again")
        assert listening.meter.results["taken"] == 2

    in_a_pod(story)


def test_a_device_that_the_container_was_not_given_is_withheld_and_the_right_one_offered() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        sidecar = start(pod)
        await asyncio.to_thread(sidecar.wait_log, "verbs")
        with Reader(pod.pipe) as reader:
            reader.read()
            pod.host.give("netvsc0", driver="mlx5_core", verbs=(("uverbs1", "mlx5_1"),))
            told = await listening.until(
                ID, lambda a: a.reason == "VerbsMismatch", "withheld for its verbs device"
            )
            assert (told.state, told.line) == (AnnounceState.WITHHELD, None)
            pod.host.vanish("netvsc0")
            await taken(pod, reader, listening)

    in_a_pod(story)


@pytest.mark.parametrize(
    ("given", "told"), [((), "none"), (("uverbs3", "uverbs0"), "uverbs0,uverbs3"), (None, None)]
)
def test_what_is_told_is_what_was_given(given: tuple[str, ...] | None, told: str | None) -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        sidecar = start(pod)
        await listening.until(ID, lambda a: a.state is AnnounceState.AWAY, "connected")
        if told:
            await asyncio.to_thread(sidecar.wait_log, "verbs")
        assert pod.status()["given"] == told

    in_a_pod(story, given=given)


def test_an_order_makes_the_sidecar_cancel_and_offer_again() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        sidecar = start(pod, "--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
        with Reader(pod.pipe) as reader:
            reader.read()
            pod.host.give("netvsc0", **VERBS)
            await listening.until(ID, lambda a: a.state is AnnounceState.OFFERED, "offered")
            since = len(sidecar.lines)
            await listening.sidecars.announce(ID)
            await asyncio.to_thread(sidecar.wait_log, "cancelled", detail="ordered", since=since)
            await asyncio.to_thread(sidecar.wait_log, "offered", since=since)
            assert reader.read() == f"\n{PCI}\n".encode()

    in_a_pod(story)


def test_a_pair_that_leaves_is_forgotten_and_its_connection_closed() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter(pod.host.netns, netvsc0=ID)
        start(pod)
        await listening.until(ID, lambda a: a.state is AnnounceState.AWAY, "connected")
        listening.leave(pod.host.netns)
        async with asyncio.timeout(5):
            async for told in listening.sidecars.announcements.changes():
                if not told:
                    break
        listening.enter(pod.host.netns, netvsc7="another")
        await listening.until("another", lambda a: a.state is AnnounceState.UNKNOWN, "not its own")

    in_a_pod(story)


def test_an_agent_that_starts_anew_does_not_count_what_the_one_before_has_counted() -> None:
    async def play() -> None:
        with Pod() as pod:
            start(pod)
            inside = {path(pod.host.netns): {"netvsc0": ID}}
            with Reader(pod.pipe) as reader:
                reader.read()
                async with ear({ID: ("uverbs0",)}) as first:
                    first.enter(pod.host.netns, netvsc0=ID)
                    await taken(pod, reader, first)
                    assert first.meter.results == {"taken": 1}
                async with ear({ID: ("uverbs0",)}, inside) as second:
                    await second.until(ID, lambda a: a.state is AnnounceState.TAKEN, "taken")
                    assert second.meter.results == {}
                    pod.host.vanish("netvsc0")
                    await read_until(reader, b"\n")
                    await taken(pod, reader, second, generation=2)
                    assert second.meter.results == {"taken": 1}

    asyncio.run(play())


class Liar:
    """Listens on the sidecar's name, and says `word` to whoever comes."""

    def __init__(self, pod: Pod, word: bytes, *, stay: bool) -> None:
        def bound() -> socket.socket:
            with ExitStack() as stack:
                made = stack.enter_context(socket.socket(socket.AF_UNIX))
                made.bind(SOCKET)
                made.listen()
                stack.pop_all()
            return made

        self.greeted = 0
        self._socket = netns.within(pod.host.netns, bound)
        self._word, self._stay = word, stay
        self._talking: list[socket.socket] = []
        self._thread = threading.Thread(target=self._lie)
        self._thread.start()

    def _lie(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            self.greeted += 1
            client.settimeout(2)
            with ExitStack() as stack:
                stack.callback(client.close)
                try:
                    client.sendall(self._word)
                except OSError:
                    continue
                if self._stay:
                    self._talking.append(client)
                    stack.pop_all()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        for client in self._talking:
            client.close()


@contextmanager
def lying(pod: Pod, word: bytes, *, stay: bool = True) -> Iterator[Liar]:
    liar = Liar(pod, word, stay=stay)
    try:
        yield liar
    finally:
        liar.close()


LINE = {"pair": "00", "netvsc": "netvsc0", "application": "served", "vf": "taken"}
LIE = json.dumps(LINE).encode() + b"\n"


@pytest.mark.parametrize(
    "word",
    [b"x" * 10_000_000, b"\n", b"{}\n", b"[" * 4000 + b"\n", LIE * 200_000, b"error: no\n",
     LIE.replace(b"taken", b"\xff"), b'{"pair":' * 3000],
    ids=["endless", "empty", "nothing", "deep", "chatty", "refusal", "no text", "long"],
)  # fmt: skip
def test_one_who_listens_in_the_sidecars_place_and_talks_nonsense_is_shunned(word: bytes) -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        with lying(pod, word) as liar:
            listening.enter(pod.host.netns, netvsc0=ID)
            began = time.process_time()
            await asyncio.sleep(1.0)  # the time in which it must not come back
            assert liar.greeted <= 2
            assert time.process_time() - began < 0.6
            assert listening.of(ID).state is AnnounceState.UNKNOWN

    in_a_pod(story, given=None)


def test_a_liar_can_lie_about_its_own_pair_alone() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        stolen = json.dumps(LINE | {"netvsc": "netvsc1"}).encode() + b"\n"
        with lying(pod, stolen + LIE):
            listening.enter(pod.host.netns, netvsc0=ID)
            listening.enter("sim-elsewhere", netvsc1="another")
            await listening.until(ID, lambda a: a.state is AnnounceState.TAKEN, "its own lie")
            assert listening.of("another").state is AnnounceState.UNKNOWN

    in_a_pod(story, given=None)


def test_one_that_never_listens_to_what_it_is_told_is_told_ever_more_rarely() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        with lying(pod, LIE) as liar:
            listening.enter(pod.host.netns, netvsc0=ID)
            await listening.until(ID, lambda a: a.state is AnnounceState.TAKEN, "its lie")
            await asyncio.sleep(1.0)
            assert liar.greeted < 10

    in_a_pod(story)


def test_one_that_accepts_and_hangs_up_is_met_ever_more_rarely() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        with lying(pod, b"", stay=False) as liar:
            listening.enter(pod.host.netns, netvsc0=ID)
            await asyncio.sleep(2.0)
            assert 3 < liar.greeted < 15

    in_a_pod(story)


def test_a_netns_that_is_not_there_disturbs_nobody_else() -> None:
    async def story(pod: Pod, listening: Ear) -> None:
        listening.enter("sim-never", netvsc0="lost")
        listening.enter(pod.host.netns, netvsc0=ID)
        start(pod)
        await listening.until(ID, lambda a: a.state is AnnounceState.AWAY, "connected")
        assert listening.of("lost").state is AnnounceState.UNKNOWN

    in_a_pod(story)


def test_the_patience_with_liars_is_longer_than_with_those_who_are_not_there() -> None:
    assert sidecar_pod.SHUN_S > 10 * sidecar_pod.LOOK_S
