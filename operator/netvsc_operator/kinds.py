"""The kinds of objects that are read and written, and their URLs."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`group` is empty for the core's; `plural` is the name in URLs."""

    group: str = ""
    version: str = "v1"
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(
        self, *, namespace: str | None = None, name: str | None = None, part: str | None = None
    ) -> str:
        """Return the URL's path; `part` is a subresource such as `status`."""
        steps = ["apis", self.group] if self.group else ["api"]
        steps.append(self.version)
        if namespace:
            steps += ["namespaces", namespace]
        steps.append(self.plural)
        steps += [step for step in (name, part) if step]
        return "/" + "/".join(quote(step, safe="") for step in steps)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NODES = Kind(plural="nodes")
PODS = Kind(plural="pods")
SECRETS = Kind(plural="secrets")
EVENTS = Kind(group="events.k8s.io", plural="events")
CRDS = Kind(group="apiextensions.k8s.io", plural="customresourcedefinitions")
MUTATING = Kind(group="admissionregistration.k8s.io", plural="mutatingwebhookconfigurations")
VALIDATING = Kind(group="admissionregistration.k8s.io", plural="validatingwebhookconfigurations")
NETVSC_NODES = Kind(group="netvsc.io", version="v1alpha1", plural="netvscnodes")
NETVSC_POOLS = Kind(group="netvsc.io", version="v1alpha1", plural="netvscpools")
