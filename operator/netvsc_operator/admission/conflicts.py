"""What a pod has already and an injection would need for itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import normpath

from netvsc.encoding import checks
from netvsc.errors import RequestError
from netvsc_operator.admission.eal.arguments import FOLDER
from netvsc_operator.admission.eal.placement import VARIABLE
from netvsc_operator.admission.pod.containers import Container
from netvsc_operator.admission.sidecar import NAME, VOLUME
from netvsc_operator.objects import Unchecked, items

PRELOAD = "LD_PRELOAD"


def in_pod(spec: Unchecked, containers: Sequence[Container]) -> Iterator[str]:
    """Say what stands in the way of the sidecar and its volume."""
    if any(container.name == NAME for container in containers):
        yield f"a container is called {NAME} already: call it otherwise, the name is the sidecar's"
    if any(_named(volume, VOLUME) for volume in items(spec, "volumes")):
        yield f"a volume is called {VOLUME} already: call it otherwise, the name is the pipes'"


def check_container(container: Container, *, preload: bool) -> None:
    """Raise RequestError for what stands in the way in one container.

    `preload`: the guard has to come by the container's own environment.
    """
    for mount in items(container.spec, "volumeMounts"):
        path = checks.mapping(mount, ("volumeMounts",)).get("mountPath")
        if isinstance(path, str) and _covers(path):
            raise RequestError(f"mounts something at {path}: mount it elsewhere than in {FOLDER}")
    if variable(container, VARIABLE) is not None:
        raise RequestError(
            f"sets the environment variable {VARIABLE}, which is where DPDK's arguments come: "
            "call yours otherwise"
        )
    before = variable(container, PRELOAD) if preload else None
    if before is not None and not isinstance(before[1].get("value", ""), str | None):
        raise RequestError(f"sets {PRELOAD} to no text: write a text")
    if before is not None and before[1].get("valueFrom"):
        raise RequestError(
            f"sets {PRELOAD} from elsewhere, so the guard cannot be added to it: write its value, "
            "or say netvsc.io/guard: off"
        )


def variable(container: Container, name: str) -> tuple[int, Unchecked] | None:
    """Return where an environment variable stands, and its entry; the last one counts."""
    found = None
    for index, entry in enumerate(items(container.spec, "env")):
        if _named(entry, name):
            found = index, checks.mapping(entry, ("env", index))
    return found


def _named(thing: object, name: str) -> bool:
    return checks.mapping(thing, ()).get("name") == name


def _covers(path: str) -> bool:
    found = normpath(path)
    found = found.removeprefix("/var") if found.startswith("/var/run") else found
    return found == FOLDER or found.startswith(f"{FOLDER}/")
