"""Makes the words for EAL: the fail-safe port of each pair, and what keeps other drivers off it.

DPDK guide, "Fail-safe poll mode driver library" and "Tun|Tap Poll Mode Driver".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from netvsc.errors import RequestError
from netvsc.model.devargs import check_word
from netvsc.model.pool import Fallback, Mode, Pool
from netvsc_operator.admission.annotations import Allow, GuardPort, VdevNetvsc
from netvsc_operator.admission.effective_settings import EffectiveSettings
from netvsc_operator.admission.pod.pair_numbers import PodPair

FOLDER = "/run/netvsc"
FD_FIRST = 200  # far above what an application opens before EAL looks
NOWHERE = ("-a", "ffff:ff:1f.7")  # no function can have it, so EAL itself probes no PCI device
IGNORE = "--vdev=net_vdev_netvsc,ignore=1"  # or it takes every NetVSC without an address
GUARD_PORT = "--vdev=net_null_guard"
_OWN_NAMES = ("net_failsafe_vsc", "net_tap_vsc", "net_af_packet_vsc")
_PCI_OPTIONS = re.compile(r"-[abw]|--(allow|block|pci-whitelist|pci-blacklist)(=|$)")


def arguments(
    pairs: Sequence[PodPair],
    *,
    mode: Mode,
    settings: EffectiveSettings,
    near: Sequence[str],
) -> tuple[str, ...]:
    """Return those for one container; `near` are EAL's arguments that it has already.

    Raises RequestError where these contradict what is needed.
    """
    _check(near)
    for pair in pairs:
        check_word(pair.interface)
    allow = () if settings.pod.allow is Allow.OFF or chooses_pci(near) else NOWHERE
    absent = settings.pod.vdev_netvsc is VdevNetvsc.ABSENT
    if mode is Mode.VDEV_NETVSC:
        return (*allow, *(_by_driver(pair, settings.pool(pair)) for pair in pairs))
    return (
        *allow,
        *(() if absent or asks_for_driver(near) else (IGNORE,)),
        *((GUARD_PORT,) if settings.pod.guard_port is GuardPort.ON else ()),
        *(_failsafe(pair, mode, settings) for pair in pairs),
    )


def pipe(pair: PodPair) -> str:
    return f"{FOLDER}/{pair.number:02d}"


def tap(pair: PodPair) -> str:
    """Name the interface that fail-safe's tap makes: the sidecar's gate waits for it."""
    return f"fsvsc{pair.number:02d}"


def descriptor(pair: PodPair) -> int:
    return FD_FIRST + pair.number


def chooses_pci(near: Sequence[str]) -> bool:
    """Tell whether the user says himself which PCI devices EAL probes; `-a` with `-b` is fatal."""
    return any(_PCI_OPTIONS.match(word) for word in near)


def asks_for_driver(near: Sequence[str]) -> bool:
    return any("net_vdev_netvsc" in word for word in near)


def _check(near: Sequence[str]) -> None:
    if "--no-pci" in near:
        raise RequestError(
            "--no-pci keeps fail-safe from plugging a VF at all: remove it, "
            f"{' '.join(NOWHERE)} is added and keeps EAL off PCI devices"
        )
    for word in near:
        for name in _OWN_NAMES:
            if name in word:
                raise RequestError(
                    f"the arguments have {name}… already: remove it, or serve the pod yourself "
                    "with the annotation netvsc.io/mode: none"
                )


def _failsafe(pair: PodPair, mode: Mode, settings: EffectiveSettings) -> str:
    number = f"{pair.number:02d}"  # fixed width: sub-devices are found by the name's beginning
    source = (
        f"exec({FOLDER}/bin/fdpipe,vf,{number})"
        if mode is Mode.FAILSAFE_EXEC
        else f"fd({descriptor(pair)})"
    )
    synthetic = (
        f"net_tap_vsc{number},iface={tap(pair)},remote={pair.interface}"
        if settings.fallback(pair) is Fallback.TAP
        else f"net_af_packet_vsc{number},iface={pair.interface}"
    )
    return (
        f"--vdev=net_failsafe_vsc{number},{source},dev({synthetic}),hotplug_poll={settings.poll_ms}"
    )


def _by_driver(pair: PodPair, pool: Pool) -> str:
    force = ",force=1" if pool.force else ""
    return f"--vdev=net_vdev_netvsc{pair.number},iface={pair.interface}{force}"
