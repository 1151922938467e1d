"""The network namespaces of the containers that have a pair inside, held open.

While we hold one it cannot end: whoever removes it without a DEL, the pair can still come home.
"""

from __future__ import annotations

from collections.abc import Mapping

from netvsc_deviceplugin.kernel.netns import GoneError, Netns


class Sandboxes:
    """By container id."""

    def __init__(self) -> None:
        self._spaces: dict[str, Netns] = {}

    def all(self) -> Mapping[str, Netns]:
        return dict(self._spaces)

    def held(self, container: str) -> Netns | None:
        return self._spaces.get(container)

    def hold(self, container: str, path: str) -> Netns:
        """Return the container's netns, open until `drop`; raises GoneError or RequestError."""
        held = self._spaces.get(container)
        try:
            found = Netns.at(path)
        except GoneError:
            if held:
                return held
            raise
        if held and held.inode == found.inode:
            found.close()
            return held
        self.drop(container)
        self._spaces[container] = found
        return found

    def drop(self, container: str) -> None:
        if space := self._spaces.pop(container, None):
            space.close()

    def close(self) -> None:
        for container in tuple(self._spaces):
            self.drop(container)
