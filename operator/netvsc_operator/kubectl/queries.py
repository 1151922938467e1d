"""What each verb prints of the objects that it asked for."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence

import yaml

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import ConfigError
from netvsc.model.status import NodeStatus
from netvsc_operator.controller.events.rules import COMPONENT
from netvsc_operator.kinds import EVENTS, NETVSC_NODES, Kind
from netvsc_operator.kubectl import tables
from netvsc_operator.kubectl.api import Api
from netvsc_operator.kubectl.pairs import Node, holders, silent
from netvsc_operator.kubectl.sidecars import SidecarLookup
from netvsc_operator.objects import Object, Scope

Text = Callable[[float], str]  # of the present time, in seconds since the epoch
Show = Callable[[Sequence[Object]], Text]


def view(arguments: argparse.Namespace, *, namespace: str | None) -> tuple[Kind, Scope]:
    """Return what to ask the apiserver for; `namespace` None means all."""
    if arguments.verb == "events":
        return EVENTS, Scope(namespace=namespace, fields=f"reportingController={COMPONENT}")
    return NETVSC_NODES, Scope()


def shower(api: Api, arguments: argparse.Namespace, *, namespace: str | None) -> Show:
    """Return who makes text of the objects."""
    if arguments.verb == "pods":
        return _Pods(api, output=arguments.output, namespace=namespace)
    return _Plain(_events if arguments.verb == "events" else _nodes, output=arguments.output)


class _Plain:
    """Objects that are printed as they are, or as a table of theirs."""

    def __init__(
        self, table: Callable[[Sequence[Object], str, float], str], *, output: str
    ) -> None:
        self._table = table
        self._output = output

    def __call__(self, objects: Sequence[Object]) -> Text:
        if self._output in {"json", "yaml"}:
            whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
            return lambda _now: written(whole, self._output)
        return lambda now: self._table(objects, self._output, now)


class _Pods:
    """Pairs by their pods; where no sidecar answered, the pod is looked at for one."""

    def __init__(self, api: Api, *, output: str, namespace: str | None) -> None:
        self._sidecars = SidecarLookup(api)
        self._output = output
        self._namespace = namespace

    def __call__(self, objects: Sequence[Object]) -> Text:
        found = [node_of(one) for one in objects]
        unheard = silent(found, namespace=self._namespace)
        alone = self._sidecars.without(unheard)
        held = holders(found, namespace=self._namespace, alone=alone)
        if self._output in {"json", "yaml"}:
            plain = [to_plain(one) for one in held]
            return lambda _now: written(plain, self._output)
        where = f"in namespace {self._namespace}; -A shows all" if self._namespace else "here"
        wide, nothing = self._output == "wide", f"No pod holds a pair {where}."
        return lambda now: tables.table(tables.pods(held, now=now, wide=wide), nothing=nothing)


def _events(objects: Sequence[Object], output: str, now: float) -> str:
    rows = tables.events(objects, now=now, wide=output == "wide")
    return tables.table(rows, nothing="No event of netvsc-operator here.")


def _nodes(objects: Sequence[Object], output: str, now: float) -> str:
    found = [node_of(one) for one in objects]
    rows = tables.pairs(found, now=now) if output == "wide" else tables.nodes(found)
    nothing = "No node has a NetvscNode: is there a NetvscPool that selects one?"
    return tables.table(rows, nothing=nothing if not found else "No node has a pair.")


def node_of(node: Object) -> Node:
    """Read one; what another version wrote must not hide all the others."""
    name = node["metadata"]["name"]
    if not node.get("status"):
        return Node(name=name, status=None)
    try:
        return Node(name=name, status=from_plain(NodeStatus, node["status"], ("status",)))
    except ConfigError as error:
        return Node(name=name, status=None, trouble=f"cannot be read: {error}")


def written(whole: object, form: str) -> str:
    if form == "json":
        return json.dumps(whole, indent=2)
    text: str = yaml.safe_dump(whole, sort_keys=False).rstrip()
    return text
