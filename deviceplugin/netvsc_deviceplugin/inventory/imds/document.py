"""What Azure's metadata service says of the node's NICs. Pure.

The document is /metadata/instance/network, api-version 2021-02-01. An IPv4 address stands in the
NIC's subnet, whose first host address Azure reserves for the gateway. An IPv6 address comes without
a subnet and is given as /128, as Azure's DHCPv6 does; its gateway is known by router advertisement
alone.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence

from netvsc.errors import NodeError, RequestError
from netvsc.model.mac import parse_mac
from netvsc_deviceplugin.kernel.addresses import NicAddresses

_Subnet = ipaddress.IPv4Network | ipaddress.IPv6Network
_SHORTEST = {4: 30, 6: 126}  # bits of the longest prefix in which there is room for a gateway


def parse(body: bytes) -> Mapping[str, NicAddresses]:
    """Return what belongs to each NIC, by MAC in the kernel's spelling.

    A part that makes no sense is left out: it may be of a newer version. Raises NodeError if the
    whole is no such document.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise NodeError(f"IMDS: its answer is not JSON: {error}") from None
    listed = document.get("interface") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise NodeError("IMDS: its answer has no list `interface`; is --imds its address?")
    return dict(_named(listed))


def _named(listed: Sequence[object]) -> Iterator[tuple[str, NicAddresses]]:
    for one in listed:
        if isinstance(one, dict) and (mac := _mac(one.get("macAddress"))):
            yield mac, _own(one)


def _mac(text: object) -> str | None:
    """Read `000D3AC00011`, as Azure writes it; separators are fine."""
    digits = str(text).replace(":", "").replace("-", "")
    try:
        return parse_mac(":".join(digits[i : i + 2] for i in range(0, len(digits), 2)))
    except RequestError:
        return None


def _own(nic: Mapping[str, object]) -> NicAddresses:
    addresses, gateways = [], []
    for family, version in (("ipv4", 4), ("ipv6", 6)):
        part = nic.get(family)
        if not isinstance(part, dict):
            continue
        subnets = list(_subnets(part, version))
        for text in _texts(part, "ipAddress", "privateIpAddress"):
            if (address := _address(text)) and address.version == version:
                subnet = next((one for one in subnets if address in one), None)
                bits = subnet.prefixlen if subnet else address.max_prefixlen
                addresses.append(f"{address}/{bits}")
        gateways += [str(one[1]) for one in subnets if one.prefixlen <= _SHORTEST[version]]
    return NicAddresses(addresses=_unique(addresses), gateways=_unique(gateways))


def _subnets(part: Mapping[str, object], version: int) -> Iterator[_Subnet]:
    for one in _objects(part, "subnet"):
        try:
            network = ipaddress.ip_network(
                f"{one.get('address')}/{one.get('prefix')}", strict=False
            )
        except ValueError:
            continue
        if network.version == version:
            yield network


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    if "%" in text:  # a zone, which may be any text: Azure's addresses have none
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:  # Azure writes "" where there is none
        return None


def _texts(part: Mapping[str, object], key: str, inner: str) -> Iterator[str]:
    for one in _objects(part, key):
        if isinstance(value := one.get(inner), str):
            yield value


def _objects(part: Mapping[str, object], key: str) -> Iterator[Mapping[str, object]]:
    listed = part.get(key)
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            yield one


def _unique(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
