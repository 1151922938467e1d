"""From a plan to the JSON Patch (RFC 6902) that carries it out; nothing is touched without need.

It is made by hand: what to add is known, so there is nothing to compare.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netvsc.model.interface_names import ANNOTATION, write_names
from netvsc.model.pool import Mode
from netvsc_operator.admission import sidecar
from netvsc_operator.admission.annotations import LABEL, VERSION, check_names
from netvsc_operator.admission.conflicts import PRELOAD, variable
from netvsc_operator.admission.eal.arguments import FOLDER, descriptor, pipe
from netvsc_operator.admission.eal.placement import VARIABLE, put, quoted
from netvsc_operator.admission.effective_settings import FAILSAFE
from netvsc_operator.admission.plan import ContainerPlan, Plan
from netvsc_operator.admission.pod.resources import raised, sidecar_resources
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.objects import Unchecked, entries, items

PROGRAM = f"{FOLDER}/bin/fdpipe"
GUARD = f"{FOLDER}/bin/guard.so"


def operations(pod: Unchecked, plan: Plan, *, sidecar_image: SidecarImage) -> list[Operation]:
    """Return the patch; raises RequestError where the pod contradicts it."""
    found = list(_metadata(entries(pod, "metadata"), plan))
    for served in plan.containers:
        found += _container(served, guarded=plan.settings.guarded)
    found += _sidecar(entries(pod, "spec"), plan, sidecar_image=sidecar_image)
    return found


def _metadata(metadata: Unchecked, plan: Plan) -> Iterator[Operation]:
    labels, annotations = entries(metadata, "labels"), entries(metadata, "annotations")
    if any(one.mode is not Mode.NONE for one in plan.containers):
        yield merge("/metadata/labels", LABEL, VERSION, to=labels)
    if not check_names(metadata, plan.names):
        text = write_names(plan.names)
        yield merge("/metadata/annotations", ANNOTATION, text, to=annotations)


def _container(served: ContainerPlan, *, guarded: bool) -> Iterator[Operation]:
    container, placement = served.container, served.placement
    if placement is None:
        return
    before = container.words("command"), container.words("args")
    command, args = put(served.words, into=placement, command=before[0], args=before[1])
    if served.mode is Mode.FAILSAFE_FD:
        command = (*_launcher(served, guarded=guarded), *command)
    for key, old, new in (("command", before[0], command), ("args", before[1], args)):
        if old != new:
            yield put_key(f"{container.place}/{key}", list(new))
    yield from _environment(served)
    if served.mode in FAILSAFE:
        mounts = items(container.spec, "volumeMounts")
        yield from append(f"{container.place}/volumeMounts", [sidecar.mount()], to=mounts)


def _launcher(served: ContainerPlan, *, guarded: bool) -> tuple[str, ...]:
    guard = () if guarded else ("--guard", "off")
    pipes = (word for pair in served.pairs for word in ("--fd", f"{descriptor(pair)}={pipe(pair)}"))
    return (PROGRAM, "exec", *guard, *pipes, "--")


def _environment(served: ContainerPlan) -> Iterator[Operation]:
    path = f"{served.container.place}/env"
    new: list[object] = []
    if served.placement and served.placement.text:
        new.append({"name": VARIABLE, "value": quoted(served.words)})
    before = variable(served.container, PRELOAD) if served.preload else None
    if before is not None:
        index, entry = before
        text = str(entry.get("value") or "")
        yield put_key(f"{path}/{index}/value", f"{text}:{GUARD}" if text else GUARD)
    elif served.preload:
        new.append({"name": PRELOAD, "value": GUARD})
    yield from append(path, new, to=items(served.container.spec, "env"))


def _sidecar(spec: Unchecked, plan: Plan, *, sidecar_image: SidecarImage) -> Iterator[Operation]:
    """Come last: an init container put in front moves the others' places."""
    pairs = plan.announced
    if not pairs:
        return
    resources = sidecar_resources(spec)
    for kind, resource, amount in raised(spec, resources):
        yield put_key(f"/spec/resources/{kind}/{resource}", amount)
    made = sidecar.container(
        pairs, settings=plan.settings, resources=resources, sidecar_image=sidecar_image
    )
    yield prepend("/spec/initContainers", made, to=items(spec, "initContainers"))
    yield from append("/spec/volumes", [sidecar.volume()], to=items(spec, "volumes"))
    secrets = items(spec, "imagePullSecrets")
    wanted = [{"name": name} for name in sidecar_image.pull_secrets]
    missing = [secret for secret in wanted if secret not in secrets]
    yield from append("/spec/imagePullSecrets", missing, to=secrets)


Operation = dict[str, object]


def escaped(key: str) -> str:
    """Return a key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def put_key(path: str, value: object) -> Operation:
    """Add a key of an object, or replace it."""
    return {"op": "add", "path": path, "value": value}


def append(path: str, values: Sequence[object], *, to: Sequence[object]) -> list[Operation]:
    """Add to the end of a list; `to` is the list as it is, empty if it is not there."""
    if not values:
        return []
    return (
        [put_key(f"{path}/-", value) for value in values] if to else [put_key(path, list(values))]
    )


def prepend(path: str, value: object, *, to: Sequence[object]) -> Operation:
    return put_key(f"{path}/0", value) if to else put_key(path, [value])


def merge(path: str, key: str, value: object, *, to: object) -> Operation:
    """Set one key of a mapping that may not be there yet."""
    return put_key(f"{path}/{escaped(key)}", value) if to else put_key(path, {key: value})
