"""What an application's image must bring for a fail-safe port over a VF."""

from __future__ import annotations

from netvsc.drivers import CURRENT
from netvsc_deviceplugin.cli.doctor.facts import ImageFacts
from netvsc_deviceplugin.cli.doctor.finding import Check, Finding, failure, ok, unknown, warning

# ABI version: release (DPDK, doc/guides/contributing/abi_policy.rst); a new one each November.
_FIRST_ABI, _FIRST_YEAR = 21, 20
_NEEDED = "failsafe"
_FALLBACKS = ("tap", "af_packet")
_HARDWARE = " and ".join(one.title for one in CURRENT)
_QUIETED = "vdev_netvsc"  # which EAL is told to keep off


def dpdk_version(facts: ImageFacts) -> Finding:
    if facts.abi is None:
        return unknown(
            "no shared DPDK (librte_ethdev.so): a static one, or none",
            fix="a static application ignores the guard: docs/compatibility.md, which remedy",
        )
    if facts.abi < _FIRST_ABI:
        return warning(
            f"DPDK of ABI {facts.abi}, before 20.11, was never tried",
            fix="DPDK 22.11 or newer: docs/compatibility.md",
        )
    return ok(f"DPDK {facts.abi - _FIRST_ABI + _FIRST_YEAR}.11 (ABI {facts.abi}), shared")


def dpdk_drivers(facts: ImageFacts) -> Finding:
    if facts.abi is None:
        return unknown("drivers inside a static program have no names")
    if _NEEDED not in facts.drivers:
        return failure(
            "no librte_net_failsafe: there is no fail-safe port",
            fix="install or build the driver, or `netvsc.io/mode: none` (docs/pods.md)",
        )
    fallback = [name for name in _FALLBACKS if name in facts.drivers]
    if not fallback:
        return failure(
            "neither librte_net_tap nor librte_net_af_packet: nothing to fall back on",
            fix="install or build one of them: docs/compatibility.md",
        )
    if _QUIETED not in facts.drivers:
        return warning(
            f"no librte_net_{_QUIETED}: told to keep it off, EAL ends with an unknown device",
            fix="annotate the pod with `netvsc.io/vdev-netvsc: absent` (docs/pods.md)",
        )
    if len(fallback) < len(_FALLBACKS):
        return ok(f"failsafe, and {fallback[0]} alone: the pool's fallback must be that")
    return ok("failsafe, tap and af_packet")


def dpdk_vf_drivers(facts: ImageFacts) -> Finding:
    if facts.abi is None:
        return unknown("drivers inside a static program have no names")
    for one in CURRENT:
        if one.dpdk not in facts.drivers:
            fix = f"{one.dpdk_remedy}: docs/compatibility.md"
            if one is CURRENT[0]:
                return failure(f"no librte_net_{one.dpdk}: most of Azure's VFs", fix=fix)
            text = f"no librte_net_{one.dpdk}: a VF that comes back as {one.title} is not taken"
            return warning(text, fix=fix)
    return ok(_HARDWARE)


def rdma_core(facts: ImageFacts) -> Finding:
    if facts.rdma is None:
        if facts.abi is None:
            return unknown("no libibverbs: a static program may have it inside")
        return failure(
            "no libibverbs: no VF can be probed", fix="apt-get install libibverbs1 (rdma-core)"
        )
    text = f"rdma-core {facts.rdma[0]}.{facts.rdma[1]}"
    for one in CURRENT:
        if facts.rdma < one.rdma_core or one.dpdk not in facts.providers:
            judge = failure if one is CURRENT[0] else warning
            fix = f"{one.rdma_remedy}: docs/compatibility.md"
            return judge(f"{text} without the provider for {one.title}", fix=fix)
    return ok(f"{text} with {_HARDWARE}")


CHECKS: tuple[Check[ImageFacts], ...] = (
    Check(
        name="dpdk-version",
        tells="which DPDK is in an image, and that it is linked so that the guard works",
        decide=dpdk_version,
    ),
    Check(
        name="dpdk-drivers",
        tells="that the image has the fail-safe driver and one to fall back on",
        decide=dpdk_drivers,
    ),
    Check(
        name="dpdk-vf-drivers",
        tells="that the image has the drivers of Azure's VFs",
        decide=dpdk_vf_drivers,
    ),
    Check(
        name="rdma-core",
        tells="that the image's rdma-core is there, and new enough for MANA",
        decide=rdma_core,
    ),
)
