"""Which pods have no sidecar: nothing announces a VF there, and nothing is going to."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from netvsc.errors import NetvscError
from netvsc_operator.admission.sidecar import NAME
from netvsc_operator.kube import PODS, Kube, Object
from netvsc_operator.kubectl.held import Pod


def has_sidecar(pod: Object) -> bool:
    return any(one.get("name") == NAME for one in pod["spec"].get("initContainers") or [])


class Sidecars:
    """Asks for each pod once; of one that cannot be looked at nothing is claimed."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._known: dict[Pod, bool] = {}

    async def without(self, pods: Collection[Pod]) -> frozenset[Pod]:
        """Return those of the pods that have no sidecar."""
        self._known = {pod: has for pod, has in self._known.items() if pod in pods}
        await asyncio.gather(*(self._ask(pod) for pod in pods if pod not in self._known))
        return frozenset(pod for pod in pods if self._known.get(pod) is False)

    async def _ask(self, pod: Pod) -> None:
        namespace, name, uid = pod
        try:
            found = await self._kube.get(PODS, name, namespace=namespace)
        except NetvscError:
            return
        if uid in {None, found["metadata"]["uid"]}:
            self._known[pod] = has_sidecar(found)
