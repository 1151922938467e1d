"""Who watches a sidecar is told at once, then of every change, and can do it no harm."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from sim.sidecar.fdpipe import PATIENCE, PCI, Pod, Reader, Sidecar

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
# A pid namespace of its own, as a pod has: we are then outside of it, as the node's agent is.
AS_IN_A_POD = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


@pytest.fixture
def plain() -> Iterator[Pod]:
    with Pod() as made:
        yield made


class Watch:
    """A watcher; `lines` are all that it was told."""

    def __init__(self, client: socket.socket) -> None:
        self.client = client
        self.lines: list[dict[str, Any]] = []
        self._rest = b""

    @classmethod
    @contextmanager
    def on(cls, pod: Pod) -> Iterator[Self]:
        with pod.connect() as client:
            client.sendall(b"watch\n")
            yield cls(client)

    def next(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            data = self.client.recv(65536)
            assert data, "it hung up"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        self.lines.append(json.loads(line))
        return self.lines[-1]

    def until(self, **facts: object) -> dict[str, Any]:
        """Return the first line that says all this."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            line = self.next()
            if all(line[key] == value for key, value in facts.items()):
                return line
        raise AssertionError(f"never came: {facts}; there was {self.lines}")

    def silent(self, seconds: float) -> bool:
        self.client.settimeout(seconds)
        try:
            return self.client.recv(1) == b"impossible"
        except TimeoutError:
            return True
        finally:
            self.client.settimeout(PATIENCE)


def hung_up(client: socket.socket) -> bool:
    """Read what is left, and tell whether the end comes."""
    try:
        while client.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def program(sidecar: Sidecar) -> int:
    """Return the pid of the sidecar itself, below ip-netns-exec and unshare."""
    pid = sidecar.process.pid
    while children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        pid = int(children[0])
    return pid


def test_a_watcher_is_told_the_whole_story_as_it_happens(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Watch.on(pod) as watch:
        first = watch.next()
        assert (first["pair"], first["application"], first["vf"]) == ("00", "unopened", "away")
        with Reader(pod.pipe) as reader:
            watch.until(application="opened")
            assert reader.read() == b"\n"
            watch.until(application="hungry", vf="away")
            pod.host.give("netvsc0")
            offered = watch.until(vf="offered", line=PCI, offers=1)
            assert reader.read() == f"{PCI}\n".encode()
            taken = watch.until(vf="taken", takes=1, generation=1, takenGeneration=1)
            pod.host.vanish("netvsc0")
            watch.until(vf="away", losses=1)
        watch.until(application="unopened")
    assert taken["started"] == offered["started"] == first["started"] > 0
    assert taken["takenMsAgo"] < 1000


def test_every_pair_has_its_line_and_only_the_one_that_changed_is_told_again(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD, pairs=["00=netvsc0", "01=netvsc1"])
    with Watch.on(pod) as watch:
        assert [watch.next()["pair"], watch.next()["pair"]] == ["00", "01"]
        with Reader(pod.dir / "01"):
            assert watch.next()["pair"] == "01"
            assert watch.silent(0.2)


def test_ages_alone_are_no_change(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Reader(pod.pipe) as reader, Watch.on(pod) as watch:
        reader.read()
        watch.until(application="hungry")
        assert watch.silent(0.5)


def test_a_burst_is_told_in_few_lines_and_the_last_word_comes(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Watch.on(pod) as watch:
        watch.next()
        for _ in range(100):
            assert pod.ask("guard 00 static") == "ok\n"
            assert pod.ask("guard 00 active") == "ok\n"
        pod.ask("guard 00 secure")
        watch.until(guard="secure")
        assert len(watch.lines) < 100
        assert watch.silent(0.1)


def test_what_changes_by_time_alone_is_told_too(pod: Pod) -> None:
    pod.sidecar("--gate", "immediate", "--poll-ms", "100", "--settle-ms", "5", within=AS_IN_A_POD)
    pod.host.give("netvsc0")
    with Watch.on(pod) as watch:
        watch.until(line=PCI)
        assert pod.ask("vf 00") == f"{PCI}\n"
        watch.until(application="hungry", vf="offered")
        watch.until(application="served", vf="taken")


def test_what_the_container_was_given_is_told_back(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Watch.on(pod) as watch:
        assert watch.next()["given"] is None
        for said in ("uverbs0", "uverbs0,uverbs63", "none"):
            assert pod.ask(f"verbs 00 {said}") == "ok\n"
            assert watch.next()["given"] == said


def test_only_the_agent_may_watch(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    assert "only the node's agent may watch" in pod.ask("watch")


def test_a_third_watcher_takes_the_place_of_the_first(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Watch.on(pod) as first, Watch.on(pod) as second, ExitStack() as stack:
        assert first.next()["pair"] == second.next()["pair"] == "00"
        third = stack.enter_context(Watch.on(pod))
        third.next()
        assert hung_up(first.client)
        with Reader(pod.pipe):
            assert second.until(application="opened")
            assert third.until(application="opened")


def test_a_watcher_that_says_more_is_hung_up_on(pod: Pod) -> None:
    pod.sidecar(*QUICK, within=AS_IN_A_POD)
    with Watch.on(pod) as watch:
        watch.next()
        watch.client.sendall(b"status\n")
        assert hung_up(watch.client)
    assert pod.status()["pair"] == "00"


def test_a_watcher_that_does_not_read_is_hung_up_on_and_delays_nobody(pod: Pod) -> None:
    pod.sidecar("--gate", "immediate", "--poll-ms", "1", within=AS_IN_A_POD)
    with Watch.on(pod) as slow, Watch.on(pod) as other:
        end = select.poll()
        end.register(slow.client, 0)  # POLLHUP is always told
        for turn in range(1000):
            pod.ask(f"guard 00 {'static' if turn % 2 else 'active'}")
            other.until(guard="static" if turn % 2 else "active")
            if end.poll(0):
                break
        assert hung_up(slow.client)
        pod.ask("guard 00 secure")
        assert other.until(guard="secure")


def test_a_watcher_costs_no_wakeup_at_rest(plain: Pod) -> None:
    sidecar = plain.sidecar(*QUICK, within=AS_IN_A_POD)
    plain.host.give("netvsc0")
    with Reader(plain.pipe) as reader, Watch.on(plain) as watch:
        reader.read()
        watch.until(vf="offered")
        reader.read()
        watch.until(vf="taken")
        before = quiet(program(sidecar))
        time.sleep(1.0)  # the window that is measured: nothing happens in it
        assert wakeups(program(sidecar)) == before


def wakeups(pid: int) -> int:
    """Return how often it gave up the processor to wait: each wake-up ends with that."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt"))


def quiet(pid: int) -> int:
    """Wait until the links' set-up is over: the kernel tells of a carrier up to a second late."""
    before = -1
    while before != (now := wakeups(pid)):
        before = now
        time.sleep(1.2)
    return now
