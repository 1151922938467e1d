"""What the kernel must bring: its version, its modules, huge pages."""

from __future__ import annotations

from netvsc.drivers import CURRENT, DRIVERS
from netvsc_deviceplugin.cli.doctor.facts import NodeFacts, Pages
from netvsc_deviceplugin.cli.doctor.finding import Check, Finding, failure, ok, unknown, warning
from netvsc_deviceplugin.cli.doctor.modules import Modules
from netvsc_deviceplugin.cli.doctor.release import panics, version

_OLDEST, _PARENTS = (5, 15, 0), (5, 14, 0)
_TAP = ("sch_multiq", "sch_ingress", "cls_flower", "act_mirred", "tun")
_AF_PACKET = "`fallback: af_packet` in the pool (docs/pools.md)"
_NEW_IMAGE = "`az aks nodepool upgrade --node-image-only`, for a node image"
_FUTURE = ("ib_uverbs", *(module for one in CURRENT for module, _ in one.options))
_IB = {one.name: one.infiniband_module for one in DRIVERS if one.infiniband_module}


def kernel_version(facts: NodeFacts) -> Finding:
    numbers = version(facts.release)
    if numbers is None:
        return unknown(f"release {facts.release!r} begins with no version")
    if numbers < _PARENTS:
        return failure(
            f"Linux {facts.release}: rtnetlink does not tell parent devices before 5.14",
            fix=f"{_NEW_IMAGE} with Linux 5.15 or newer",
        )
    if numbers < _OLDEST:
        return warning(
            f"Linux {facts.release} is not tested", fix=f"{_NEW_IMAGE} with 5.15 or newer"
        )
    return ok(f"Linux {facts.release}")


def netns_panic(facts: NodeFacts) -> Finding:
    bad = panics(facts.release)
    fix = (
        f"{_NEW_IMAGE} without the bug; until then use this project's CNI alone, which brings "
        "pairs back to the host before a pod's netns goes, and move no NetVSC into a netns by hand"
    )
    if bad is None:
        return unknown(
            f"the distribution of {facts.release} patches by itself: its changelog tells whether "
            "33caa208dba6 (CVE-2025-38683) is in"
        )
    if bad:
        text = f"Linux {facts.release} panics when a netns with a NetVSC and its VF is deleted"
        return warning(text, fix=fix)
    return ok("a netns with a pair inside may be deleted")


def tap_fallback(facts: NodeFacts) -> Finding:
    missing, unclear = facts.modules.missing(*_TAP), facts.modules.unclear(*_TAP)
    if missing:
        return warning(
            f"no {_all(missing)} in this kernel: fail-safe's tap cannot take the NetVSC's frames",
            fix=f"apt-get install linux-modules-extra-{facts.release} (Ubuntu), or {_AF_PACKET}",
        )
    if unclear:
        return unknown(
            f"nothing here tells whether the kernel has {_all(unclear)}",
            fix=f"look on the node: modprobe --dry-run {' '.join(unclear)}",
        )
    if not facts.tun:
        return warning(
            "/dev/net/tun is not there: fail-safe's tap has nothing to open",
            fix=f"modprobe tun, or {_AF_PACKET}",
        )
    return ok(", ".join(f"{name} {facts.modules.state(name)}" for name in _TAP))


def vf_modules(facts: NodeFacts) -> Finding:
    here = {_IB[vf.driver] for vf in facts.vfs if vf.driver in _IB}
    needed = sorted(here | {"ib_uverbs"}) if here else []
    return _needed(facts.modules, needed) or _next_vf(facts.modules)


def _needed(modules: Modules, names: list[str]) -> Finding | None:
    if missing := modules.missing(*names):
        return failure(
            f"no {_all(missing)} for the VFs of this node: DPDK finds no verbs device",
            fix=f"{_NEW_IMAGE} whose kernel has them (MANA: Linux 6.2, or the distribution's "
            "azure kernel)",
        )
    if unclear := modules.unclear(*names):
        return unknown(f"nothing here tells whether the kernel has {_all(unclear)}")
    return None


