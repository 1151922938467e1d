"""The interfaces of a network namespace, with the altnames that say what they are on the host.

Attributes: include/uapi/linux/if_link.h.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from netvsc_deviceplugin.inventory.scan import ScanSource, refine
from netvsc_deviceplugin.kernel import netlink
from netvsc_deviceplugin.kernel.links import Link, parse_link
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.simulation import simulate

_ATTRIBUTE = struct.Struct("=HH")
_IFLA_EXT_MASK, _IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 29, 52, 53
_SKIP_STATS = 0x8  # RTEXT_FILTER_SKIP_STATS

Dump = Callable[[int, bytes], list[netlink.Message]]


@dataclass(frozen=True, slots=True)
class NetnsLink:
    """An interface with its altnames; `link.netns` is None in the agent's own netns."""

    link: Link
    altnames: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Every name that nothing else in the same netns can have."""
        return frozenset({self.link.name, *self.altnames})


def read_interfaces(
    ns: Netns, source: ScanSource, *, dump: Dump | None = None
) -> tuple[NetnsLink, ...]:
    """Return all interfaces of a netns; `dump` asks it, where a socket is open there already."""
    found = _read(dump) if dump else ns.run(lambda: _read(netlink.dump))
    links = tuple(replace(link, netns=ns.name) for link, _ in found)
    if ns.path is None:
        links = refine(links, source)
    elif source.sim:  # /sys tells of the interfaces of the agent's own netns alone
        links = simulate(links)
    return tuple(
        NetnsLink(link, altnames) for link, (_, altnames) in zip(links, found, strict=True)
    )


def _read(dump: Dump) -> list[tuple[Link, tuple[str, ...]]]:
    mask = netlink.attribute(_IFLA_EXT_MASK, struct.pack("=I", _SKIP_STATS))
    table = dump(netlink.RTM_GETLINK, netlink.EVERY_LINK + mask)
    return [(parse_link(message.body), _altnames(message.body)) for message in table]


def _altnames(body: bytes) -> tuple[str, ...]:
    listed = netlink.attributes(body, netlink.IFINFO.size).get(_IFLA_PROP_LIST, b"")
    return tuple(netlink.text(v) for kind, v in _each(listed) if kind == _IFLA_ALT_IFNAME)


def _each(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield every attribute: unlike elsewhere, one kind comes several times."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            return
        yield kind, data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
