"""A sidecar that is started anew beside a running application knows what that one has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sim.sidecar.fdpipe import PCI, Pod, Reader, Sidecar

QUICK = ("--gate", "immediate", "--poll-ms", "20", "--settle-ms", "5")
UNHURRIED = ("--gate", "immediate", "--poll-ms", "10000", "--settle-ms", "5")


@pytest.fixture(params=["fdpipe-sim", "fdpipe-asan"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    with Pod(program=request.param) as made:
        yield made


def plugged(pod: Pod, reader: Reader) -> Sidecar:
    """A sidecar whose application took the VF, and has left the token that came after it."""
    sidecar = offered(pod, reader, *QUICK)
    assert reader.read() == f"{PCI}\n".encode()
    sidecar.wait_log("taken")
    return sidecar


def offered(pod: Pod, reader: Reader, *options: str) -> Sidecar:
    sidecar = pod.sidecar(*options)
    pod.host.give("netvsc0")
    sidecar.wait_log("usable")
    assert reader.read() == b"\n"
    sidecar.wait_log("offered")
    assert pod.status()["vf"] == "offered"  # answered once the offer is kept, too
    return sidecar


@pytest.fixture
def reader(pod: Pod) -> Iterator[Reader]:
    first = pod.sidecar(*QUICK)  # makes the pipe
    with Reader(pod.pipe) as made:
        first.kill()
        yield made


def test_it_goes_on_telling_that_the_vf_is_taken(pod: Pod, reader: Reader) -> None:
    plugged(pod, reader).kill()

    pod.sidecar(*QUICK).wait_log("resumed")

    told = pod.status()
    assert (told["vf"], told["application"]) == ("taken", "served")
    assert (told["takenGeneration"], told["takes"]) == (1, 0)


def test_what_was_read_after_the_last_word_of_the_one_before_is_taken(
    pod: Pod, reader: Reader
) -> None:
    offered(pod, reader, *UNHURRIED).kill()
    assert reader.read() == f"{PCI}\n".encode()

    pod.sidecar(*QUICK).wait_log("resumed")

    assert pod.status()["vf"] == "taken"


def test_a_line_that_nobody_read_is_not_taken(pod: Pod, reader: Reader) -> None:
    offered(pod, reader, *UNHURRIED).kill()

    second = pod.sidecar(*QUICK)
    second.wait_log("usable")

    assert pod.status()["vf"] == "withheld"
    assert reader.read() == b"\n"
    second.wait_log("offered")


def test_another_vf_in_the_place_of_the_one_that_was_taken_is_news(
    pod: Pod, reader: Reader
) -> None:
    plugged(pod, reader).kill()
    pod.host.vanish("netvsc0")
    pod.host.give("netvsc0")

    second = pod.sidecar(*QUICK)
    second.wait_log("usable")

    assert pod.status()["vf"] == "withheld"
    assert reader.read() == b"\n"
    second.wait_log("offered")


def test_an_application_that_was_started_anew_meanwhile_gets_the_vf(
    pod: Pod, reader: Reader
) -> None:
    plugged(pod, reader).kill()
    second = pod.sidecar(*QUICK)
    second.wait_log("resumed")

    assert reader.read() == b"\n"  # it is hungry, so it has no VF

    second.wait_log("offered")
    assert reader.wait() == f"{PCI}\n".encode()


def test_an_order_that_the_application_had_no_need_of_changes_nothing_of_what_it_has(
    pod: Pod, reader: Reader
) -> None:
    """It has its VF, so it does not read: the line of the order is cancelled unread."""
    sidecar = plugged(pod, reader)
    assert pod.ask("announce 00").strip() == "ok"
    sidecar.wait_log("cancelled", detail="unread")
    assert pod.status()["vf"] == "taken"  # answered once that is kept, too
    sidecar.kill()

    pod.sidecar(*QUICK).wait_log("resumed")

    assert pod.status()["vf"] == "taken"


def test_nor_does_a_death_while_the_line_of_that_order_stands_unread(
    pod: Pod, reader: Reader
) -> None:
    sidecar = offered(pod, reader, *UNHURRIED)
    assert reader.read() == f"{PCI}\n".encode()
    sidecar.wait_log("taken")
    assert pod.ask("announce 00").strip() == "ok"
    sidecar.wait_log("cancelled", detail="ordered")
    assert pod.status()["vf"] == "offered"
    sidecar.kill()

    pod.sidecar(*QUICK).wait_log("resumed")

    assert pod.status()["vf"] == "taken"


def test_what_an_application_took_ends_with_it(pod: Pod) -> None:
    pod.sidecar(*QUICK).kill()  # makes the pipe
    with Reader(pod.pipe) as reader:
        sidecar = plugged(pod, reader)
        assert (pod.dir / "00.line").read_text().startswith("taken ")
    sidecar.wait_log("closed")

    assert pod.status()["vf"] == "withheld"
    assert (pod.dir / "00.line").read_text().startswith("none ")


@pytest.mark.parametrize("text", ["", "taken", "taken 7", "taken x y\n", "taken 0 a\n", "x 7 a\n"])
def test_a_record_that_makes_no_sense_says_nothing(pod: Pod, reader: Reader, text: str) -> None:
    plugged(pod, reader).kill()
    (pod.dir / "00.line").write_text(text)

    pod.sidecar(*QUICK).wait_log("usable")

    assert pod.status()["vf"] == "withheld"