def _next_vf(modules: Modules) -> Finding:
    """Look at what a VF may come back as: after servicing it can be other hardware."""
    if missing := modules.missing(*_FUTURE):
        return warning(
            f"no {_all(missing)}: a VF that comes as such hardware stays unused",
            fix=f"{_NEW_IMAGE} whose kernel has them; the pod stays on its fallback until then",
        )
    if unclear := modules.unclear(*_FUTURE):
        return unknown(f"nothing here tells whether the kernel has {_all(unclear)}")
    return ok(f"{' and '.join(one.title for one in CURRENT)}, with their verbs drivers")


def hugepages(facts: NodeFacts) -> Finding:
    there = [pages for pages in facts.pages if pages.total]
    if not facts.pages:
        return unknown("/sys/kernel/mm/hugepages is not there")
    if not there:
        return warning(
            "none are reserved; a DPDK pod that requests some stays Pending",
            fix="echo 512 > /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages, best at boot "
            "(hugepages= on the kernel's command line), then systemctl restart kubelet",
        )
    if bare := _without(facts, there):
        return warning(
            f"NUMA node {_all(bare)} has a NIC and no huge page: its pods take them from afar",
            fix=f"echo 512 > /sys/devices/system/node/node{bare[0]}/hugepages/"
            "hugepages-2048kB/nr_hugepages, then systemctl restart kubelet",
        )
    return ok(", ".join(f"{pages.total} of {pages.size}, {pages.free} free" for pages in there))


def _without(facts: NodeFacts, there: list[Pages]) -> list[str]:
    nics = [one.numa_node for one in facts.netvscs or ()] + [vf.numa_node for vf in facts.vfs]
    wanted = {node for node in nics if node is not None}
    known = {node for pages in there for node in pages.by_node}
    have = {node for pages in there for node, count in pages.by_node.items() if count}
    return [str(node) for node in sorted(wanted & known - have)]


def kubelet_hugepages(facts: NodeFacts) -> Finding:
    there = [pages for pages in facts.pages if pages.total]
    if not there:
        return ok("none are reserved, so there is none to be missed")
    if not any(pages.kubelet is not None for pages in there):
        return unknown(
            "the kubelet's cgroup sets no limit here",
            fix="compare `kubectl get node -o yaml`: no hugepages in allocatable means that the "
            "kubelet counted before they were reserved; restart it",
        )
    short = [pages for pages in there if _short(pages)]
    if short:
        return failure(
            ", ".join(f"the kubelet knows {_known(pages)} of {pages.size}" for pages in short),
            fix="systemctl restart kubelet: it counts huge pages when it starts",
        )
    return ok("the kubelet knows them")


def _short(pages: Pages) -> bool:
    return pages.kubelet is not None and pages.kubelet < pages.total * pages.kib * 1024


def _known(pages: Pages) -> str:
    return f"{(pages.kubelet or 0) // (pages.kib * 1024)} of {pages.total} pages"


def _all(names: list[str]) -> str:
    return ", ".join(names)


CHECKS: tuple[Check[NodeFacts], ...] = (
    Check(
        name="kernel-version",
        tells="that rtnetlink names parent devices, by which pairs are found",
        decide=kernel_version,
    ),
    Check(
        name="netns-panic",
        tells="that the kernel survives the end of a netns with a pair inside",
        decide=netns_panic,
    ),
    Check(
        name="tap-fallback",
        tells="that fail-safe's tap finds multiq, ingress, flower, mirred and tun",
        decide=tap_fallback,
    ),
    Check(
        name="vf-modules",
        tells="that the kernel has the verbs drivers of its VFs, and of those that may follow",
        decide=vf_modules,
    ),
    Check(
        name="hugepages",
        tells="that huge pages are reserved, on the NUMA nodes of the NICs too",
        decide=hugepages,
    ),
    Check(
        name="kubelet-hugepages",
        tells="that the kubelet has counted them: it does so only when it starts",
        decide=kubelet_hugepages,
    ),
)
