"""Whose the NICs are, and whether kubelet, runtime and agent do their part."""

from __future__ import annotations

import json

from netvsc.drivers import CURRENT
from netvsc.model.status import ForeignState, NodeStatus, Truth
from netvsc_deviceplugin.cli.doctor.facts import NodeFacts, PluginBinary, VfFunction
from netvsc_deviceplugin.cli.doctor.finding import Check, Finding, failure, ok, unknown, warning
from netvsc_deviceplugin.cni.chain import conflist
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept

_KERNEL, _UIO = "hv_netvsc", "uio_hv_generic"
_GOOD = {"Ready", "PoolsAccepted", "PodResources", "ChainInstalled"}
_BAD = {"Unmatched", "Uninstalled"}


def netvsc_bound(facts: NodeFacts) -> Finding:
    if facts.netvscs is None:
        return warning(
            "there is no VMBus: this is no Azure VM", fix="run it on a node: docs/doctor.md"
        )
    lost = [one.guid for one in facts.netvscs if one.driver is None]
    if lost:
        return failure(
            f"no driver has {', '.join(lost)}",
            fix=f"echo {lost[0]} > /sys/bus/vmbus/drivers/{_KERNEL}/bind; if that fails only a "
            "restart of the VM brings it back",
        )
    away = [one.guid for one in facts.netvscs if one.driver == _UIO]
    if away:
        return warning(
            f"{', '.join(away)} is bound to {_UIO}: no netdev, so no pair",
            fix=f"stop what uses it; echo {away[0]} > /sys/bus/vmbus/drivers/{_UIO}/unbind; "
            f"echo {away[0]} > /sys/bus/vmbus/drivers/{_KERNEL}/bind",
        )
    return ok(f"{len(facts.netvscs)}, the kernel's all of them")


def verbs_devices(facts: NodeFacts) -> Finding:
    if not facts.vfs:
        return ok("no VF is here at the moment")
    unbound = [vf.pci for vf in facts.vfs if vf.driver is None]
    if unbound:
        return failure(
            f"no driver has taken {', '.join(unbound)}",
            fix=f"dmesg says why; modprobe {' or '.join(one.name for one in CURRENT)}",
        )
    bare = [vf for vf in facts.vfs if not vf.verbs]
    if bare:
        modules = sorted({vf.infiniband_module for vf in bare if vf.infiniband_module})
        return failure(
            f"{', '.join(map(_called, bare))} has no verbs device: DPDK cannot use it",
            fix=f"modprobe {' '.join(modules)} ib_uverbs",
        )
    return _device_files(facts)


def _device_files(facts: NodeFacts) -> Finding:
    gone = [name for vf in facts.vfs for name in vf.verbs if name not in vf.nodes]
    if gone:
        return failure(
            f"/dev/infiniband has no {', '.join(gone)}, so a pod is given none",
            fix="udevadm trigger --subsystem-match=infiniband_verbs",
        )
    if not facts.rdma_cm:
        return warning("/dev/infiniband has no rdma_cm", fix="modprobe rdma_ucm")
    return ok(", ".join(f"{vf.pci} {vf.driver} {'+'.join(vf.verbs)}" for vf in facts.vfs))


def _called(vf: VfFunction) -> str:
    return f"{vf.pci} ({vf.driver})"


def nic_owner(facts: NodeFacts) -> Finding:
    if facts.copy is not None:
        foreign = accept(facts.copy.generation, facts.copy.spec, AcceptedSpec()).foreign
        allocated = [one for one in foreign if one.state is ForeignState.ALLOCATED]
        if allocated:
            names = ", ".join(f"{one.interface} ({one.owner})" for one in allocated)
            return failure(
                f"another driver has given {names} to a pod",
                fix="give each NIC one owner: docs/aks.md, step 2",
            )
        if foreign:
            names = ", ".join(f"{one.interface} ({one.owner})" for one in foreign)
            return warning(
                f"another driver lists {names}, and could give it away too",
                fix="take these nodes out of it (docs/aks.md, step 2), or `foreignOwner: ignore` "
                "in the pool (docs/pools.md)",
            )
        return ok("no other driver claims a NIC")
    if facts.dranet:
        return warning(
            "DRANET's driver dra.net is registered with this kubelet, and lists every NIC",
            fix="turn it off for this node pool: docs/aks.md, step 2",
        )
    return unknown("no agent has written what the controller knows of other owners")


def kubelet(facts: NodeFacts) -> Finding:
    if facts.sockets is None:
        return unknown("/var/lib/kubelet is not to be seen")
    if not facts.sockets.plugins:
        return failure(
            "device-plugins/kubelet.sock is not there: the kubelet is down, or keeps it elsewhere",
            fix="systemctl status kubelet; the folder is /var/lib/kubelet/device-plugins, always",
        )
    if not facts.sockets.podresources:
        return failure(
            "pod-resources/kubelet.sock is not there: nobody tells who holds which pair",
            fix="kubectl get node: the agent needs Kubernetes 1.30 or newer, where that API cannot "
            "be off",
        )
    return ok("device-plugins and pod-resources answer at their sockets")


