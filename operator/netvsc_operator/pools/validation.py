"""What the operator could not carry out of a NetvscPool, beyond what netvsc.model.pool refuses."""

from __future__ import annotations

from collections.abc import Mapping

from netvsc.errors import ConfigError, RequestError
from netvsc.model.devargs import check_word
from netvsc.model.pool import Pool
from netvsc_operator.objects import Unchecked
from netvsc_operator.pools.netvscpool import pool_of

_TEMPLATE_MAX = 191  # bytes that the sidecar keeps of a template (fdpipe/lib/limits.h)
_PODS_OWN = ("eth", "lo")
_TAPS = "fsvsc"


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
        check_word(prefix)
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
