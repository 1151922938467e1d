"""The MutatingAdmissionWebhook's answer to a pod's creation: a patch, or what is wrong.

Nothing is written and nothing remembered, so a dry run is answered like any other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from netvsc.errors import RequestError
from netvsc.model.pool import Pool
from netvsc_operator.admission.findings import warnings
from netvsc_operator.admission.patch import operations
from netvsc_operator.admission.plan import Plan, decide
from netvsc_operator.admission.review import AdmissionResponse, admitted, malformed, read, refused
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.objects import Unchecked

_written = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def answer(
    review: object, *, pools: Mapping[str, Pool], sidecar_image: SidecarImage
) -> AdmissionResponse:
    """Answer one review of a Pod; `pools` are by resource."""
    try:
        request = read(review)
    except RequestError as error:
        return malformed(str(error))
    if request.operation != "CREATE" or request.kind != "Pod" or request.subresource:
        return admitted(request.uid)
    try:
        return _pod(request.uid, request.object, pools=pools, sidecar_image=sidecar_image)
    except RequestError as error:
        return refused(request.uid, str(error))


def _pod(
    uid: str, pod: Unchecked, *, pools: Mapping[str, Pool], sidecar_image: SidecarImage
) -> AdmissionResponse:
    plan = decide(pod, pools=pools)
    if not isinstance(plan, Plan):
        return admitted(uid)
    patch = operations(pod, plan, sidecar_image=sidecar_image)
    text = base64.b64encode(_written(patch).encode()).decode() if patch else None
    return admitted(uid, patch=text, warnings=warnings(pod, plan))
