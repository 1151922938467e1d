"""Which pods have no sidecar: nothing announces a VF there, and nothing is going to."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from netvsc.errors import NetvscError
from netvsc_operator.kinds import PODS
from netvsc_operator.kubectl.api import Api
from netvsc_operator.kubectl.pairs import Pod
from netvsc_operator.objects import Object

_AT_ONCE = 8


def has_sidecar(pod: Object) -> bool:
    # Admission takes longer to load than all else here, and few listings come to ask for a pod.
    from netvsc_operator.admission.sidecar import NAME  # noqa: PLC0415

    return any(one.get("name") == NAME for one in pod["spec"].get("initContainers") or [])


class SidecarLookup:
    """Asks for each pod once; of one that cannot be looked at nothing is claimed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[Pod, bool] = {}

    def without(self, pods: Collection[Pod]) -> frozenset[Pod]:
        """Return those of the pods that have no sidecar."""
        self._known = {pod: has for pod, has in self._known.items() if pod in pods}
        unknown = [pod for pod in pods if pod not in self._known]
        with ThreadPoolExecutor(_AT_ONCE) as several:
            list(several.map(self._ask, unknown))
        return frozenset(pod for pod in pods if self._known.get(pod) is False)

    def _ask(self, pod: Pod) -> None:
        namespace, name, uid = pod
        try:
            found = self._api.get(PODS, name, namespace=namespace)
        except NetvscError:
            return
        if uid in {None, found["metadata"]["uid"]}:
            self._known[pod] = has_sidecar(found)
