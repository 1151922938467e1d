"""The command: `kubectl netvsc status|pods|events|reannounce`."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from pathlib import Path

import yaml

from netvsc import __version__
from netvsc.access import Access
from netvsc.columns import columns
from netvsc.errors import NetvscError, RequestError
from netvsc.plain import from_plain
from netvsc.status import NodeStatus
from netvsc.timestamps import to_text
from netvsc_operator.admission.annotations import REANNOUNCE
from netvsc_operator.admission.injected import LABEL, VERSION
from netvsc_operator.controller.recorder import COMPONENT
from netvsc_operator.kube import (
    EVENTS,
    NETVSC_NODES,
    PODS,
    Applied,
    Forbidden,
    Kind,
    Kube,
    Listed,
    NotFound,
    Object,
    Removed,
    Scope,
    Watch,
)
from netvsc_operator.kubectl import views
from netvsc_operator.kubectl.way import way

_FORMS = ("table", "wide", "json", "yaml")

Show = Callable[[list[Object], argparse.Namespace], str]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 if the apiserver says no, 2 for usage."""
    asked = _parser().parse_args(argv)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_run(asked))
    except NetvscError as error:
        print(f"kubectl netvsc: {error}", file=sys.stderr)
        return 1
    return 0


async def _run(asked: argparse.Namespace) -> None:
    to = way(asked.kubeconfig, environment=os.environ, home=Path.home())
    async with Kube(to) as kube:
        if asked.verb == "reannounce":
            await _reannounce(kube, asked, to)
        else:
            await _show(kube, asked, to)


async def _reannounce(kube: Kube, asked: argparse.Namespace, to: Access) -> None:
    namespace = asked.namespace or to.namespace
    pod = await kube.get(PODS, asked.pod, namespace=namespace)
    if (pod["metadata"].get("labels") or {}).get(LABEL) != VERSION:
        raise RequestError(
            f"pod {namespace}/{asked.pod} has no sidecar (label {LABEL}={VERSION}), so nobody "
            "would hear the order: its VFs are announced by the pod itself, or not at all"
        )
    body = {"metadata": {"annotations": {REANNOUNCE: to_text(time.time())}}}
    await kube.patch(PODS, asked.pod, body, namespace=namespace)
    print(f"pod/{asked.pod}: ordered; `kubectl netvsc events` tells how it ended")


async def _show(kube: Kube, asked: argparse.Namespace, to: Access) -> None:
    kind, scope, show = _view(asked, to)
    found = await _listed(kube, kind, scope)
    if not asked.watch:
        print(show(found, asked))
        return
    async for objects in _following(kube, kind, scope):
        print(f"{show(objects, asked)}\n", flush=True)


async def _listed(kube: Kube, kind: Kind, scope: Scope) -> list[Object]:
    """Ask once, and say what helps; a watch would try again for ever."""
    try:
        return (await kube.list(kind, scope)).items
    except NotFound as error:
        raise RequestError(f"{error}; is netvsc-operator installed? `helm list -A`") from None
    except Forbidden as error:
        where = f" -n {scope.namespace}" if scope.namespace else " -A" if kind is EVENTS else ""
        raise RequestError(f"{error}; see `kubectl auth can-i list {kind}{where}`") from None


def _view(asked: argparse.Namespace, to: Access) -> tuple[Kind, Scope, Show]:
    asked.namespace = None if getattr(asked, "all", False) else (asked.namespace or to.namespace)
    if asked.verb == "events":
        scope = Scope(namespace=asked.namespace, fields=f"reportingController={COMPONENT}")
        return EVENTS, scope, _events
    return NETVSC_NODES, Scope(), _nodes


async def _following(kube: Kube, kind: Kind, scope: Scope) -> AsyncIterator[list[Object]]:
    """Yield all objects anew at each change."""
    known: dict[str, Object] = {}
    async with aclosing(Watch(kube, kind, scope).events()) as events:
        async for event in events:
            match event:
                case Listed(objects):
                    known = {_uid(one): one for one in objects}
                case Applied(one):
                    known[_uid(one)] = one
                case Removed(one):
                    known.pop(_uid(one), None)
            yield sorted(known.values(), key=lambda one: str(one["metadata"]["name"]))


def _uid(one: Object) -> str:
    return str(one["metadata"]["uid"])


def _events(objects: list[Object], asked: argparse.Namespace) -> str:
    if asked.output in {"json", "yaml"}:
        return _written(objects, asked.output)
    return _table(views.events(objects, now=time.time()), "No event of netvsc-operator here.")


def _nodes(objects: list[Object], asked: argparse.Namespace) -> str:
    if asked.output in {"json", "yaml"}:
        return _written(objects, asked.output)
    found = [views.Node(name=one["metadata"]["name"], status=_status(one)) for one in objects]
    if asked.verb == "pods":
        wide = asked.output == "wide"
        rows = views.pods(found, namespace=asked.namespace, now=time.time(), wide=wide)
        where = f"in namespace {asked.namespace}; -A shows all" if asked.namespace else "here"
        return _table(rows, f"No pod holds a pair {where}.")
    rows = views.pairs(found, now=time.time()) if asked.output == "wide" else views.nodes(found)
    return _table(rows, "No node has a NetvscNode: is there a NetvscPool that selects one?")


def _status(node: Object) -> NodeStatus | None:
    return from_plain(NodeStatus, node["status"], ("status",)) if node.get("status") else None


def _table(rows: list[views.Row], nothing: str) -> str:
    return columns(rows) if len(rows) > 1 else nothing


def _written(objects: list[Object], form: str) -> str:
    whole = {"apiVersion": "v1", "kind": "List", "items": objects}
    if form == "json":
        return json.dumps(whole, indent=2)
    text: str = yaml.safe_dump(whole, sort_keys=False).rstrip()
    return text


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kubectl netvsc",
        description="NetVSC+VF pairs of a cluster: who is on the slow path, when, for how long.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    status = verbs.add_parser("status", help="a line for each node; -o wide: for each pair")
    pods = verbs.add_parser("pods", help="pods that hold pairs, and how each is doing")
    events = verbs.add_parser("events", help="what the operator told of pods and nodes")
    again = verbs.add_parser("reannounce", help="have a pod's VF announced again")
    again.add_argument("pod")
    for verb in (status, pods, events, again):
        verb.add_argument("--kubeconfig", type=Path, metavar="FILE", help="default: $KUBECONFIG")
        verb.add_argument("-n", "--namespace", help="default: the kubeconfig's")
    for verb in (pods, events):
        verb.add_argument("-A", "--all-namespaces", action="store_true", dest="all")
    for verb in (status, pods, events):
        verb.add_argument("-o", "--output", choices=_FORMS, default="table", help="(%(default)s)")
        verb.add_argument("-w", "--watch", action="store_true", help="print anew at each change")
    return parser


if __name__ == "__main__":
    sys.exit(main())
