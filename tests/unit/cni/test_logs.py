"""A CNI call that fails is logged with the pod, the container and the netns that it was about."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import cast

import pytest

from netvsc.errors import RetryError
from netvsc.host import logs
from netvsc_deviceplugin.cni.attach.attachments import Attachments
from netvsc_deviceplugin.cni.deferred_calls import DeferredCalls
from netvsc_deviceplugin.cni.service import Service
from netvsc_deviceplugin.kubelet.podresources import PodDevices
from sim.cni.server import Counts, promised

CALL = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c0ffee",
    "CNI_NETNS": "/run/netns/cni-1",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=nf;K8S_POD_NAME=fwd-0",
}
WHOLE = {
    "command": "ADD",
    "namespace": "nf",
    "pod": "fwd-0",
    "container": "c0ffee",
    "netns": "/run/netns/cni-1",
}
CONFIG = {"cniVersion": "1.1.0", "name": "net", "type": "netvsc-cni"}


async def away(namespace: str, pod: str) -> tuple[PodDevices, ...]:
    raise RetryError(f"the kubelet does not say what {namespace}/{pod} has")


def logged(
    state: Path, caplog: pytest.LogCaptureFixture, stdin: bytes, call: dict[str, str] = CALL
) -> dict[str, object]:
    """Return the fields of the one line that a call leaves."""

    async def answer() -> None:
        service = Service(
            cast("Attachments", None),
            ask=away,
            prefixes=dict,
            meter=Counts(),
            deferred_calls=DeferredCalls(state),
        )
        await service.answer(call, stdin)
        service.close()

    caplog.clear()
    with caplog.at_level(logging.INFO):
        asyncio.run(answer())
    (record,) = caplog.records
    line = json.loads(logs.Json().format(record))
    return {name: value for name, value in line.items() if name not in logs.RESERVED}


def test_a_failure_names_pod_namespace_container_netns_and_command(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stdin = json.dumps(CONFIG | promised({"eth0": "netvsc0"})).encode()
    assert logged(tmp_path, caplog, stdin) == WHOLE
    assert "CNI ADD failed" in caplog.text


def test_so_does_one_of_a_call_that_makes_no_sense(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(tmp_path, caplog, b"{") == WHOLE
    unknown = CALL | {"CNI_COMMAND": "MOVE"}
    assert logged(tmp_path, caplog, b"{}", unknown) == WHOLE | {"command": "MOVE"}


def test_what_the_runtime_does_not_tell_is_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(tmp_path, caplog, b"{", {"CNI_COMMAND": "GC"}) == {"command": "GC"}


def test_a_pod_that_passes_without_the_kubelets_answer_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert logged(tmp_path, caplog, json.dumps(CONFIG).encode()) == WHOLE
    assert "starts without pairs" in caplog.text
