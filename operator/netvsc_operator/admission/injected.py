"""Pods that were served before: their label and their annotation are this webhook's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netvsc.errors import RequestError
from netvsc.model.interface_names import ANNOTATION, Names, read_names
from netvsc_operator.admission.pod.containers import Container, Kind, Object, entries

LABEL = "netvsc.io/injected"
VERSION = "v1"


def own_words(metadata: Object, containers: Sequence[Container]) -> bool:
    """Tell whether the pod was injected.

    Raises RequestError if it says so and does not look so: then the pod was changed since, and
    its arguments and interfaces would not fit its pairs.
    """
    if LABEL not in entries(metadata, "labels"):
        return False
    text = entries(metadata, "annotations").get(ANNOTATION)
    names = read_names(text) if isinstance(text, str) else {}
    if _counts(names) != _kept(containers):
        raise RequestError(
            f"the pod is labelled {LABEL}, but its annotation {ANNOTATION} does not fit the pairs "
            "that its containers ask for: remove both and what was injected, or start from the "
            "pod as it was written"
        )
    return True


def check_names(metadata: Object, names: Names) -> bool:
    """Tell whether the annotation is there and says this; raises RequestError if it says else."""
    text = entries(metadata, "annotations").get(ANNOTATION)
    if text is None:
        return False
    if not isinstance(text, str) or read_names(text) != names:
        raise RequestError(
            f"annotation {ANNOTATION} is the webhook's to write, and it would write "
            f"{_shown(names)}: remove it"
        )
    return True


def _counts(names: Names) -> Mapping[tuple[str, str], int]:
    return {
        (container, resource): len(interfaces)
        for container, by in names.items()
        for resource, interfaces in by.items()
    }


def _kept(containers: Sequence[Container]) -> Mapping[tuple[str, str], int]:
    return {
        (container.name, resource): count
        for container in containers
        if container.kind is not Kind.INIT
        for resource, count in container.pairs.items()
    }


def _shown(names: Names) -> str:
    every = (name for by in names.values() for several in by.values() for name in several)
    return ", ".join(every)
