"""Kubernetes manifests in YAML: the pods in them, and the pools."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from netvsc.errors import ConfigError, RequestError
from netvsc.model.pool import Pool, pools_from
from netvsc_operator.objects import Object
from netvsc_operator.pools.netvscpool import pool_of

_TEMPLATE = ("spec", "template")
_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "CronJob": ("spec", "jobTemplate", *_TEMPLATE),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        _TEMPLATE,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One object that makes pods; `name` is such as `deployment/fwd`."""

    name: str
    whole: Object
    pod: Object
    path: tuple[str, ...]

    def changed(self, change: Callable[[Object], None]) -> Object:
        """Return the whole with its pod changed, and leave this one as it is."""
        whole = copy.deepcopy(self.whole)
        change(_at(whole, self.path))
        return whole


class _Loader(yaml.SafeLoader):
    """YAML as kubectl reads it: `on` and `yes` are still what YAML 1.1 says, times are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """As people write it: no references between objects that are equal."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def objects_in(text: str) -> list[Object]:
    """Return every object of every document, Lists opened; raises RequestError if not YAML."""
    try:
        documents = [_unshared(one) for one in yaml.load_all(text, Loader=_Loader)]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RequestError(f"line {line}: no YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise RequestError(f"no YAML: {error}") from None
    except RecursionError:
        raise RequestError("an anchor contains itself: write the values out") from None
    except (ValueError, LookupError, AttributeError, OverflowError) as error:
        raise RequestError(f"a value is not what its tag says: quote it ({error})") from None
    return [thing for document in documents for thing in _opened(document)]


def pods_in(things: list[Object]) -> list[Manifest]:
    """Return what makes pods; raises RequestError for one without its template."""
    return [_manifest(thing) for thing in things if thing.get("kind") in _TEMPLATES]


def pools_in(text: str) -> list[Pool]:
    """Return the pools of NetvscPool objects, or of a file as docs/pools.md describes it."""
    found: list[Pool] = []
    for thing in objects_in(text):
        if "pools" in thing and "kind" not in thing:
            found += pools_from(thing)
        elif thing.get("kind") == "NetvscPool":
            found.append(pool_of(thing))
    if not found:
        raise ConfigError("no pool in it: give NetvscPool objects, or a file with `pools:`")
    return found


def written(thing: Object) -> list[str]:
    """Return an object's lines of YAML."""
    text = yaml.dump(thing, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return str(text).splitlines()


def _unshared(data: Any) -> Any:
    """Copy what an anchor made stand in several places, so that each can be changed alone."""
    if isinstance(data, dict):
        return {key: _unshared(value) for key, value in data.items()}
    return [_unshared(item) for item in data] if isinstance(data, list) else data


def _opened(document: object) -> Iterator[Object]:
    if document is None:
        return
    if not isinstance(document, dict):
        raise RequestError(
            f"a document is {type(document).__name__}, not an object: write key: value"
        )
    items = document.get("items")
    if str(document.get("kind")).endswith("List") and isinstance(items, list):
        for item in items:
            yield from _opened(item)
    else:
        yield document


def _manifest(thing: Object) -> Manifest:
    path = _TEMPLATES[thing["kind"]]
    metadata = thing.get("metadata")
    given = metadata.get("name") or metadata.get("generateName") if metadata else None
    name = f"{thing['kind'].lower()}/{given or '(no name)'}"
    try:
        pod = _at(thing, path)
    except (KeyError, TypeError):
        raise RequestError(f"{name}: has no {'.'.join(path)}: add the pod's template") from None
    if not isinstance(pod, dict) or not isinstance(pod.get("spec"), dict):
        where = ".".join((*path, "spec"))
        raise RequestError(f"{name}: has no {where}: add the pod's containers there")
    return Manifest(name=name, whole=thing, pod=pod, path=path)


def _at(thing: Object, path: tuple[str, ...]) -> Any:
    for key in path:
        thing = thing[key]
    return thing
