"""An agent to which something happens at a chosen moment, before or after any one of its deeds.

It dies, or the world changes under its hands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netvsc_deviceplugin.cni.attach.attachments import Attachments
from netvsc_deviceplugin.cni.attach.checkpoint import Checkpoint, CheckpointStore
from netvsc_deviceplugin.cni.attach.executor import ExecutorConfig
from netvsc_deviceplugin.kernel.netns import Netns
from netvsc_deviceplugin.kernel.requests.linkops import Rtnl
from sim.cni.calls import CniHost


class Killed(BaseException):
    """SIGKILL: nothing in the agent gets to see this."""


def die() -> None:
    raise Killed


@dataclass(slots=True)
class Fate:
    """`what` happens at the moment number `at`; `moments` have passed, two for each deed."""

    at: int | None = None
    what: Callable[[], None] = die
    moments: int = 0

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            self.what()

    @property
    def came(self) -> bool:
        """Tell whether that moment has come."""
        return self.at is not None and self.moments >= self.at


class MortalCheckpointStore(CheckpointStore):
    def __init__(self, cni: CniHost, fate: Fate) -> None:
        super().__init__(cni.state)
        self._fate = fate

    def save(self, checkpoint: Checkpoint) -> None:
        self._fate.moment()
        super().save(checkpoint)
        self._fate.moment()

    def remove(self, container: str) -> None:
        self._fate.moment()
        super().remove(container)
        self._fate.moment()


def mortal(cni: CniHost, fate: Fate, *, patience: float = 0.001) -> Attachments:
    """Return an agent's CNI component that dies at its moment."""

    class MortalRtnl(Rtnl):
        def __init__(self, space: Netns) -> None:
            super().__init__(space)

        def _request(self, what: str, ifindex: int, request: bytes) -> None:
            fate.moment()
            super()._request(what, ifindex, request)
            fate.moment()

    means = ExecutorConfig(source=cni.source, rtnl=MortalRtnl, patience=patience)
    cni.attachments.sandboxes.close()
    cni.attachments = Attachments(
        host_ns=cni.host_ns, config=means, checkpoints=MortalCheckpointStore(cni, fate)
    )
    return cni.attachments
