"""All objects of a kind, anew at each change, for as long as somebody looks."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus

from netvsc.encoding.columns import shown
from netvsc.errors import NetvscError
from netvsc_operator.api_errors import ApiError
from netvsc_operator.kinds import Kind
from netvsc_operator.kubectl.api import Api
from netvsc_operator.objects import Listing, Object, Scope

_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 10.0


def following(api: Api, kind: Kind, scope: Scope, found: Listing) -> Iterator[list[Object]]:
    """Yield `found`, and what becomes of it. No trouble ends it; each is printed once (stderr)."""
    version, known = found.version, _by_uid(found.items)
    trouble, pause_s = "", _FIRST_PAUSE_S
    yield _sorted(known)
    while True:
        before = version
        try:
            if not version:
                found = api.list(kind, scope)
                version, known = found.version, _by_uid(found.items)
                yield _sorted(known)
            for change in api.watch(kind, scope, version=version):
                version, pause_s = change.version, _FIRST_PAUSE_S
                if change.object:
                    known = _changed(known, change.object, gone=change.gone)
                    yield _sorted(known)
        except NetvscError as error:
            if isinstance(error, ApiError) and error.status == HTTPStatus.GONE:
                version = ""
            elif str(error) != trouble:
                trouble = str(error)
                print(f"kubectl netvsc: {shown(trouble)}; trying on", file=sys.stderr)
        if version == before:  # it ended at once: do not spin
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)


def _changed(known: dict[str, Object], one: Object, *, gone: bool) -> dict[str, Object]:
    without = {uid: other for uid, other in known.items() if uid != _uid(one)}
    return without if gone else {**without, _uid(one): one}


def _by_uid(objects: Iterable[Object]) -> dict[str, Object]:
    return {_uid(one): one for one in objects}


def _sorted(known: dict[str, Object]) -> list[Object]:
    return sorted(known.values(), key=lambda one: str(one["metadata"]["name"]))


def _uid(one: Object) -> str:
    return str(one["metadata"]["uid"])
