"""Pods as dictionaries, and what the cluster says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.harness.config import TOOLS_IMAGE

if TYPE_CHECKING:
    from cluster.harness import Cluster

Object = dict[str, Any]
WAIT = "--timeout=60s"


def container(name: str, *command: str, resource: str = "", **more: Any) -> Object:
    """The small tools, and one device if a resource is named."""
    made: Object = {"name": name, "image": TOOLS_IMAGE, "command": [*command], **more}
    if resource:
        made["resources"] = {"limits": {resource: "1"}}
    return made


def pod(name: str, *containers: Object, metadata: Object | None = None, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, **(metadata or {})},
        # A shell as process 1 does not hear SIGTERM: no test waits half a minute for it.
        "spec": {"terminationGracePeriodSeconds": 0, "containers": [*containers], **spec},
    }


class Pods:
    """The pods of one namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.namespace = namespace
        self._cluster = cluster

    def start(self, made: Object, *, condition: str = "Ready") -> str:
        """Create a pod and wait for its condition."""
        self.create(made)
        name: str = made["metadata"]["name"]
        self.wait(name, f"condition={condition}")
        return name

    def create(self, made: Object) -> None:
        self._cluster.apply(made, namespace=self.namespace)

    def wait(self, name: str, what: str) -> None:
        self._cluster.kubectl("wait", f"--for={what}", f"pod/{name}", "-n", self.namespace, WAIT)

    def get(self, name: str) -> Object:
        return self._cluster.get("pod", name, "-n", self.namespace)

    def status(self, name: str, container: str) -> Object:
        several = self.get(name)["status"]["containerStatuses"]
        found: Object = next(status for status in several if status["name"] == container)
        return found

    def logs(self, name: str, container: str = "main", *, previous: bool = False) -> list[str]:
        more = ["--previous"] if previous else []
        said = self._cluster.kubectl("logs", name, "-c", container, "-n", self.namespace, *more)
        return said.splitlines()

    def run(self, name: str, *command: str, container: str = "main") -> str:
        where = ("-n", self.namespace, name, "-c", container)
        return self._cluster.kubectl("exec", *where, "--", *command)

    def reasons(self, name: str) -> list[str]:
        """What the events of a pod say, oldest first."""
        chosen = f"--field-selector=involvedObject.name={name}"
        events = self._cluster.get("events", "-n", self.namespace, chosen)
        return [f"{event['reason']}: {event['message']}" for event in events["items"]]
