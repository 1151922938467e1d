"""What network interfaces have counted: the kernel's own numbers, and their drivers'.

RTM_GETLINK with IFLA_STATS64 (include/uapi/linux/if_link.h) and the ethtool ioctl
(include/uapi/linux/ethtool.h). Both speak of the calling thread's netns.
"""

from __future__ import annotations

import array
import fcntl
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from netvsc_deviceplugin.kernel import netlink

_IFLA_IFNAME, _IFLA_STATS64 = 3, 23
_STATS64 = struct.Struct("=QQQQ")  # rx_packets, tx_packets, rx_bytes, tx_bytes
_SIOCETHTOOL = 0x8946
_GSTRINGS, _GSTATS, _GSSET_INFO = 0x1B, 0x1D, 0x37
_SS_STATS = 1  # ETH_SS_STATS
_NAME_LENGTH = 32  # ETH_GSTRING_LEN
_COUNT_MAX = 1 << 14
_IFREQ = struct.Struct("=16sQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """`driver` are ethtool's statistics by name; each driver has names of its own."""

    rx_packets: int = 0
    tx_packets: int = 0
    rx_bytes: int = 0
    tx_bytes: int = 0
    driver: Mapping[str, int] = field(default_factory=dict)


def read(wanted: frozenset[int]) -> dict[int, Counters]:
    """Return the counters of those interfaces that are here; raises NodeError."""
    found = {}
    for message in netlink.dump(netlink.RTM_GETLINK, netlink.EVERY_LINK):
        ifindex = netlink.fields(netlink.IFINFO, message.body)[2]
        if ifindex in wanted:
            found[ifindex] = _counters(netlink.attributes(message.body, netlink.IFINFO.size))
    return found


def _counters(link: Mapping[int, bytes]) -> Counters:
    rx_packets, tx_packets, rx_bytes, tx_bytes = netlink.fields(
        _STATS64, link.get(_IFLA_STATS64, b"")
    )
    return Counters(
        rx_packets=rx_packets,
        tx_packets=tx_packets,
        rx_bytes=rx_bytes,
        tx_bytes=tx_bytes,
        driver=driver_counters(netlink.text(link.get(_IFLA_IFNAME, b""))),
    )


def driver_counters(interface: str) -> dict[str, int]:
    """Return ethtool's statistics by name; none for a driver without, or an interface that went."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            count = _count(sock, interface)
            names = array.array("B", struct.pack("=III", _GSTRINGS, _SS_STATS, count))
            names.frombytes(bytes(count * _NAME_LENGTH))
            _ask(sock, interface, names)
            values = array.array("B", struct.pack("=II", _GSTATS, count))
            values.frombytes(bytes(count * 8))
            _ask(sock, interface, values)
        except OSError:
            return {}
    return dict(zip(_names(names.tobytes()[12:]), _numbers(values.tobytes()[8:]), strict=True))


def _count(sock: socket.socket, interface: str) -> int:
    asked = array.array("B", struct.pack("=IIQI", _GSSET_INFO, 0, 1 << _SS_STATS, 0))
    _ask(sock, interface, asked)
    _, _, mask, count = struct.unpack("=IIQI", asked.tobytes())
    return min(int(count), _COUNT_MAX) if mask else 0


def _ask(sock: socket.socket, interface: str, command: array.array[int]) -> None:
    address, _ = command.buffer_info()
    fcntl.ioctl(sock, _SIOCETHTOOL, _IFREQ.pack(interface.encode()[:15], address))


def _names(data: bytes) -> list[str]:
    words = (data[i : i + _NAME_LENGTH] for i in range(0, len(data), _NAME_LENGTH))
    return [netlink.text(word.split(b"\0", 1)[0]) for word in words]


def _numbers(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f"={len(data) // 8}Q", data)
