"""What a CNI call is answered with, in the version it was asked in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netvsc.errors import NetvscError, RequestError, RetryError
from netvsc_deviceplugin.cni.attachments import Attached
from netvsc_deviceplugin.cni.ipam import DelegateError
from netvsc_deviceplugin.cni.request import VERSIONS, Call, CallError, Code, Json
from netvsc_deviceplugin.cni.sight import Seen

_WITH_DEVICE = "1.1.0"  # interfaces have mtu and pciID from here on


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes to standard output, None for nothing, and whether the call succeeded."""

    body: Json | None
    good: bool = True


def succeeded() -> Answer:
    return Answer(body=None)


def failed(error: Exception, *, version: str = VERSIONS[-1]) -> Answer:
    """Return an error object; what went wrong by itself may go right by itself."""
    body = {
        "cniVersion": version,
        "code": _code(error),
        "msg": "netvsc-cni: " + (str(error) or type(error).__name__),
    }
    return Answer(body=body, good=False)


def versions() -> Answer:
    return Answer(body={"cniVersion": VERSIONS[-1], "supportedVersions": list(VERSIONS)})


def added(call: Call, found: Sequence[Attached], addresses: Json | None = None) -> Answer:
    """Return what came before us in the chain, and our interfaces behind it."""
    before = dict(call.previous or {})
    interfaces = [*_list(before.get("interfaces")), *_described(call, found)]
    body = before | {"cniVersion": call.version}
    if interfaces:
        body["interfaces"] = interfaces
    if addresses:
        first = len(interfaces) - _count(found)
        body |= _with_addresses(body, addresses, first)
    return Answer(body=body)


def _described(call: Call, found: Sequence[Attached]) -> list[Mapping[str, object]]:
    described = []
    for one in found:
        described.append(_interface(call, one.netvsc, pci=None))
        if one.vf:
            described.append(_interface(call, one.vf, pci=one.vf.link.parent))
    return described


def _count(found: Sequence[Attached]) -> int:
    return sum(2 if one.vf else 1 for one in found)


def _interface(call: Call, seen: Seen, *, pci: str | None) -> Mapping[str, object]:
    link = seen.link
    facts: dict[str, object] = {"name": link.name, "mac": link.mac, "sandbox": call.netns}
    if call.version == _WITH_DEVICE:
        facts["mtu"] = link.mtu
        if pci:
            facts["pciID"] = pci
    return facts


def _with_addresses(body: Json, addresses: Json, interface: int) -> Json:
    """Put an IPAM plugin's addresses on our NetVSC; its routes go to what is there."""
    ips = [
        {**address, "interface": interface}
        for address in _list(addresses.get("ips"))
        if isinstance(address, dict)
    ]
    routes = _list(addresses.get("routes"))
    found: dict[str, object] = {"ips": [*_list(body.get("ips")), *ips]}
    if routes:
        found["routes"] = [*_list(body.get("routes")), *routes]
    return found


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _code(error: Exception) -> int:
    if isinstance(error, CallError):
        return error.code
    if isinstance(error, DelegateError):
        return error.code
    if isinstance(error, RetryError):
        return Code.TRY_AGAIN
    if isinstance(error, RequestError):
        return Code.CONFIG
    return Code.IO if isinstance(error, NetvscError) else Code.INTERNAL
