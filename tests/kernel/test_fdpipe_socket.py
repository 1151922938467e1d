"""The sidecar's socket: what is answered, to whom, and that nobody can wedge it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from sim.kernel import netns
from sim.sidecar.fdpipe import MAC, PCI, Pod, Reader

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


def test_status_tells_the_whole_story_of_a_pair(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    story = [(pod.status()["application"], pod.status()["vf"])]
    with Reader(pod.pipe) as reader:
        sidecar.wait_log("opened")
        story.append((pod.status()["application"], pod.status()["vf"]))
        assert reader.read() == b"\n"
        sidecar.wait_log("hungry")
        story.append((pod.status()["application"], pod.status()["vf"]))
        pod.host.give("netvsc0")
        sidecar.wait_log("offered")
        assert reader.read() == f"{PCI}\n".encode()
        sidecar.wait_log("taken")
        story.append((pod.status()["application"], pod.status()["vf"]))
        status = pod.status()
        pod.host.vanish("netvsc0")
        story.append((pod.status()["application"], pod.status()["vf"]))
    assert story == [
        ("unopened", "away"),
        ("opened", "away"),
        ("hungry", "away"),
        ("served", "taken"),
        ("served", "away"),
    ]
    assert (status["line"], status["generation"], status["takenGeneration"]) == (PCI, 1, 1)
    assert (status["offers"], status["takes"], status["losses"]) == (1, 1, 0)
    assert status["takenMsAgo"] <= status["offeredMsAgo"] <= status["usableMsAgo"]


def test_status_escapes_what_a_name_may_contain(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK, pairs=['00=ne"t\\vé'])
    pod.host.add_netvsc('ne"t\\vé', mac="00:0d:3a:c0:00:77", guid="guid-7")
    pod.host.add_link('v"f\x01', mac="00:0d:3a:c0:00:77", alias=f"sim:pci:{PCI}")
    sidecar.wait_log("seen")
    status = pod.status()
    assert status["interface"] == 'v"f\x01'
    assert status["netvsc"].startswith('ne"t\\v')


def test_an_order_cancels_and_offers_again(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        reader.read()
        sidecar.wait_log("offered")
        since = len(sidecar.lines)
        assert pod.ask("announce 00") == "ok\n"
        sidecar.wait_log("cancelled", detail="ordered", since=since)
        sidecar.wait_log("offered", since=since)
        assert reader.read() == f"\n{PCI}\n".encode()


def test_vf_answers_with_the_line_that_may_be_offered_now(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    assert pod.run("vf", "00").stdout == ""
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    result = pod.run("vf", "00")
    assert (result.returncode, result.stdout) == (0, f"{PCI}\n")
    assert pod.status()["vf"] == "offered"
    time.sleep(0.1)  # five polls without a question: it is plugged
    status = pod.status()
    assert (status["application"], status["vf"], status["takenGeneration"]) == (
        "served",
        "taken",
        1,
    )
    pod.host.vanish("netvsc0")
    assert pod.run("vf", "00").stdout == ""
    result = pod.run("vf", "09")
    assert (result.returncode, "no such pair" in result.stderr) == (1, True)


def test_a_person_who_asks_by_vf_does_not_disturb_the_application_at_the_pipe(pod: Pod) -> None:
    patient = ("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    sidecar = pod.sidecar(*patient)
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        reader.read()
        sidecar.wait_log("offered")
        assert pod.run("vf", "00").stdout == f"{PCI}\n"
        reader.read()
        sidecar.wait_log("taken")
        status = pod.status()
        assert (status["vf"], status["asks"], status["guard"]) == ("taken", 0, "unknown")


def test_the_gate_holds_for_those_who_ask_by_vf(pod: Pod) -> None:
    options = ("--poll-ms", "20", "--settle-ms", "5", "--gate-timeout-s", "60")
    sidecar = pod.sidecar(*options, pairs=["00=netvsc0,tap=fsvsc00"])
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    assert pod.ask("vf 00") == ""
    pod.host.add_link("fsvsc00", mac="02:00:00:00:00:01")
    sidecar.wait_log("gate open")
    assert pod.ask("vf 00") == f"{PCI}\n"


def test_only_the_agent_may_say_which_verbs_were_given(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    assert "only the node's agent" in pod.ask("verbs 00 uverbs0")
    assert pod.status()["verbsState"] is None


# A pid namespace of its own, as a pod has: we are then outside of it, as the node's agent is.
AS_IN_A_POD = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")


def test_the_agents_word_on_verbs_withholds_another_device_and_offers_the_right_one() -> None:
    with Pod() as pod:
        pod.sidecar(*QUICK, within=AS_IN_A_POD)
        assert pod.ask("verbs 00 uverbs5") == "ok\n"
        pod.host.give("netvsc0", driver="mlx5_core", verbs=(("uverbs3", "mlx5_0"),))
        status = pod.status()
        assert (status["vf"], status["reason"]) == ("withheld", "VerbsMismatch")
        assert (status["line"], status["verbsState"]) == (None, "VerbsMismatch")
        assert pod.ask("verbs 00 uverbs5,uverbs3") == "ok\n"
        time.sleep(0.05)  # the settle time
        status = pod.status()
        assert (status["line"], status["verbsState"]) == (PCI, "OK")
        assert pod.ask("verbs 00 none") == "ok\n"
        assert pod.status()["reason"] == "VerbsMismatch"
        assert pod.ask("verbs 00 mlx5_0").startswith("error: the verbs devices are")


@pytest.mark.parametrize(
    "request_line",
    [
        "", "dance", "announce", "announce 1", "announce 99", "guard 00", "guard 00 maybe",
        "vf", "vf 000", "status!", "x" * 254, "verbs 00", "\x00\x01", "guard 00 " + "a " * 40,
    ],
)  # fmt: skip
def test_nonsense_is_answered_with_an_error(pod: Pod, request_line: str) -> None:
    pod.sidecar(*QUICK)
    assert pod.ask(request_line).startswith("error: ")
    assert pod.status()["pair"] == "00"


def test_one_who_talks_for_ever_is_cut_off(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    with pod.connect() as client, pytest.raises(OSError, match=r"pipe|reset"):  # noqa: PT012
        for _ in range(10_000):
            client.sendall(b"x" * 4096)
    assert pod.status()["pair"] == "00"


def test_a_crowd_of_mute_clients_keeps_nobody_else_out(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    with ExitStack() as stack:
        for _ in range(40):
            client = netns.within(pod.host.netns, lambda: socket.socket(socket.AF_UNIX))
            stack.enter_context(client)
            client.setblocking(False)
            stack.callback(client.close)
            try:
                client.connect("\0netvsc.io/fdpipe")
            except BlockingIOError:
                break
        start = time.monotonic()
        assert json.loads(pod.ask("status"))["pair"] == "00"
        assert time.monotonic() - start < 0.5
        pod.host.give("netvsc0")
        sidecar.wait_log("usable")


def test_a_mute_client_is_hung_up_on_after_a_second(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    start = time.monotonic()
    with pod.connect() as client:
        assert client.recv(1) == b""
    assert 0.9 < time.monotonic() - start < 2


def test_one_who_never_reads_the_answers_wedges_nothing(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    with ExitStack() as stack:
        for _ in range(50):
            client = stack.enter_context(pod.connect())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            client.sendall(b"status\n")
        assert pod.status()["pair"] == "00"


def test_one_who_hangs_up_at_once_wedges_nothing(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    for i in range(100):
        with pod.connect() as client:
            client.sendall(b"status\n" if i % 2 else b"sta")
    assert pod.status()["netvsc"] == "netvsc0"
    assert MAC not in pod.ask("announce 00")
