"""The decision alone, from a review as plain data to its answer: a part of `admission`."""

from __future__ import annotations

import time
from typing import Any

from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission import Result, answer
from netvsc_operator.admission.sidecar_image import SidecarImage

REVIEWS = 20  # per round: one takes a tenth of a millisecond
_POOLS = {BUILT_IN.resource: BUILT_IN}
_SIDECAR_IMAGE = SidecarImage(image="registry.example/netvsc-fdpipe:1.0")


def pod() -> dict[str, Any]:
    """Make a Guaranteed pod with one pair, as the apiserver would send it."""
    amounts = {"cpu": "2", "memory": "1Gi", "hugepages-2Mi": "256Mi", "netvsc.io/pair": "1"}
    container = {
        "name": "fwd",
        "image": "registry.example/dpdk:24.11",
        "command": ["dpdk-testpmd"],
        "args": ["-l", "0,1", "--", "--forward-mode=macswap"],
        "resources": {"limits": amounts, "requests": dict(amounts)},
        "securityContext": {"capabilities": {"add": ["NET_ADMIN", "IPC_LOCK"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fwd"},
        "spec": {"containers": [container]},
    }


def review() -> dict[str, Any]:
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "operation": "CREATE",
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "object": pod(),
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def measure(rounds: int) -> dict[str, list[float]]:
    """Return seconds for each decision."""
    asked, times = review(), []
    for _ in range(rounds * REVIEWS):
        began = time.perf_counter()
        answered = answer(asked, pools=_POOLS, sidecar_image=_SIDECAR_IMAGE)
        times.append(time.perf_counter() - began)
        assert answered.result is Result.PATCHED
    return {"admission: decision alone": times}
