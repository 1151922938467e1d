"""All targets by name."""

from __future__ import annotations

from fuzz.engine import Target
from fuzz.targets import (
    admission,
    calls,
    conflists,
    http,
    imds,
    kubelet,
    netlink,
    node,
    pools,
    sidecar,
    state_files,
)

_MODULES = (
    admission, calls, conflists, http, imds, kubelet, netlink, node, state_files, pools, sidecar,
)  # fmt: skip
TARGETS: dict[str, Target] = {
    target.name: target for module in _MODULES for target in module.TARGETS
}
