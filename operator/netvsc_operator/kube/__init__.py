"""What the operator needs of the official client, typed: its errors by kind, and a watch for ever.

`async with Kube(config_loader(kubeconfig)) as kube: await kube.get(NODES, "worker-1")`. A watch is
`async with aclosing(Watch(kube, NODES).events()) as events: async for event in events: …`.
Errors are in `errors`: ApiError and its kinds say that a request was refused, Unavailable that
nobody answered.
"""

from netvsc_operator.api_errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unavailable,
)
from netvsc_operator.kinds import (
    CRDS,
    EVENTS,
    MUTATING,
    NETVSC_NODES,
    NETVSC_POOLS,
    NODES,
    PODS,
    SECRETS,
    VALIDATING,
    Kind,
)
from netvsc_operator.kube.client import Kube, Patch
from netvsc_operator.kube.configuration import ConfigLoader, config_loader
from netvsc_operator.kube.watch import Applied, Event, Listed, Removed, Watch

__all__ = [
    "CRDS",
    "EVENTS",
    "MUTATING",
    "NETVSC_NODES",
    "NETVSC_POOLS",
    "NODES",
    "PODS",
    "SECRETS",
    "VALIDATING",
    "AlreadyExists",
    "ApiError",
    "Applied",
    "ConfigLoader",
    "Conflict",
    "Event",
    "Forbidden",
    "Gone",
    "Invalid",
    "Kind",
    "Kube",
    "Listed",
    "NotFound",
    "Patch",
    "Removed",
    "Unavailable",
    "Watch",
    "config_loader",
]
