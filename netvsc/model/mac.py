"""MAC addresses, the one stable name of a NIC on Azure, and the pair ID made of one."""

from __future__ import annotations

import re

from netvsc.errors import RequestError

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


def parse_mac(text: str) -> str:
    """Return a MAC in the kernel's spelling, `00:0d:3a:c0:00:11`; dashes and capitals are accepted.

    Raises RequestError for anything else, for the all-zero and for group addresses (IEEE 802).
    """
    mac = text.strip().lower().replace("-", ":")
    if not _MAC.fullmatch(mac):
        raise RequestError(f"{text!r} is not a MAC address: write six octets, 00:0d:3a:c0:00:11")
    if mac == "00:00:00:00:00:00" or int(mac[:2], 16) & 1:
        raise RequestError(f"{text!r} is not the address of one NIC: write that of the NetVSC")
    return mac


def pair_id(mac: str) -> str:
    """Return the ID of the pair with this MAC: dashes, since the kubelet's IDs end up in paths."""
    return mac.replace(":", "-")


def mac_of(pair: str) -> str:
    """Return the MAC of which an ID was made."""
    return pair.replace("-", ":")
