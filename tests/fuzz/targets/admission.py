"""Bodies of POST /mutate and /validate: anybody who may create a pod writes most of them."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import cache
from typing import Any

import jsonpatch
from prometheus_client import CollectorRegistry

from fuzz.engine import Target
from fuzz.mutate import structured
from fuzz.targets import strict
from netvsc_operator import admission
from netvsc_operator.webhook.metrics import WebhookMetrics
from netvsc_operator.webhook.reviews import Reviews
from sim.cluster.pods import POOLS
from sim.cluster.reviews import SIDECAR_IMAGE

_STATUSES = {200, 400}
_DECIDE = {
    "mutate": lambda review, pools: admission.answer(
        review, pools=pools, sidecar_image=SIDECAR_IMAGE
    ),
    "validate": lambda review, pools: admission.validate(review, pools=pools),
}


@cache
def _reviews() -> Reviews:
    async def made() -> Reviews:
        metrics = WebhookMetrics(CollectorRegistry())
        return Reviews(decide=_DECIDE, pools=lambda: POOLS, metrics=metrics)

    return asyncio.run(made())


def _answered(data: bytes, verb: str) -> Any:
    """Return the response, None for a body that is no review; a 500 is a fault of ours."""
    reply = _reviews()._reply(data, _DECIDE[verb])
    assert reply.status in _STATUSES, f"{verb} answers {reply.status}: {reply.body[:200]!r}"
    if reply.kind != "application/json":
        return None
    response = strict.loads(reply.body)["response"]
    assert response["allowed"] or response["status"]["message"], "refused without a reason"
    return response


def mutate(data: bytes) -> None:
    """A patch fits the pod it was made for, and a pod that was patched is left alone."""
    response = _answered(data, "mutate")
    if not response or "patch" not in response:
        return
    review = json.loads(data)
    patch = strict.loads(base64.b64decode(response["patch"]))
    asked = review["request"]["object"]
    whole = {**asked, "metadata": asked.get("metadata") or {}}  # as every pod of the apiserver's
    pod = jsonpatch.apply_patch(whole, patch)
    again = json.dumps({**review, "request": {**review["request"], "object": pod}}).encode()
    assert "patch" not in _answered(again, "mutate"), "a patched pod is patched again"


def validate(data: bytes) -> None:
    _answered(data, "validate")


TARGETS = (
    Target(name="mutate", check=mutate, mutate=structured),
    Target(name="validate", check=validate, mutate=structured),
)
