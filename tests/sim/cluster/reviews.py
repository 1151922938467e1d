"""AdmissionReviews as the apiserver sends them, and patches as it carries them out."""

from __future__ import annotations

import base64
import json
from typing import Any

import jsonpatch  # of kopf's: carries out patches that we only make

from netvsc.model.pool import BUILT_IN, Pool
from netvsc_operator.admission import AdmissionResponse, answer
from netvsc_operator.admission.sidecar_image import SidecarImage

Object = dict[str, Any]
IMAGE = "registry.example/netvsc-fdpipe:1.0"
SIDECAR_IMAGE = SidecarImage(image=IMAGE)
UID = "705ab4f5-6393-11e8-b7cc-42010a800002"


def review(pod: object, *, operation: str = "CREATE", kind: str = "Pod", **more: object) -> Object:
    request = {
        "uid": UID,
        "kind": {"group": "", "version": "v1", "kind": kind},
        "operation": operation,
        "object": pod,
        **more,
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def ask(
    pod: object, *pools: Pool, sidecar_image: SidecarImage = SIDECAR_IMAGE, **more: Any
) -> AdmissionResponse:
    """Have one pod's creation answered; without pools there is `pair`."""
    chosen = {pool.resource: pool for pool in pools or (BUILT_IN,)}
    return answer(review(pod, **more), pools=chosen, sidecar_image=sidecar_image)


def response(answered: AdmissionResponse) -> Object:
    found = answered.review["response"]
    assert isinstance(found, dict)
    return found


def operations(answered: AdmissionResponse) -> list[Object]:
    patch = response(answered).get("patch")
    found: list[Object] = json.loads(base64.b64decode(patch)) if patch else []
    return found


def patched(pod: Object, answered: AdmissionResponse) -> Object:
    """Return the pod as the apiserver would go on with it."""
    found: Object = jsonpatch.apply_patch(_copied(pod), operations(answered))
    return found


def _copied(pod: Object) -> Object:
    """By way of JSON, so that no two parts of it are one object."""
    found: Object = json.loads(json.dumps(pod))
    return found


def message(answered: AdmissionResponse) -> str:
    """Return why it was refused."""
    assert not response(answered)["allowed"]
    return str(response(answered)["status"]["message"])


def warnings(answered: AdmissionResponse) -> list[str]:
    found: list[str] = response(answered).get("warnings", [])
    return found
