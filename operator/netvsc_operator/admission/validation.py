"""The validating twin: what a patch cannot say, of pods that run and of pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netvsc.errors import ConfigError, RequestError
from netvsc.model.interface_names import ANNOTATION
from netvsc.model.pool import Pool
from netvsc_operator.admission.annotations import LABEL, WISHES
from netvsc_operator.admission.eal.arguments import check_devargs_word
from netvsc_operator.admission.review import (
    AdmissionRequest,
    AdmissionResponse,
    admitted,
    malformed,
    read,
    refused,
)
from netvsc_operator.objects import Unchecked, entries
from netvsc_operator.pools.objects import pool_of

_TEMPLATE_MAX = 191  # bytes that the sidecar keeps of a template (fdpipe/lib/limits.h)
_PODS_OWN = ("eth", "lo")
_TAPS = "fsvsc"


def validate(review: object, *, pools: Mapping[str, Pool]) -> AdmissionResponse:
    """Answer one review of a Pod's update or of a NetvscPool; `pools` are by resource."""
    try:
        asked = read(review)
    except RequestError as error:
        return malformed(str(error))
    check = _CHECKS.get((asked.kind, asked.operation))
    if check is None or asked.subresource:
        return admitted(asked.uid)
    try:
        return admitted(asked.uid, warnings=check(asked, pools))
    except RequestError as error:
        return refused(asked.uid, str(error))


def check_pool_object(thing: Unchecked, pools: Mapping[str, Pool]) -> Pool:
    """Return the pool; raises ConfigError for what the operator could not carry out."""
    pool = pool_of(thing)
    twin = pools.get(pool.resource)
    if twin and twin.name != pool.name:
        raise ConfigError(
            f"{pool.resource!r} is NetvscPool {twin.name}'s already: give each pool its own",
            path=("spec", "resource"),
        )
    _check_prefix(pool.interface_prefix)
    if len((pool.devargs_template or "").encode()) > _TEMPLATE_MAX:
        raise ConfigError(
            f"is longer than {_TEMPLATE_MAX} bytes: shorten it", path=("spec", "devargsTemplate")
        )
    return pool


def _check_prefix(prefix: str) -> None:
    path = ("spec", "interfacePrefix")
    try:
        check_devargs_word(prefix)
    except RequestError:
        raise ConfigError(
            f"is {prefix!r}: write letters, digits, '-', '_' and '.', it goes into DPDK's devargs",
            path=path,
        ) from None
    if prefix in _PODS_OWN or prefix.startswith(_TAPS):
        raise ConfigError(
            f"is {prefix!r}, and {prefix}0 is taken in pods: choose another, such as netvsc",
            path=path,
        )


def _pool(asked: AdmissionRequest, pools: Mapping[str, Pool]) -> list[str]:
    check_pool_object(asked.object, pools)
    return []


def _pods_update(asked: AdmissionRequest, _pools: Mapping[str, Pool]) -> list[str]:
    before, after = entries(asked.old_object, "metadata"), entries(asked.object, "metadata")
    if LABEL not in entries(before, "labels") and ANNOTATION not in entries(before, "annotations"):
        return []
    return [
        f"{key} of a pod that exists has no effect: it was read when the pod was created"
        for kind, keys in (("annotations", (*WISHES, ANNOTATION)), ("labels", (LABEL,)))
        for key in keys
        if entries(before, kind).get(key) != entries(after, kind).get(key)
    ]


_CHECKS: Mapping[tuple[str, str], Callable[[AdmissionRequest, Mapping[str, Pool]], list[str]]] = {
    ("Pod", "UPDATE"): _pods_update,
    ("NetvscPool", "CREATE"): _pool,
    ("NetvscPool", "UPDATE"): _pool,
}
