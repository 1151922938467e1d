"""A route as rtnetlink has it: what messages write, and what a CNI result asks for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

MAIN = 254  # RT_TABLE_MAIN, include/uapi/linux/rtnetlink.h
UNIVERSE, LINK = 0, 253  # RT_SCOPE_*: anywhere, and no gateway from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """`metrics` are mtu and advmss; a `priority` of 0 is the kernel's own (IPv6: 1024)."""

    to: Network
    via: Address | None = None
    table: int = MAIN
    priority: int = 0
    scope: int = UNIVERSE
    metrics: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        words = [str(self.to), f"via {self.via}" if self.via else ""]
        words.append(f"table {self.table}" if self.table != MAIN else "")
        words.append(f"priority {self.priority}" if self.priority else "")
        return " ".join(word for word in words if word)
