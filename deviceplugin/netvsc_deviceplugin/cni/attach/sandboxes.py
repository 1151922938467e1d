"""Keeps open the network namespaces of the containers that have a pair inside.

While we hold one it cannot end: whoever removes it without a DEL, the pair can still be moved back
to the host.
"""

from __future__ import annotations

from collections.abc import Mapping

from netvsc_deviceplugin.kernel.netns import GoneError, Netns


class Sandboxes:
    """Open network namespaces by container id."""

    def __init__(self) -> None:
        self._namespaces: dict[str, Netns] = {}

    def all(self) -> Mapping[str, Netns]:
        return dict(self._namespaces)

    def get(self, container: str) -> Netns | None:
        return self._namespaces.get(container)

    def hold(self, container: str, path: str) -> Netns:
        """Return the container's netns, open until `drop`; raises GoneError or RequestError."""
        known = self._namespaces.get(container)
        try:
            found = Netns.open(path)
        except GoneError:
            if known:
                return known
            raise
        if known and known.inode == found.inode:
            found.close()
            return known
        self.drop(container)
        self._namespaces[container] = found
        return found

    def drop(self, container: str) -> None:
        if ns := self._namespaces.pop(container, None):
            ns.close()

    def close(self) -> None:
        for container in tuple(self._namespaces):
            self.drop(container)
