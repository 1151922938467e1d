"""The sidecar on the real kernel: what it sees, offers, takes back and tells."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sim.kernel.systree import PciFacts
from sim.sidecar.fdpipe import MAC, PCI, LogLine, Pod, Reader, Sidecar, binary

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
OTHER = "9b33:00:03.0"


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


@pytest.fixture
def plain() -> Iterator[Pod]:
    with Pod() as made:
        yield made


def read_until_offered(sidecar: Sidecar, reader: Reader) -> LogLine:
    """Be hungry: take the token, and wait for the offer."""
    assert reader.read() == b"\n"
    return sidecar.wait_log("offered")


def test_an_address_is_offered_to_a_hungry_reader_and_followed_by_the_token(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        sidecar.wait_log("usable")
        offer = read_until_offered(sidecar, reader)
        assert offer.detail == f"{PCI} generation=1"
        assert reader.read() == f"{PCI}\n".encode()
        sidecar.wait_log("taken")
        assert reader.read() == b""  # a token now would cancel the line in the same reading
        assert reader.wait() == b"\n"


def test_a_vf_that_goes_takes_its_line_out_of_the_pipe(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        pod.host.vanish("netvsc0")
        sidecar.wait_log("cancelled", detail="lost")
        assert reader.read() == b"\n"
        assert pod.status()["vf"] == "away"


def test_a_vf_that_leaves_its_netvsc_first_takes_its_line_out_of_the_pipe(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        pod.host.ip.set_alias(pod.host.ip.index("eth1"), f"sim:pci:{PCI}")
        sidecar.wait_log("cancelled", detail="lost")
        assert reader.read() == b"\n"
        assert pod.status()["reason"] == "NotJoined"


def test_a_vf_back_at_another_address_is_offered_at_once_to_a_reader_at_work(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        reader.read()
        sidecar.wait_log("taken")
        pod.host.vanish("netvsc0")
        sidecar.wait_log("gone")
        pod.host.give("netvsc0", pci=OTHER)
        sidecar.wait_log("offered", detail=OTHER)
        assert reader.read() == f"{OTHER}\n".encode()


def test_a_flap_within_one_burst_counts_as_a_loss(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        reader.read()
        sidecar.wait_log("taken")
        sidecar.process.send_signal(signal.SIGSTOP)
        pod.host.vanish("netvsc0")
        pod.host.give("netvsc0")
        sidecar.process.send_signal(signal.SIGCONT)
        sidecar.wait_log("offered", detail="generation=2")
        status = pod.status()
        assert (status["losses"], status["generation"], status["takenGeneration"]) == (1, 2, 1)


def test_lost_messages_are_counted_and_what_stands_is_offered_afresh(plain: Pod) -> None:
    sidecar = plain.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    plain.host.give("netvsc0")
    with Reader(plain.pipe) as reader:
        read_until_offered(sidecar, reader)
        sidecar.process.send_signal(signal.SIGSTOP)
        index = plain.host.ip.index("netvsc0")
        for i in range(1000):  # more than a socket's buffer holds
            plain.host.ip.set_alias(index, f"sim:vmbus:guid-{i}")
        plain.host.vanish("netvsc0")
        plain.host.give("netvsc0", pci=OTHER)
        since = len(sidecar.lines)
        sidecar.process.send_signal(signal.SIGCONT)
        sidecar.wait_log("cancelled", detail="lost", since=since)
        sidecar.wait_log("offered", detail=OTHER, since=since)
        assert reader.read() == f"\n{OTHER}\n".encode()
        assert plain.status()["overruns"] >= 1


def test_a_vf_moved_to_another_namespace_is_away_but_was_not_lost(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    pod.host.ip.move(pod.host.ip.index("eth1"), pod.host.wire, name="eth1")
    sidecar.wait_log("moved")
    status = pod.status()
    assert (status["vf"], status["losses"], status["moves"]) == ("away", 0, 1)


def test_the_netvsc_may_come_after_the_sidecar_and_be_renamed(pod: Pod) -> None:
    host = pod.host
    host.ip.delete(host.ip.index("netvsc0"))
    sidecar = pod.sidecar(*QUICK)
    assert pod.status()["reason"] == "NoNetvsc"
    index = host.add_netvsc("netvsc0", mac=MAC, guid="guid-1")
    host.nics["netvsc0"].vf = pod.vf()
    host.give("netvsc0")
    sidecar.wait_log("usable")
    host.ip.rename(index, "other0")
    assert pod.status()["line"] == PCI


def test_two_netdevs_that_claim_to_be_the_vf_are_a_conflict(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    pod.host.add_link("eth2", mac=MAC, alias=f"sim:pci:{OTHER};master={MAC}")
    status = pod.status()
    assert (status["vf"], status["reason"], status["line"]) == ("withheld", "Conflict", None)


def test_a_master_of_another_mac_does_not_count(pod: Pod) -> None:
    pod.sidecar(*QUICK)
    pod.host.add_link("eth1", mac="00:0d:3a:c0:00:99", alias=f"sim:pci:{PCI};master={MAC}")
    assert pod.status()["vf"] == "away"


def test_an_unbound_vf_waits_for_its_driver(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    facts = PciFacts(address=PCI, driver="hv_pci_stand_in")
    with pod.host.arriving("netvsc0", name="eth1", facts=facts):
        pod.host.join("netvsc0")
        sidecar.wait_log("seen")
        assert pod.status()["reason"] == "DriverUnbound"
    sidecar.wait_log("usable")


def test_a_mellanox_vf_waits_for_its_verbs_device(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.host.give("netvsc0", driver="mlx5_core")
    sidecar.wait_log("seen")
    status = pod.status()
    assert (status["vf"], status["reason"]) == ("withheld", "VerbsWait")
    pod.host.tree.add_verbs(PCI, "uverbs3", "mlx5_0")
    sidecar.wait_log("usable")
    status = pod.status()
    assert (status["verbs"], status["verbsState"]) == ("uverbs3", "VerbsUnknown")


def test_a_mellanox_vf_without_verbs_is_offered_after_two_seconds_with_a_warning(
    plain: Pod,
) -> None:
    sidecar = plain.sidecar(*QUICK)
    plain.host.give("netvsc0", driver="mlx5_core")
    seen, usable = sidecar.wait_log("seen"), sidecar.wait_log("usable")
    assert 1.9 < (usable.at - seen.at) / 1e9 < 4.0
    assert plain.status()["verbsState"] == "VerbsMissing"


def test_a_mana_is_announced_with_the_mac_of_its_port(pod: Pod) -> None:
    sidecar = pod.sidecar(*QUICK)
    pod.host.give("netvsc0", driver="mana", verbs=(("uverbs0", "mana_0"),))
    sidecar.wait_log("usable")
    assert pod.status()["line"] == f"{PCI},mac={MAC}"


def test_a_template_names_the_vf_as_it_is_called_once_steady(pod: Pod) -> None:
    pair = "00=netvsc0,template=net_fakevf_{pcihex},iface={interface}"
    sidecar = pod.sidecar(*QUICK, pairs=[pair])
    pod.host.give("netvsc0", transient="rename3", name="enP39731s2")
    sidecar.wait_log("usable")
    assert pod.status()["line"] == "net_fakevf_9b3300020,iface=enP39731s2"


def test_the_gate_opens_with_the_tap_and_closes_with_it(pod: Pod) -> None:
    options = ("--poll-ms", "20", "--settle-ms", "5", "--gate-timeout-s", "60")
    sidecar = pod.sidecar(*options, pairs=["00=netvsc0,tap=fsvsc00"])
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    with Reader(pod.pipe) as reader:
        assert reader.read() == b"\n"
        sidecar.wait_log("hungry")
        status = pod.status()
        assert (status["application"], status["reason"]) == ("hungry", "Gate")
        pod.host.add_link("fsvsc00", mac="02:00:00:00:00:01")
        since = len(sidecar.lines)
        opened = sidecar.wait_log("gate open")
        offer = sidecar.wait_log("offered")
        assert offer.at - opened.at < 5_000_000
        pod.host.ip.delete(pod.host.ip.index("fsvsc00"))
        sidecar.wait_log("cancelled", since=since)
        assert pod.status()["gate"] == "closed"


def test_without_a_tap_the_gate_opens_after_the_time_limit(plain: Pod) -> None:
    sidecar = plain.sidecar("--poll-ms", "20", "--settle-ms", "5", "--gate-timeout-s", "1")
    plain.host.give("netvsc0")
    with Reader(plain.pipe) as reader:
        assert reader.read() == b"\n"
        hungry, opened = sidecar.wait_log("hungry"), sidecar.wait_log("gate open")
        assert 0.9 < (opened.at - hungry.at) / 1e9 < 3.0


def test_an_unread_line_is_taken_back_after_three_polls(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "100", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        offer = read_until_offered(sidecar, reader)
        taken_back = sidecar.wait_log("cancelled", detail="unread")
        assert 0.2 < (taken_back.at - offer.at) / 1e9 < 2.0
        assert reader.read() == b"\n"


def test_a_line_goes_with_its_last_reader(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
    sidecar.wait_log("cancelled", detail="closed")
    with Reader(pod.pipe) as reader:
        assert reader.read() == b"\n"


def test_a_killed_sidecar_leaves_a_line_that_the_next_one_takes_back_first(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        before = pod.pipe.stat().st_ino
        sidecar.kill()
        pod.host.vanish("netvsc0")
        pod.sidecar(*QUICK)
        assert reader.read() == b"\n"
        assert pod.pipe.stat().st_ino == before


def test_sigterm_leaves_the_token_alone(pod: Pod) -> None:
    sidecar = pod.sidecar("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")
    pod.host.give("netvsc0")
    with Reader(pod.pipe) as reader:
        read_until_offered(sidecar, reader)
        assert sidecar.kill(signal.SIGTERM) == 0
        assert reader.read() == b"\n"


def test_eight_pairs_are_served_by_one_sidecar(plain: Pod) -> None:
    for i in range(1, 8):
        plain.host.add_netvsc(f"netvsc{i}", mac=f"00:0d:3a:c0:01:{i:02x}", guid=f"guid-{i}")
    sidecar = plain.sidecar(*QUICK, pairs=[f"{i:02}=netvsc{i}" for i in range(8)])
    plain.host.give("netvsc0")
    sidecar.wait_log("usable")
    lines = plain.ask("status").splitlines()
    assert len(lines) == 8
    assert all(stat.S_ISFIFO((plain.dir / f"{i:02}").stat().st_mode) for i in range(8))


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


@pytest.mark.parametrize("there", [True, False], ids=["there", "away"])
def test_nothing_wakes_it_while_nothing_happens(plain: Pod, *, there: bool) -> None:
    sidecar = plain.sidecar(*QUICK)
    with Reader(plain.pipe) as reader:
        if there:
            plain.host.give("netvsc0")
            read_until_offered(sidecar, reader)
            reader.read()
            sidecar.wait_log("taken")
        else:
            assert reader.read() == b"\n"
            sidecar.wait_log("hungry")
        before = quiet(sidecar.process.pid)
        for _ in range(10 if not there else 0):
            assert reader.read() == b""  # a hungry fail-safe at an empty pipe
        time.sleep(1.0)  # the window that is measured: nothing happens in it
        assert wakeups(sidecar.process.pid) == before


def test_it_is_small_and_ready_soon(plain: Pod) -> None:
    start = time.monotonic_ns()
    sidecar = plain.sidecar(*QUICK)
    ready = sidecar.wait_log("ready", pair="--")
    status = Path(f"/proc/{sidecar.process.pid}/status").read_text()
    resident = next(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmRSS"))
    assert (ready.at - start) / 1e6 < 500  # ip-netns-exec included; the program takes about 1 ms
    assert resident <= 128


def test_it_puts_itself_and_the_guard_into_the_volume_once(plain: Pod, tmp_path: Path) -> None:
    guard = tmp_path / "guard.so"
    guard.write_bytes(b"\x7fELF guard")
    sidecar = plain.sidecar(*QUICK, "--guard-file", str(guard))
    copies = [plain.dir / "bin" / name for name in ("fdpipe", "guard.so")]
    before = [copy.stat() for copy in copies]
    assert copies[0].read_bytes() == binary().read_bytes()
    assert copies[1].read_bytes() == guard.read_bytes()
    assert all(stat.S_IMODE(one.st_mode) == 0o755 for one in before)
    sidecar.kill()
    plain.sidecar(*QUICK, "--guard-file", str(guard)).kill()
    assert [copy.stat().st_ino for copy in copies] == [one.st_ino for one in before]
    guard.write_bytes(b"\x7fELF another guard")
    plain.sidecar(*QUICK, "--guard-file", str(guard))
    assert copies[1].stat().st_ino != before[1].st_ino
    assert copies[1].read_bytes() == guard.read_bytes()


def test_a_stderr_that_nobody_reads_does_not_stop_it(plain: Pod) -> None:
    read, write = os.pipe()
    os.set_blocking(write, False)
    while True:
        try:
            os.write(write, b"x" * 4096)
        except BlockingIOError:
            break
    os.set_blocking(write, True)
    command = ["ip", "netns", "exec", plain.host.netns, str(binary()), "announce", "--sim"]
    command += ["--dir", str(plain.dir), "--pair", "00=netvsc0", "--gate", "immediate"]
    with subprocess.Popen(command, stderr=write) as process:
        while plain.run("ready").returncode:
            assert process.poll() is None
        assert plain.status()["pair"] == "00"
        process.terminate()
        assert process.wait(5) == 0
    os.close(read)
    os.close(write)
