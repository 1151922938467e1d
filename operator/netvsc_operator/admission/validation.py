"""The ValidatingAdmissionWebhook's answers: to updates of pods, and to NetvscPools."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netvsc.errors import RequestError
from netvsc.model.interface_names import ANNOTATION
from netvsc.model.pool import Pool
from netvsc_operator.admission.annotations import LABEL, SETTINGS
from netvsc_operator.admission.review import (
    AdmissionRequest,
    AdmissionResponse,
    admitted,
    malformed,
    read,
    refused,
)
from netvsc_operator.objects import entries
from netvsc_operator.pools.validation import check_pool_object


def validate(review: object, *, pools: Mapping[str, Pool]) -> AdmissionResponse:
    """Answer one review of a Pod's update or of a NetvscPool; `pools` are by resource."""
    try:
        request = read(review)
    except RequestError as error:
        return malformed(str(error))
    check = _CHECKS.get((request.kind, request.operation))
    if check is None or request.subresource:
        return admitted(request.uid)
    try:
        return admitted(request.uid, warnings=check(request, pools))
    except RequestError as error:
        return refused(request.uid, str(error))


def _pool(request: AdmissionRequest, pools: Mapping[str, Pool]) -> list[str]:
    check_pool_object(request.object, pools)
    return []


def _pods_update(request: AdmissionRequest, _pools: Mapping[str, Pool]) -> list[str]:
    before, after = entries(request.old_object, "metadata"), entries(request.object, "metadata")
    if LABEL not in entries(before, "labels") and ANNOTATION not in entries(before, "annotations"):
        return []
    return [
        f"{key} of a pod that exists has no effect: it was read when the pod was created"
        for kind, keys in (("annotations", (*SETTINGS, ANNOTATION)), ("labels", (LABEL,)))
        for key in keys
        if entries(before, kind).get(key) != entries(after, kind).get(key)
    ]


_CHECKS: Mapping[tuple[str, str], Callable[[AdmissionRequest, Mapping[str, Pool]], list[str]]] = {
    ("Pod", "UPDATE"): _pods_update,
    ("NetvscPool", "CREATE"): _pool,
    ("NetvscPool", "UPDATE"): _pool,
}
