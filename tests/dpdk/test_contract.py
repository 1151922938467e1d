"""What we rely on in DPDK's fail-safe driver, a sentence each: a new DPDK tells us what changed."""

from __future__ import annotations

import os
import re
import statistics
import subprocess
from pathlib import Path

from dpdk.pod import Pod, af_packet, failsafe, tap
from dpdk.rig import LINE, rig
from dpdk.testpmd import DETACHED, NOT_THERE, PLUGGED, STARTED

FAILED_PROBE = r"sub_device 0 probe failed"


# ---- when the pipe is read ----


def test_a_line_that_waits_is_taken_at_start(pod: Pod) -> None:
    pod.give()
    with rig(pod, before=f"{LINE}\n") as r:
        r.pmd.wait(PLUGGED)
        assert r.unread() == 0


def test_an_empty_pipe_is_read_again_at_each_poll(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))


def test_while_a_vf_is_plugged_the_pipe_is_not_read_at_all(pod: Pod) -> None:
    pod.give()
    with rig(pod, before=f"{LINE}\n") as r:
        r.pmd.wait(STARTED)
        r.never(".", r.write("\n"))
        assert r.unread() == 1


def test_after_a_removal_the_device_goes_first_and_then_the_pipe_is_read(pod: Pod) -> None:
    pod.give()
    with rig(pod, before=f"{LINE}\n", poll=300) as r:
        r.pmd.wait(STARTED)
        since = r.write("\n")
        pod.vanish()
        r.pmd.wait(DETACHED, since)
        assert r.unread() == 1, "there is a poll's time to clean the pipe"
        pod.give()
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))
        assert r.unread() == 0


def test_from_write_to_plug_it_takes_a_poll_at_most(pod: Pod) -> None:
    """Uniform over the poll's time, plus the probe."""
    taken = []
    with rig(pod) as r:
        for _ in range(6):
            pod.give()
            since = r.write(f"{LINE}\n")
            wrote = r.pmd.when(r.pmd.wait("", since))
            taken.append((r.pmd.when(r.pmd.wait(PLUGGED, since)) - wrote) / 1e6)
            r.pmd.wait(STARTED, since)
            pod.vanish()
            r.pmd.wait(DETACHED, since)
    assert statistics.median(taken) < 150, taken
    assert max(taken) < 400, taken


# ---- how a line is read ----


def test_the_last_line_wins(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        since = r.write(f"net_fakevf_old,iface=nowhere\nhello world\n{LINE}\n")
        r.pmd.wait(PLUGGED, since)
        assert not r.pmd.count(NOT_THERE, since)


def test_an_empty_last_line_means_no_device_and_cancels_what_stands_before_it(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.never(PLUGGED, r.write(f"{LINE}\n\n"))
        assert r.unread() == 0
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))


def test_a_token_at_start_is_harmless(pod: Pod) -> None:
    pod.give()
    with rig(pod, before="\n") as r:
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))


