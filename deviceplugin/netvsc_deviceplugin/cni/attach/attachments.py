"""Containers and their pairs: in, out, and right again after a crash. Synchronous, one at a time.

All or nothing: a pair that cannot go in whole goes back to the host, and so do the
others of its container.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from netvsc.errors import NetvscError, NodeError, RequestError, RetryError
from netvsc.host.log_once import LogOnce
from netvsc.model.mac import mac_of
from netvsc_deviceplugin.cni.attach import plan, records
from netvsc_deviceplugin.cni.attach.checkpoint import (
    Checkpoint,
    CheckpointStore,
    ContainerPhase,
    PairRecord,
)
from netvsc_deviceplugin.cni.attach.executor import Executor, ExecutorConfig
from netvsc_deviceplugin.cni.attach.interfaces import NetnsLink, read_interfaces
from netvsc_deviceplugin.cni.attach.plan import Goal, PairLocation
from netvsc_deviceplugin.cni.attach.records import Target, Want
from netvsc_deviceplugin.cni.attach.sandboxes import Sandboxes
from netvsc_deviceplugin.kernel.netns import GoneError, Netns, exists

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A pair in its pod."""

    id: str
    netvsc: NetnsLink
    vf: NetnsLink | None


def _nothing_forced() -> Mapping[str, int]:
    return {}


