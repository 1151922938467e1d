"""What each verb does."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable, Iterator
from functools import partial
from http import HTTPStatus
from pathlib import Path

from netvsc.encoding.timestamps import to_text
from netvsc.errors import RequestError
from netvsc_operator.api_errors import ApiError
from netvsc_operator.kinds import EVENTS, PODS, Kind
from netvsc_operator.kubectl.api import Api
from netvsc_operator.kubectl.connection import Connector
from netvsc_operator.kubectl.following import following
from netvsc_operator.kubectl.kubeconfig import find_context
from netvsc_operator.kubectl.queries import Show, shower, view
from netvsc_operator.kubectl.sidecars import has_sidecar
from netvsc_operator.objects import Listing, Object, Scope


def run(arguments: argparse.Namespace) -> None:
    """Do it; raises NetvscError."""
    environment, home = os.environ, Path.home()
    find = partial(
        find_context,
        arguments.kubeconfig,
        environment=environment,
        home=home,
        context=arguments.context,
    )
    api = Api(Connector(find))
    if arguments.verb == "reannounce":
        _reannounce(api, arguments)
    else:
        _show(api, arguments)


def _reannounce(api: Api, arguments: argparse.Namespace) -> None:
    # Admission is slower to load than any other part here, and only this verb needs it.
    from netvsc_operator.admission.annotations import REANNOUNCE  # noqa: PLC0415
    from netvsc_operator.admission.sidecar import NAME  # noqa: PLC0415

    namespace = arguments.namespace or api.namespace
    pod = api.get(PODS, arguments.pod, namespace=namespace)
    if not has_sidecar(pod):
        raise RequestError(
            f"pod {namespace}/{arguments.pod} has no sidecar {NAME}, so nobody would carry out the "
            "order: its VFs are announced by the pod itself, or not at all"
        )
    body = {"metadata": {"annotations": {REANNOUNCE: to_text(time.time())}}}
    api.patch(PODS, arguments.pod, body, namespace=namespace)
    print(f"pod/{arguments.pod}: ordered; `kubectl netvsc events` tells how it ended")


def _show(api: Api, arguments: argparse.Namespace) -> None:
    namespace = None if arguments.all else arguments.namespace or api.namespace
    kind, scope = view(arguments, namespace=namespace)
    show = shower(api, arguments, namespace=namespace)
    found = _listed(api, kind, scope)
    if not arguments.watch:
        print(show(found.items)(time.time()))
        return
    between = "---" if arguments.output == "yaml" else ""
    for text in _changes(following(api, kind, scope, found), show):
        print(f"{text}\n{between}", flush=True)


def _listed(api: Api, kind: Kind, scope: Scope) -> Listing:
    """Ask once, and say what helps; a watch would try again for ever."""
    try:
        return api.list(kind, scope)
    except ApiError as error:
        where = f" -n {scope.namespace}" if scope.namespace else " -A" if kind is EVENTS else ""
        helps: dict[int, str] = {
            HTTPStatus.NOT_FOUND: "; is netvsc-operator installed? `helm list -A`",
            HTTPStatus.UNAUTHORIZED: "; log in again, and see `kubectl auth whoami`",
            HTTPStatus.FORBIDDEN: f"; see `kubectl auth can-i list {kind}{where}`",
        }
        raise RequestError(f"{error}{helps.get(error.status, '')}") from None


def _changes(several: Iterable[list[Object]], show: Show) -> Iterator[str]:
    """Yield what is to be seen whenever it differs by more than the time that has passed."""
    before = None
    for objects in several:
        text = show(objects)
        if text(0.0) != before:
            before = text(0.0)
            yield text(time.time())
