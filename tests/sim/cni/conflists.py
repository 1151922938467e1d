"""Network configuration lists of the shapes that nodes have; names and addresses are invented."""

from __future__ import annotations

import json
from typing import Any

AZURE_OVERLAY: dict[str, Any] = {
    "cniVersion": "0.3.0",
    "name": "azure",
    "adaptors": [],
    "plugins": [
        {
            "type": "azure-vnet",
            "mode": "transparent",
            "ipsToRouteViaHost": ["169.254.20.10"],
            "ipam": {"type": "azure-cns"},
        },
        {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True},
    ],
}
CHAINED_CILIUM: dict[str, Any] = {
    "cniVersion": "0.3.1",
    "name": "cilium",
    "plugins": [
        {"type": "cilium-cni", "ipam": {"type": "azure-ipam"}, "enable-debug": False},
    ],
}
BRIDGE: dict[str, Any] = {
    "cniVersion": "1.1.0",
    "name": "plain",
    "disableCheck": False,
    "plugins": [{"type": "bridge", "bridge": "br\u00fc0", "ipam": {"type": "host-local"}}],
}
ALL = {"azure": AZURE_OVERLAY, "cilium": CHAINED_CILIUM, "bridge": BRIDGE}


def text_of(conflist: dict[str, Any]) -> bytes:
    return json.dumps(conflist, indent=4).encode()