def test_a_line_without_its_newline_is_taken_as_it_is(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.pmd.wait(PLUGGED, r.write(LINE))


def test_half_a_line_is_taken_for_a_whole_one_so_lines_go_in_one_write(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.pmd.wait(NOT_THERE, r.write("net_fakevf_9b3000020,iface=v"))


def test_a_carriage_return_is_taken_literally(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.pmd.wait(NOT_THERE, r.write(f"{LINE}\r\n"))


def test_a_pci_address_with_and_without_mac_is_a_line(pod: Pod) -> None:
    for line in ("9b33:00:02.0", "9b33:00:02.0,mac=00:0d:3a:c0:00:11"):
        with rig(pod) as r:
            r.pmd.wait(FAILED_PROBE, r.write(f"{line}\n"))  # no such device here, but understood


def test_the_readers_flag_lands_on_the_shared_description_and_the_number_stays_open(
    pod: Pod,
) -> None:
    with rig(pod) as r:
        r.pmd.wait("Parsing device", r.write("hello world\n"))
        assert not os.get_blocking(r.reader)
        assert Path(f"/proc/{r.pmd.process.pid}/fd/{r.reader}").exists()


def test_the_end_of_the_writer_is_not_the_end_of_the_pipe(pod: Pod) -> None:
    """A FIFO at rest has no writer; fail-safe reads it again when there is one."""
    pod.give()
    fifo = pod.dir.parent / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    try:
        port = failsafe(0, tap(0), source=f"fd({reader})")
        with pod.bare(reader, [port]) as pmd:
            since = pmd.ready().mark()
            for line in ("hello world\n", "hello again\n"):
                with fifo.open("w") as writer:
                    writer.write(line)
                pmd.wait(f"Parsing device '{line.strip()}' failed", since)
            with fifo.open("w") as writer:
                writer.write(f"{LINE}\n")
            pmd.wait(PLUGGED, since)
    finally:
        os.close(reader)


# ---- lines that lead nowhere ----


def test_garbage_at_run_time_is_an_error_and_the_next_line_is_read(pod: Pod) -> None:
    pod.give()
    with rig(pod) as r:
        r.pmd.wait("Parsing device 'hello world' failed", r.write("hello world\n"))
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))


def test_garbage_at_start_loses_the_whole_port_and_the_application_goes_on(pod: Pod) -> None:
    with rig(pod, before="hello world\n", vdevs=["net_null7"]) as r:
        assert "Failed to probe" in r.pmd.text() or "failed to initialize" in r.pmd.text()
        assert "net_failsafe" not in r.pmd.command("show port info all")


def test_a_number_that_is_not_open_is_silent(pod: Pod) -> None:
    with rig(pod, source="fd(77)") as r:
        assert "net_failsafe_vsc00" in r.pmd.command("show port info all")


def test_a_stale_address_poisons_it_is_tried_for_ever_and_nothing_else_is_read(pod: Pod) -> None:
    with rig(pod) as r:
        since = r.write("net_fakevf_old,iface=vf0\n")
        r.pmd.wait(f"(?s){NOT_THERE}.*{NOT_THERE}.*{NOT_THERE}", since)
        r.never(PLUGGED, r.write(f"{LINE}\n"))
        assert r.unread() == len(LINE) + 1


def test_only_that_very_address_coming_back_cures_the_poison(pod: Pod) -> None:
    with rig(pod) as r:
        since = r.write(f"{LINE}\n")
        r.pmd.wait(NOT_THERE, since)
        pod.give()
        r.pmd.wait(PLUGGED, since)


def test_a_device_that_fails_to_start_is_consumed_and_removed_so_one_line_must_be_on_offer(
    pod: Pod,
) -> None:
    pod.give()
    with rig(pod) as r:
        since = r.write(f"{LINE},fail=start\n")
        r.pmd.wait("vf0 fails to start", since)
        r.pmd.wait(DETACHED, since)
        assert r.unread() == 0
        r.pmd.wait(PLUGGED, r.write(f"{LINE}\n"))


# ---- the arguments ----


def test_no_polling_at_all_is_refused(pod: Pod) -> None:
    with rig(pod, poll=0, vdevs=["net_null7"]) as r:
        assert "net_failsafe" not in r.pmd.command("show port info all")


def test_the_poll_time_is_the_whole_processs_and_the_last_one_wins(pod: Pod) -> None:
    pod.give()
    slow_first = failsafe(9, "net_tap_vsc09,iface=dtap9", source="fd(77)", poll=60000)
    with rig(pod, vdevs=[slow_first]) as r:
        since = r.write(f"{LINE}\n")
        r.pmd.wait(PLUGGED, since, timeout=5)
    with rig(pod, poll=60000, vdevs=[slow_first.replace("60000", "100")]) as r:
        r.never(PLUGGED, r.write(f"{LINE}\n"))


def test_a_device_name_that_begins_another_takes_it(pod: Pod) -> None:
    """Hence vsc00 and vsc01: names of one width."""
    ports = ["net_tap10,iface=dtap10", "net_failsafe_vsc00,dev(net_tap1,iface=dtap1)"]
    with pod.bare(0, ports) as pmd:
        assert "Taking control of a probed sub device 0 named net_tap10" in pmd.ready().text()


def test_a_mac_on_one_port_makes_later_ports_without_one_fail(pod: Pod) -> None:
    ports = [
        "net_failsafe_vsc00,dev(net_tap_vsc00,iface=dtap0),mac=02:00:00:00:00:01",
        "net_failsafe_vsc01,dev(net_tap_vsc01,iface=dtap1)",
    ]
    with pod.bare(0, ports) as pmd:
        shown = pmd.ready().command("show port info all")
        assert "net_failsafe_vsc00" in shown
        assert "net_failsafe_vsc01" not in shown


def test_parentheses_must_balance(pod: Pod) -> None:
    ports = ["net_null7", "net_failsafe_vsc00,dev(net_tap_vsc00,iface=dtap0"]
    with pod.bare(0, ports) as pmd:
        assert "Dangling parenthesis" in pmd.ready().text()


def test_devargs_of_4096_characters_are_too_many(pod: Pod) -> None:
    long = f"net_failsafe_vsc00,dev(net_tap_vsc00,iface=dtap0),{'x' * 4096}=1"
    with pod.bare(0, ["net_null7", long]) as pmd:
        assert "too long" in pmd.ready().text()


def ended_with(pod: Pod, *words: str) -> subprocess.CompletedProcess[str]:
    command = ["dpdk-testpmd", "--no-shconf", "--no-huge", "-m", "64", "--no-telemetry"]
    return subprocess.run(
        pod.enter(*command, *words, "--", "-i"), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=30,
    )  # fmt: skip


def test_allowing_and_blocking_together_ends_the_application(pod: Pod) -> None:
    assert ended_with(pod, "-a", "ffff:ff:1f.7", "-b", "ffff:ff:1f.6").returncode == 1


def test_allowing_an_impossible_address_keeps_the_scan_off_but_lets_fail_safe_plug(
    pod: Pod,
) -> None:
    with rig(pod) as r:
        assert not re.search(r"EAL: Probe PCI driver", r.pmd.text())
        r.pmd.wait(FAILED_PROBE, r.write("9b33:00:02.0\n"))


def test_without_pci_no_address_is_even_understood(pod: Pod) -> None:
    with rig(pod, allow=("--no-pci",)) as r:
        r.pmd.wait(r"probe failed|Parsing device .* failed", r.write("9b33:00:02.0\n"))


def test_dpdks_own_vdev_netvsc_stays_quiet_when_told_to_ignore(pod: Pod) -> None:
    with rig(pod, vdevs=["net_vdev_netvsc,ignore=1"]) as r:
        assert "net_failsafe_vsc00" in r.pmd.command("show port info all")


# ---- the fallbacks ----


def flags(pod: Pod, netdev: str) -> str:
    shown = subprocess.run(
        ["ip", "-n", pod.host.netns, "-o", "link", "show", "dev", netdev],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    return shown.split("<")[1].split(">")[0] if "<" in shown else "absent"


def test_the_tap_goes_up_when_the_port_is_started_and_dies_with_the_process(pod: Pod) -> None:
    with rig(pod, app=("--disable-device-start",)) as r:
        assert "UP" not in flags(pod, "dtap0").split(",")
        r.pmd.command("port start all")
        assert "UP" in flags(pod, "dtap0").split(",")
        r.pmd.process.kill()
        r.pmd.end()
        assert flags(pod, "dtap0") == "absent"


def test_af_packet_on_the_netvsc_serves_as_fallback(pod: Pod) -> None:
    with pod.bare(0, [failsafe(0, af_packet(0), source="fd(77)")]) as pmd:
        pmd.ready().forward()
        with pod.wire("netvsc0") as wire:
            assert wire.echoes()


# ---- exec() in place of fd() ----


def test_a_command_is_run_at_each_poll_and_its_commas_become_spaces(pod: Pod) -> None:
    pod.give()
    script = pod.dir.parent / "line"
    script.write_text('#!/bin/sh\n[ "$1 $2" = "a b" ] && [ -e "$3" ] && echo "$(cat "$3")"\n')
    script.chmod(0o755)
    answer = pod.dir.parent / "answer"
    with rig(pod, source=f"exec({script},a,b,{answer})") as r:
        since = r.pmd.mark()
        r.never(PLUGGED, since)
        answer.write_text(f"{LINE}\nhello world\n")
        r.pmd.wait(PLUGGED, since)


def test_a_command_that_says_nothing_means_no_device(pod: Pod) -> None:
    pod.give()
    with rig(pod, source="exec(echo)") as r:
        assert "net_failsafe_vsc00" in r.pmd.command("show port info all")
        r.never(PLUGGED, r.pmd.mark())
