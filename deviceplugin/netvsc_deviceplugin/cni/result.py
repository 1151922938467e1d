"""What a CNI call is answered with, in the version it was asked in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netvsc.errors import NetvscError, RequestError, RetryError
from netvsc_deviceplugin.cni.attach.attachments import Attached
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink
from netvsc_deviceplugin.cni.protocol.ipam import DelegateError
from netvsc_deviceplugin.cni.protocol.request import VERSIONS, Call, CallError, Code, Json

_WITH_DEVICE = "1.1.0"  # interfaces have mtu and pciID from here on
_WITHOUT_FAMILY = "1.0.0"  # addresses no longer say of which family they are


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


def added(
    call: Call, found: Sequence[Attached], ipam_results: Mapping[str, Json] | None = None
) -> Answer:
    """Return what came before us in the chain, and our interfaces behind it.

    `ipam_results` are the addresses of pairs, by id, as IPAM plugins write them.
    """
    body: Json = {**(call.previous or {}), "cniVersion": call.version}
    interfaces = _list(body.get("interfaces"))
    for one in found:
        body = _with_addresses(body, call, (ipam_results or {}).get(one.id), len(interfaces))
        interfaces = [*interfaces, *_described(call, one)]
    return Answer(body={**body, "interfaces": interfaces} if interfaces else body)


def _described(call: Call, one: Attached) -> list[Mapping[str, object]]:
    described = [_interface(call, one.netvsc, pci=None)]
    if one.vf:
        described.append(_interface(call, one.vf, pci=one.vf.link.parent))
    return described


def _interface(call: Call, part: NetnsLink, *, pci: str | None) -> Mapping[str, object]:
    link = part.link
    facts: dict[str, object] = {"name": link.name, "mac": link.mac, "sandbox": call.netns}
    if call.version == _WITH_DEVICE:
        facts["mtu"] = link.mtu
        if pci:
            facts["pciID"] = pci
    return facts


def _with_addresses(body: Json, call: Call, ipam_results: Json | None, interface: int) -> Json:
    """Put addresses on the NetVSC, the interface of that number; routes go to what is there."""
    if not ipam_results:
        return body
    ips = [
        {**_versioned(call, address), "interface": interface}
        for address in _list(ipam_results.get("ips"))
        if isinstance(address, dict)
    ]
    found: dict[str, object] = {"ips": [*_list(body.get("ips")), *ips]}
    if routes := _list(ipam_results.get("routes")):
        found["routes"] = [*_list(body.get("routes")), *routes]
    if (
        dns := body.get("dns")
        or (call.config.get("dns") if call.ipam else None)
        or ipam_results.get("dns")
    ):
        found["dns"] = dns
    return {**body, **found}


def _versioned(call: Call, address: Json) -> Json:
    """Say of which family an address is, where the result's version wants that."""
    plain = {key: value for key, value in address.items() if key != "version"}
    if VERSIONS.index(call.version) >= VERSIONS.index(_WITHOUT_FAMILY):
        return plain
    return {"version": "6" if ":" in str(address.get("address")) else "4", **plain}


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
