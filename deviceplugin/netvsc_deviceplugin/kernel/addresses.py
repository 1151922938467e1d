"""A NIC's own addresses: those that the kernel has, else those that Azure gave it. Pure.

Azure drops frames from any other address, so whoever uses the NIC must know them. The kernel has
none where nobody ran DHCP on the NIC, and none after a move into another netns.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class NicAddresses:
    """`addresses` carry their prefix; `gateways` are at most one of each family."""

    addresses: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()

    def gateway(self, address: str) -> str | None:
        """Return the gateway for one of the addresses."""
        version = _version(address)
        return next((one for one in self.gateways if _version(one) == version), None)


def merge(kernel: NicAddresses, azure: NicAddresses) -> NicAddresses:
    """Return `kernel` completed by what `azure` tells; each family stands for itself."""
    addresses = (*kernel.addresses, *_lacking(kernel.addresses, azure.addresses))
    networks = [ipaddress.ip_interface(one).network for one in addresses]
    near = [one for one in azure.gateways if any(_ip(one) in network for network in networks)]
    return NicAddresses(addresses=addresses, gateways=_first((*kernel.gateways, *near)))


def _lacking(there: Iterable[str], more: Iterable[str]) -> list[str]:
    families = {_version(one) for one in there}
    return [one for one in more if _version(one) not in families]


def _first(gateways: Iterable[str]) -> tuple[str, ...]:
    found: dict[int, str] = {}
    for one in gateways:
        found.setdefault(_version(one), one)
    return tuple(found.values())


def _version(text: str) -> int:
    return _ip(text).version


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_interface(text).ip