@dataclass(slots=True, kw_only=True)
class Attachments:
    """`host_ns` is the host's; `forced` gives ifindexes of netdevs that play NetVSC, by id."""

    host_ns: Netns
    config: ExecutorConfig
    checkpoints: CheckpointStore
    sandboxes: Sandboxes = field(default_factory=Sandboxes)
    forced: Callable[[], Mapping[str, int]] = _nothing_forced
    _once: LogOnce = field(default_factory=lambda: LogOnce(log))
    # A VF that comes back while its pair is inside may have another name on the host than the
    # first: kept here too, for a disk may be full.
    _left: dict[str, str] = field(default_factory=dict)

    def add(self, target: Target, wants: Sequence[Want]) -> tuple[Attached, ...]:
        """Bring pairs into a container; raises NetvscError, and then they are on the host."""
        self._take_over(target, wants)
        return self._add(target, wants, still=lambda: exists(target.netns))

    def add_deferred(
        self, target: Target, wants: Sequence[Want], *, still: Callable[[], bool]
    ) -> tuple[Attached, ...]:
        """Bring pairs into a container whose ADD is long over, unless `still` says it ended.

        A pair that another container has stays there: that one's ADD came later, or its DEL is to
        come. Raises as `add`.
        """
        for checkpoint in tuple(self.checkpoints.all()):
            if not any(checkpoint.pair(want.id) for want in wants):
                continue
            if checkpoint.container == target.container:
                raise RequestError(f"container {checkpoint.container} has its pair already")
            raise RetryError(f"container {checkpoint.container} has not given its pair back yet")
        return self._add(target, wants, still=still)

    def delete(self, container: str, *, netns: str = "", attachment: str | None = None) -> None:
        """Move a container's pairs to the host, all or an attachment's; done twice is fine.

        Raises NetvscError while something is still inside.
        """
        checkpoint = self.checkpoints.get(container)
        with ExitStack() as stack:
            pod_ns = self.sandboxes.get(container) or self._open(
                stack, netns or (checkpoint.netns if checkpoint else "")
            )
            if not checkpoint and not (
                pod_ns and records.unrecorded(read_interfaces(pod_ns, self.config.source), ())
            ):
                return
            executor = stack.enter_context(self._executor(pod_ns))
            mine, rest = records.split(checkpoint, attachment)
            if checkpoint:
                self._save(checkpoint.with_phase(ContainerPhase.LEAVING))
            self._all_to_host(
                executor, [*mine, *records.unrecorded(executor.all_interfaces(), (*mine, *rest))]
            )
        if checkpoint:
            self._leave(checkpoint, rest)

    def check(self, target: Target) -> frozenset[str]:
        """Return the interfaces that the attachment brought; a VF may be away.

        Raises NodeError unless it is there.
        """
        checkpoint = self.checkpoints.get(target.container)
        mine = (
            [h for h in checkpoint.pairs if h.attachment == target.attachment] if checkpoint else []
        )
        if not mine:
            return frozenset()
        with Netns.open(target.netns) as pod_ns, self._executor(pod_ns) as executor:
            interfaces = executor.all_interfaces()
        for record in mine:
            netvsc = plan.locate_pair(record.mac, interfaces).netvsc
            if (
                not netvsc
                or netvsc.link.netns != pod_ns.name
                or netvsc.link.name != record.interface
            ):
                raise NodeError(f"pair {record.id} is not {record.interface} of {target.netns}")
        return frozenset(record.interface for record in mine)

    def collect(self, network: str, valid: Collection[tuple[str, str]]) -> None:
        """Move to the host what is no valid attachment (container id, CNI_IFNAME) of a network.

        Raises NodeError for what is stuck, when all else is on the host.
        """
        stuck = []
        for checkpoint in tuple(self.checkpoints.all()):
            mine = {record.attachment for record in checkpoint.pairs if record.network == network}
            for attachment in mine:
                if (checkpoint.container, attachment) in valid:
                    continue
                try:
                    self.delete(checkpoint.container, attachment=attachment)
                except NetvscError as error:
                    stuck.append(f"container {checkpoint.container}: {error}")
        if stuck:
            raise NodeError("; ".join(stuck))

    def restore(self) -> bool:
        """Make every container whole, or free its pairs: after a restart, and when a VF returned.

        Return whether all is as it should be: nothing tells when what was refused would succeed.
        """
        well = True
        for checkpoint in tuple(self.checkpoints.all()):
            try:
                self._restore(checkpoint)
                self._once.over(checkpoint.container)
            except NetvscError as error:
                self._once.warning(
                    f"cannot restore container {checkpoint.container}: {error}",
                    about=checkpoint.container,
                    extra=checkpoint.log_fields,
                )
                well = False
        return self._orphans() and well

    def ended(self) -> bool:
        """Tell whether a netns that has a pair inside has lost its name."""
        return any(not exists(ns.path or "/") for ns in self.sandboxes.all().values())

    def _restore(self, checkpoint: Checkpoint) -> None:
        if not checkpoint.netns:
            return  # it makes no sense; its DEL will name the netns
        try:
            pod_ns = self.sandboxes.hold(checkpoint.container, checkpoint.netns)
        except (GoneError, RequestError):
            self.delete(checkpoint.container)
            return
        if checkpoint.phase is not ContainerPhase.INSIDE or not exists(checkpoint.netns):
            self.delete(checkpoint.container)
            return
        with self._executor(pod_ns) as executor:
            for record in checkpoint.pairs:
                self._bring(executor, pod_ns, record)

    def _orphans(self) -> bool:
        """Name right what came to the host without us: its netns died, or nobody called DEL."""
        well = True
        record = {record.id for checkpoint in self.checkpoints.all() for record in checkpoint.pairs}
        with self._executor(None) as executor:
            lost = [
                one
                for one in records.unrecorded(executor.all_interfaces(), ())
                if one.id not in record
            ]
            for one in lost:
                try:
                    goal = Goal(netns=None, name=one.home, up=False)
                    executor.own_again(executor.settle(one.mac, goal), mtu=None)
                except NetvscError as error:
                    self._once.warning(
                        f"cannot rename pair {one.id} on the host: {error}",
                        about=one.id,
                        extra={"pair": one.id},
                    )
                    well = False
        return well

    def _add(
        self, target: Target, wants: Sequence[Want], *, still: Callable[[], bool]
    ) -> tuple[Attached, ...]:
        try:
            pod_ns = self.sandboxes.hold(target.container, target.netns)
            if pod_ns.inode == self.host_ns.inode:
                raise RequestError(
                    f"{target.netns} is the host's own: a hostNetwork pod has no CNI"
                )
            with self._executor(pod_ns) as executor:
                return self._enter(executor, pod_ns, target, wants, still)
        finally:
            if not self.checkpoints.get(target.container):
                self.sandboxes.drop(target.container)

    def _executor(self, pod_ns: Netns | None) -> Executor:
        return Executor(self.host_ns, pod_ns, self.config, leaves=self._leaves)

    def _leaves(self, mac: str, name: str) -> None:
        """Write down, before it goes, a VF's name on the host: we may die while it is away."""
        self._left[mac] = name
        for checkpoint in tuple(self.checkpoints.all()):
            if any(record.mac == mac and record.vf_home != name for record in checkpoint.pairs):
                try:
                    self._save(checkpoint)
                except NodeError as error:
                    text = f"cannot record the name of VF {name}: {error}"
                    self._once.warning(text, about=mac, extra=checkpoint.log_fields)

    def _save(self, checkpoint: Checkpoint) -> None:
        pairs = tuple(records.renewed(record, self._left) for record in checkpoint.pairs)
        self.checkpoints.save(replace(checkpoint, pairs=pairs))

    def _open(self, stack: ExitStack, netns: str) -> Netns | None:
        if not netns:
            return None
        try:
            return stack.enter_context(Netns.open(netns))
        except (GoneError, RequestError):  # an empty file where a netns was mounted is gone too
            return None

    def _take_over(self, target: Target, wants: Sequence[Want]) -> None:
        """Take back what another container has: the kubelet says that it is that one's no more."""
        for checkpoint in tuple(self.checkpoints.all()):
            if checkpoint.container == target.container:
                continue
            for want in wants:
                if record := checkpoint.pair(want.id):
                    log.warning(
                        "container %s did not release pair %s", checkpoint.container, want.id,
                        extra={"pair": want.id, **checkpoint.log_fields},
                    )  # fmt: skip
                    self.delete(checkpoint.container, attachment=record.attachment)

    def _enter(
        self,
        executor: Executor,
        pod_ns: Netns,
        target: Target,
        wants: Sequence[Want],
        still: Callable[[], bool],
    ) -> tuple[Attached, ...]:
        before = self.checkpoints.get(target.container)
        checkpoint = self._entering(target, wants, executor.all_interfaces(), before)
        self.checkpoints.save(checkpoint)
        if not still():  # only now: from here on a DEL without us fails, as it finds the checkpoint
            self.checkpoints.remove(target.container)
            raise GoneError(f"container {target.container} has ended meanwhile")
        mine = [record for record in checkpoint.pairs if record.id in {want.id for want in wants}]
        try:
            found = tuple(self._bring(executor, pod_ns, record) for record in mine)
        except Exception:
            self._back(executor, checkpoint, mine)
            raise
        self._save(checkpoint.with_phase(ContainerPhase.INSIDE))
        return found

    def _entering(
        self,
        target: Target,
        wants: Sequence[Want],
        interfaces: Iterable[NetnsLink],
        before: Checkpoint | None,
    ) -> Checkpoint:
        """Return the checkpoint that says what is about to happen; raises if it could not."""
        interfaces, forced = tuple(interfaces), self.forced()
        fresh = []
        for want in wants:
            location = plan.locate_pair(mac_of(want.id), interfaces, forced=forced.get(want.id))
            records.check_name(want, target, location, interfaces)
            fresh.append(records.record_of(want, target, location, before))
        others = [h for h in before.pairs if h.id not in {w.id for w in wants}] if before else []
        return Checkpoint(
            container=target.container,
            netns=target.netns,
            namespace=target.namespace,
            pod=target.pod,
            uid=target.uid,
            phase=ContainerPhase.ENTERING,
            pairs=(*others, *fresh),
        )

    def _bring(self, executor: Executor, pod_ns: Netns, record: PairRecord) -> Attached:
        goal = Goal(netns=pod_ns.name, name=record.interface)
        forced = self.forced().get(record.id)
        location = executor.settle(
            record.mac, goal, host_names=records.host_names(record), forced=forced
        )
        if not location.netvsc or not plan.arrived(location, goal):
            raise RetryError(f"pair {record.id} is not on this node now; is its NIC attached?")
        return Attached(id=record.id, netvsc=location.netvsc, vf=location.vf)

    def _back(self, executor: Executor, checkpoint: Checkpoint, mine: Sequence[PairRecord]) -> None:
        """Undo an ADD; a pair that cannot go back now stays recorded, and `restore` tries again."""
        stuck = []
        for record in mine:
            try:
                self._to_host(executor, record)
            except NetvscError as error:
                log.warning(
                    "pair %s is stuck in %s: %s", record.id, checkpoint.netns, error,
                    extra={"pair": record.id, **checkpoint.log_fields},
                )  # fmt: skip
                stuck.append(record)
        if not stuck:
            self._leave(checkpoint, [record for record in checkpoint.pairs if record not in mine])

    def _leave(self, checkpoint: Checkpoint, rest: Sequence[PairRecord]) -> None:
        """Write down what is left inside."""
        if rest:
            self._save(replace(checkpoint, pairs=tuple(rest), phase=ContainerPhase.INSIDE))
        else:
            self.checkpoints.remove(checkpoint.container)
            self.sandboxes.drop(checkpoint.container)

    def _all_to_host(self, executor: Executor, pairs: Iterable[PairRecord]) -> None:
        for record in pairs:
            location = self._to_host(executor, record)
            if location.netvsc is None:
                log.warning(
                    "pair %s not found on the node: its NIC was detached, or died", record.id,
                    extra={"pair": record.id},
                )  # fmt: skip

    def _to_host(self, executor: Executor, record: PairRecord) -> PairLocation:
        goal = Goal(netns=None, name=record.home, up=record.up)
        forced = self.forced().get(record.id)
        host_names = records.host_names(records.renewed(record, self._left))
        location = executor.settle(record.mac, goal, host_names=host_names, forced=forced)
        executor.own_again(location, mtu=record.mtu)
        self._left.pop(record.mac, None)
        return location