def cni_chain(facts: NodeFacts) -> Finding:
    if facts.cni is None:
        return unknown("/etc/cni/net.d is not to be seen")
    name = facts.cni.conflist
    if name is None:
        return failure(
            "no network configuration for the runtime", fix="install a network first: docs/cni.md"
        )
    try:
        others = conflist.without_us(facts.cni.text)
    except conflist.ConflistError as error:
        return failure(
            f"{name} {error}",
            fix="put it right, or serve pairs by Multus (`cni.mode: served`): docs/cni.md",
        )
    if others == facts.cni.text:
        return warning(
            f"{name} does not name {conflist.TYPE}: pods get no pair, unless by Multus",
            fix="kubectl describe nvn: the condition ChainInstalled says why (docs/agent-node.md); "
            "Cilium: cni.exclusive=false",
        )
    plugins = json.loads(facts.cni.text)["plugins"]
    if plugins[-1].get("type") != conflist.TYPE:
        return warning(
            f"{name} has another plugin behind {conflist.TYPE}",
            fix="kubectl rollout restart daemonset/netvsc-deviceplugin: it puts itself last",
        )
    return ok(f"{name} ends with {conflist.TYPE}")


def cni_program(facts: NodeFacts) -> Finding:
    if facts.cni is None:
        return unknown("/etc/cni/net.d is not to be seen, so nor is what it would run")
    text = f"/opt/cni/bin/{conflist.TYPE} {facts.cni.program}"
    match facts.cni.program:
        case PluginBinary.RUNS:
            return ok(text)
        case PluginBinary.ABSENT:
            chained = conflist.TYPE.encode() in facts.cni.text
            fix = "start the agent with --cni chained or served: it installs it (docs/cni.md)"
            return failure(text, fix=fix) if chained else warning(text, fix=fix)
        case PluginBinary.NO_MODE:
            return failure(text, fix=f"chmod 0755 /opt/cni/bin/{conflist.TYPE}")
    return failure(text, fix="mount -o remount,exec its mount, or another folder in cni.binDir")


def agent(facts: NodeFacts) -> Finding:
    if facts.copy is None or facts.copy.status is None:
        return warning(
            "no agent has written its NetvscNode here",
            fix="kubectl get pods -A -o wide -l app.kubernetes.io/name=netvsc-deviceplugin: does "
            "the DaemonSet's nodeSelector take this node? `kubectl logs` says the rest",
        )
    status = facts.copy.status
    if status.conflicts:
        return failure(status.conflicts[0], fix="docs/runbooks/pairing-conflict.md")
    bad = [one for one in status.conditions if one.type in _GOOD and one.status is Truth.FALSE]
    if bad:
        return failure(
            "; ".join(f"{one.type} is False, {one.reason}: {one.message}" for one in bad),
            fix="docs/agent-node.md has each condition's meaning",
        )
    return _complaint(status) or _pairs(status)


def _complaint(status: NodeStatus) -> Finding | None:
    """Return what works, and not as somebody wished: conditions that are bad news when True."""
    bad = [one for one in status.conditions if one.type in _BAD and one.status is Truth.TRUE]
    text = "; ".join(f"{one.type}: {one.message or one.reason}" for one in bad)
    return warning(text, fix="docs/agent-node.md has each condition's meaning") if bad else None


def _pairs(status: NodeStatus) -> Finding:
    counts = status.summary
    if not counts.pairs:
        why = "; ".join(f"{one.interface}: {one.reason}" for one in status.excluded) or "no NetVSC"
        return warning(f"no pair is offered ({why})", fix="docs/pairs.md has each reason's remedy")
    return ok(f"pairs: {counts.pairs}, free: {counts.free}, on their VF: {counts.on_vf}")


CHECKS: tuple[Check[NodeFacts], ...] = (
    Check(
        name="netvsc-bound",
        tells="that the kernel drives every NetVSC: none is left to uio_hv_generic, or to nobody",
        decide=netvsc_bound,
    ),
    Check(
        name="verbs-devices",
        tells="that every VF has a driver, a verbs device, and its file in /dev/infiniband",
        decide=verbs_devices,
    ),
    Check(
        name="nic-owner",
        tells="that no other driver, such as AKS's DRANET, gives away the same NICs",
        decide=nic_owner,
    ),
    Check(
        name="kubelet",
        tells="that the kubelet's two sockets are there",
        decide=kubelet,
    ),
    Check(
        name="cni-chain",
        tells="that the runtime's network configuration makes sense, and ends with netvsc-cni",
        decide=cni_chain,
    ),
    Check(
        name="cni-program",
        tells="that the runtime can run netvsc-cni: there, executable, not on a noexec mount",
        decide=cni_program,
    ),
    Check(
        name="agent",
        tells="what the agent itself complains of",
        decide=agent,
    ),
)
