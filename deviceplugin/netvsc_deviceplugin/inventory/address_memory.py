"""What the kernel knew of a NIC's addresses while it was on the host.

In a pod anybody with NET_ADMIN there may configure what he likes: that is the pod's word and not
the NIC's, and must not be given to the next pod as the NIC's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from netvsc_deviceplugin.inventory.pairing import Nic
from netvsc_deviceplugin.kernel.addresses import NicAddresses

NONE = NicAddresses()


def remember_host_addresses(
    known: Mapping[str, NicAddresses], nics: Iterable[Nic]
) -> dict[str, NicAddresses]:
    """Return `known` with what the kernel says of the NICs that are on the host now."""
    fresh = {
        nic.id: NicAddresses(addresses=nic.netvsc.addresses, gateways=nic.netvsc.gateways)
        for nic in nics
        if nic.netvsc.netns is None
    }
    return {**known, **fresh}


def with_host_addresses(nics: Iterable[Nic], known: Mapping[str, NicAddresses]) -> tuple[Nic, ...]:
    """Return the NICs, those in pods with the addresses that they had on the host."""
    return tuple(
        nic if nic.netvsc.netns is None else _with(nic, known.get(nic.id, NONE)) for nic in nics
    )


def _with(nic: Nic, own: NicAddresses) -> Nic:
    netvsc = replace(nic.netvsc, addresses=own.addresses, gateways=own.gateways)
    return replace(nic, netvsc=netvsc)
