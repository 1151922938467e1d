"""Whether a route that the kernel refused as there already is the one that was asked for.

Only routes over one interface are read: a pod may have any number of others.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from netvsc.errors import RequestError
from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.requests.linkops import LinkRefusedError, Rtnl
from netvsc_deviceplugin.kernel.requests.route import LINK, Address, Route

_RTMSG = struct.Struct("=BBBBBBBBI")
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_METRICS, _RTA_TABLE = 1, 4, 5, 6, 8, 15
_RTAX = {2: "mtu", 8: "advmss"}
_KERNEL = 2  # RTPROT_KERNEL: the route to an address's own subnet
_IPV6_PRIORITY = 1024  # what the kernel takes where none is given (IP6_RT_PRIO_USER)
_UNREACHED = {errno.ENETUNREACH, errno.EHOSTUNREACH}
_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class _There:
    table: int
    priority: int
    via: Address | None
    protocol: int
    scope: int
    metrics: Mapping[str, int]


def add_route(rtnl: Rtnl, ifindex: int, route: Route, *, netns: str) -> None:
    """Add a route over an interface; the very same one is fine. No other is ever replaced.

    Raises RequestError where the pod has another to the same destination, LinkRefusedError for what
    else the kernel has against it.
    """
    try:
        rtnl.add_route(ifindex, route)
    except LinkRefusedError as refused:
        if refused.code in _UNREACHED and route.via and route.scope < LINK:
            raise _unreached(refused, route.via) from None
        if refused.code != errno.EEXIST:
            raise
        if not any(_same(there, route) for there in _over(rtnl, ifindex, route)):
            raise RequestError(
                f"ipam: route {route}: {netns} has another one to {route.to} in table "
                f"{route.table}, and that one stays: give this one a priority or a table of its "
                "own, or leave it out of the ipam section"
            ) from None


def _unreached(refused: LinkRefusedError, via: Address) -> LinkRefusedError:
    """Say how a gateway that no address's subnet has can be reached."""
    near = f'{{"dst": "{ipaddress.ip_network(via)}"' + (
        ', "scope": 253}' if via.version == 4 else "}"
    )
    return LinkRefusedError(
        f"{refused}; if {via} is on this network, put the route {near} before it", refused.code
    )


def _same(there: _There, wanted: Route) -> bool:
    """Tell whether a route is as wanted; the kernel's own leads to its subnet in any case."""
    if (there.table, there.priority) != (wanted.table, _priority(wanted)):
        return False
    if there.metrics != wanted.metrics:
        return False
    if there.protocol == _KERNEL:
        return True
    return (there.via, there.scope) == (wanted.via, wanted.scope)


def _priority(wanted: Route) -> int:
    return wanted.priority or (_IPV6_PRIORITY if wanted.to.version == 6 else 0)


def _over(rtnl: Rtnl, ifindex: int, wanted: Route) -> Iterator[_There]:
    """Yield the routes to that destination over one interface, in the table that is asked for."""
    family = socket.AF_INET if wanted.to.version == 4 else socket.AF_INET6
    body = _RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    body += netlink.attribute(_RTA_TABLE, struct.pack("=I", wanted.table))
    body += netlink.attribute(_RTA_OIF, struct.pack("=I", ifindex))
    for message in rtnl.filtered(netlink.RTM_GETROUTE, body):
        _, length, _, _, _, protocol, scope, _, _ = netlink.fields(_RTMSG, message.body)
        values = netlink.attributes(message.body, _RTMSG.size)
        to = values.get(_RTA_DST, bytes(_BITS[wanted.to.version] // 8))
        ours = netlink.number(values.get(_RTA_OIF, bytes(4))) == ifindex
        if ours and ipaddress.ip_network((to, length)) == wanted.to:
            yield _There(
                netlink.number(values.get(_RTA_TABLE, bytes(4))),
                netlink.number(values.get(_RTA_PRIORITY, bytes(4))),
                netlink.ip(values[_RTA_GATEWAY]) if _RTA_GATEWAY in values else None,
                protocol,
                scope,
                _metrics(values.get(_RTA_METRICS, b"")),
            )


def _metrics(nested: bytes) -> Mapping[str, int]:
    found = netlink.attributes(nested, 0)
    return {name: netlink.number(found[kind]) for kind, name in _RTAX.items() if kind in found}
