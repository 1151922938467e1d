"""The command: `kubectl netvsc status|pods|events|reannounce`."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from http import HTTPStatus
from pathlib import Path

from netvsc.access import Access
from netvsc.columns import shown
from netvsc.errors import NetvscError, RequestError
from netvsc.timestamps import to_text
from netvsc_operator.admission.annotations import REANNOUNCE
from netvsc_operator.admission.sidecar import NAME
from netvsc_operator.kube import (
    EVENTS,
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
from netvsc_operator.kubectl.options import parser as _parser
from netvsc_operator.kubectl.shown import Show, shower, view
from netvsc_operator.kubectl.sidecars import has_sidecar
from netvsc_operator.kubectl.way import way


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 if the apiserver says no, 2 for usage."""
    asked = _parser().parse_args(argv)
    try:
        with suppress(KeyboardInterrupt):
            asyncio.run(_run(asked))
    except NetvscError as error:
        print(f"kubectl netvsc: {shown(str(error))}", file=sys.stderr)
        return 1
    return 0


async def _run(asked: argparse.Namespace) -> None:
    environment, home = os.environ, Path.home()
    to = way(asked.kubeconfig, environment=environment, home=home, context=asked.context)
    async with Kube(to) as kube:
        if asked.verb == "reannounce":
            await _reannounce(kube, asked, to)
        else:
            await _show(kube, asked, to)


async def _reannounce(kube: Kube, asked: argparse.Namespace, to: Access) -> None:
    namespace = asked.namespace or to.namespace
    pod = await kube.get(PODS, asked.pod, namespace=namespace)
    if not has_sidecar(pod):
        raise RequestError(
            f"pod {namespace}/{asked.pod} has no sidecar {NAME}, so nobody would hear the order: "
            "its VFs are announced by the pod itself, or not at all"
        )
    body = {"metadata": {"annotations": {REANNOUNCE: to_text(time.time())}}}
    await kube.patch(PODS, asked.pod, body, namespace=namespace)
    print(f"pod/{asked.pod}: ordered; `kubectl netvsc events` tells how it ended")


async def _show(kube: Kube, asked: argparse.Namespace, to: Access) -> None:
    namespace = None if asked.all else asked.namespace or to.namespace
    kind, scope = view(asked, namespace=namespace)
    show = shower(kube, asked, namespace=namespace)
    found = await _listed(kube, kind, scope)
    if not asked.watch:
        print((await show(found))(time.time()))
        return
    between = "---" if asked.output == "yaml" else ""
    async for text in _changes(_following(kube, kind, scope), show):
        print(f"{text}\n{between}", flush=True)


async def _listed(kube: Kube, kind: Kind, scope: Scope) -> list[Object]:
    """Ask once, and say what helps; a watch would try again for ever."""
    try:
        return (await kube.list(kind, scope)).items
    except NotFound as error:
        raise RequestError(f"{error}; is netvsc-operator installed? `helm list -A`") from None
    except Forbidden as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            raise RequestError(f"{error}; log in again, and see `kubectl auth whoami`") from None
        where = f" -n {scope.namespace}" if scope.namespace else " -A" if kind is EVENTS else ""
        raise RequestError(f"{error}; see `kubectl auth can-i list {kind}{where}`") from None


async def _changes(following: AsyncIterator[list[Object]], show: Show) -> AsyncIterator[str]:
    """Yield what is to be seen whenever it differs by more than the time that has passed."""
    before = None
    async for objects in following:
        text = await show(objects)
        if text(0.0) != before:
            before = text(0.0)
            yield text(time.time())


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


if __name__ == "__main__":
    sys.exit(main())
