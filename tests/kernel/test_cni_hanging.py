"""An agent that hangs counts as one that is away, after a while that depends on the pod."""

import time

import pytest

from sim.cni.calls import CniHost, id_of
from sim.cni.hanging import PATIENCE_PLAIN_S, PATIENCE_S, WAYS, hanging, hasty_shim
from sim.cni.server import Said, config, promised, shim
from sim.sidecar.fdpipe import binary

PROMISE = promised({"fwd": {"netvsc.io/pair": ["netvsc0"]}})
LONG = {"comment": "x" * 240_000}  # more than a socket's buffer holds
SLOW_S = 1.0  # a busy machine's own delay, at most


def timed(verb: str, cni: CniHost, more: dict[str, object]) -> tuple[Said, float]:
    pod, program = cni.pod(), hasty_shim()
    began = time.monotonic()
    said = shim(verb, config(cni.state, **LONG, **more), pod, program=program)
    return said, time.monotonic() - began


@pytest.mark.parametrize("way", WAYS)
def test_a_pod_without_pairs_passes_after_the_shorter_time(way: str) -> None:
    with CniHost() as cni, hanging(cni.state, way):
        said, took = timed("ADD", cni, {})
        assert said.body == config(cni.state)["prevResult"]
        assert PATIENCE_PLAIN_S <= took < PATIENCE_PLAIN_S + SLOW_S


@pytest.mark.parametrize("way", WAYS)
def test_a_pod_with_pairs_is_told_to_come_again_after_the_longer(way: str) -> None:
    with CniHost() as cni, hanging(cni.state, way):
        said, took = timed("ADD", cni, PROMISE)
        assert said.error == 11
        assert PATIENCE_S <= took < PATIENCE_S + SLOW_S


@pytest.mark.parametrize("verb", ["DEL", "CHECK"])
def test_the_end_of_a_pod_that_has_nothing_of_ours_is_not_held_up_either(verb: str) -> None:
    with CniHost() as cni, hanging(cni.state, "answers nothing"):
        said, took = timed(verb, cni, PROMISE)
        assert said.code == 0
        assert took < PATIENCE_PLAIN_S + SLOW_S


def test_a_netns_with_a_pair_inside_is_kept_however_the_agent_hangs() -> None:
    with CniHost() as cni:
        pod = cni.pod()
        cni.add(pod, 1)
        for way in WAYS:
            with hanging(cni.state, way):
                began = time.monotonic()
                given = config(cni.state, **LONG)
                assert shim("DEL", given, pod, program=hasty_shim()).error == 11
                assert time.monotonic() - began >= PATIENCE_S
        assert cni.inside(1, pod)
        cni.attachments.delete(pod.container)
        assert cni.on_host(1, pod)


def test_a_call_of_multus_has_the_longer_time_too() -> None:
    with CniHost() as cni, hanging(cni.state, "answers nothing"):
        given = config(cni.state, deviceID=id_of(1))
        del given["prevResult"]
        began = time.monotonic()
        assert shim("ADD", given, cni.pod(), program=hasty_shim()).error == 11
        assert time.monotonic() - began >= PATIENCE_S


def test_status_asks_nobody_where_no_ipam_plugin_is_named() -> None:
    with CniHost() as cni, hanging(cni.state, "accepts nobody"):
        said, took = timed("STATUS", cni, {})
        assert said.code == 0
        assert took < SLOW_S


def test_the_status_of_an_ipam_plugin_is_waited_for_as_a_plain_pod_is() -> None:
    with CniHost() as cni, hanging(cni.state, "answers nothing"):
        said, took = timed("STATUS", cni, {"ipam": {"type": "ours"}})
        assert said.code == 0
        assert PATIENCE_PLAIN_S <= took < PATIENCE_PLAIN_S + SLOW_S


def test_an_address_that_is_to_be_freed_has_the_longer_time() -> None:
    with CniHost() as cni, hanging(cni.state, "answers nothing"):
        said, took = timed("DEL", cni, {"ipam": {"type": "ours"}})
        assert said.error == 11
        assert PATIENCE_S <= took < PATIENCE_S + SLOW_S


def test_the_program_that_is_shipped_holds_a_pod_without_pairs_for_five_seconds() -> None:
    with CniHost() as cni, hanging(cni.state, "answers nothing"):
        began = time.monotonic()
        assert shim("ADD", config(cni.state), cni.pod(), program=binary("fdpipe")).code == 0
        assert 5.0 <= time.monotonic() - began < 5.0 + SLOW_S
