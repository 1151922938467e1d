"""An agent that dies at a chosen moment: before or after any one thing it does to the world."""

from __future__ import annotations

from dataclasses import dataclass

from netvsc_deviceplugin.cni.apply import Means
from netvsc_deviceplugin.cni.attachments import Attachments
from netvsc_deviceplugin.cni.markers import Marker, Markers
from netvsc_deviceplugin.cni.rtnl import Rtnl
from netvsc_deviceplugin.cni.space import Space
from sim.cni import CniHost


class Killed(BaseException):
    """SIGKILL: nothing in the agent gets to see this."""


@dataclass(slots=True)
class Fate:
    """Dies at the moment number `at`; `moments` have passed. Two moments for each deed."""

    at: int | None = None
    moments: int = 0

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed


class MortalMarkers(Markers):
    def __init__(self, cni: CniHost, fate: Fate) -> None:
        super().__init__(cni.state)
        self._fate = fate

    def save(self, marker: Marker) -> None:
        self._fate.moment()
        super().save(marker)
        self._fate.moment()

    def remove(self, container: str) -> None:
        self._fate.moment()
        super().remove(container)
        self._fate.moment()


def mortal(cni: CniHost, fate: Fate, *, patience: float = 0.001) -> Attachments:
    """Return an agent's CNI half that dies at its moment."""

    class MortalRtnl(Rtnl):
        def __init__(self, space: Space) -> None:
            super().__init__(space)

        def _request(
            self, what: str, kind: int, ifindex: int, body: bytes, *, flags: int = 0
        ) -> None:
            fate.moment()
            super()._request(what, kind, ifindex, body, flags=flags)
            fate.moment()

    means = Means(source=cni.source, rtnl=MortalRtnl, patience=patience)
    cni.attachments.sandboxes.close()
    cni.attachments = Attachments(home=cni.home, means=means, markers=MortalMarkers(cni, fate))
    return cni.attachments
