"""The apiserver by the official client: one door, behind which nothing of the client's is seen.

Its typed APIs are passed by: CoreV1Api alone takes half a second to load, and what people get with
`-o json` is the object as it came.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from kubernetes.client import ApiException
from kubernetes.watch import Watch
from urllib3.exceptions import HTTPError

from netvsc_operator.api_errors import ApiError, Unavailable, refusal
from netvsc_operator.kinds import Kind
from netvsc_operator.kubectl.connection import Connector, Session
from netvsc_operator.objects import Listing, Object, Scope

_PAGE = 500  # objects in an answer: as kubectl asks
_TIMEOUT_S = (10.0, 30.0)  # to connect, and to read
_WATCH_S = 60  # the apiserver ends a watch after this; it is taken up again where it ended
_SILENCE_S = (10.0, 75.0)  # a connection that is silent for longer than that is dead
_JSON = "application/json"
_MERGE = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Change:
    """An event of a watch; `object` is None where only `version` went on."""

    object: Object | None
    gone: bool
    version: str


class Api:
    """Serves several threads. Each method raises ApiError or Unavailable."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector

    @property
    def namespace(self) -> str:
        """The context's own."""
        return self._connector.connected().namespace

    def get(self, kind: Kind, name: str, *, namespace: str) -> Object:
        return self._call("GET", kind.path(namespace=namespace, name=name))

    def patch(self, kind: Kind, name: str, body: Object, *, namespace: str) -> Object:
        """Merge `body` into an object."""
        return self._call("PATCH", kind.path(namespace=namespace, name=name), body=body)

    def list(self, kind: Kind, scope: Scope) -> Listing:
        """Return all of the scope, read in pages."""
        items: list[Object] = []
        query = {**scope.query(), "limit": str(_PAGE)}
        while True:
            page = self._call("GET", kind.path(namespace=scope.namespace), query=query)
            items += page.get("items") or []
            meta = page.get("metadata") or {}
            if not meta.get("continue"):
                return Listing(tuple(items), str(meta.get("resourceVersion", "")))
            query["continue"] = meta["continue"]

    def watch(self, kind: Kind, scope: Scope, *, version: str) -> Iterator[Change]:
        """Yield changes since `version` for a minute; ApiError 410: it is too old, list again."""
        path = kind.path(namespace=scope.namespace)
        what, query = f"WATCH {path}", {**scope.query(), "allowWatchBookmarks": "true"}
        one = self._connector.connected()

        def begin(*, watch: bool, resource_version: str, timeout_seconds: int, **_: object) -> Any:
            asked = {"resourceVersion": resource_version, "timeoutSeconds": str(timeout_seconds)}
            asked |= {**query, "watch": str(watch).lower()}
            return _send(one, "GET", path, query=asked, timeout_s=_SILENCE_S).response

        try:
            for event in Watch("object").stream(
                begin, resource_version=version, timeout_seconds=_WATCH_S
            ):
                yield _change(event)
        except ApiException as error:
            raise self._refused(one, what, error) from None
        except HTTPError as error:
            raise _unreachable(what, error) from None
        except (LookupError, TypeError, ValueError) as error:
            raise _gibberish(what, repr(error)) from None

    def _call(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Object:
        what, one = f"{method} {path}", self._connector.connected()
        try:
            answer = _send(one, method, path, query=query or {}, body=body)
            text = answer.read().decode(errors="replace")
        except ApiException as error:
            raise self._refused(one, what, error) from None
        except HTTPError as error:
            raise _unreachable(what, error) from None
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise self._refused(one, what, ApiException(answer.status, body=text))
        try:
            found: object = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise _gibberish(what, text)
        return found

    def _refused(self, one: Session, what: str, error: Any) -> ApiError | Unavailable:
        """Read a kubernetes.client.ApiException; of TLS it is one without a status."""
        if not error.status:
            return _unreachable(what, " ".join(str(error.reason).split()))
        if error.status == HTTPStatus.UNAUTHORIZED:
            self._connector.refused(one)
        body = error.body or error.reason or ""
        return refusal(what, status=error.status, body=_bytes(body))


def _send(  # noqa: PLR0913 (the API's own names)
    one: Session,
    method: str,
    path: str,
    *,
    query: Mapping[str, str],
    body: Any = None,
    timeout_s: tuple[float, float] = _TIMEOUT_S,
) -> Any:
    request = one.client.param_serialize(
        method,
        path,
        query_params=list(query.items()),
        header_params={"Accept": _JSON, "Content-Type": _MERGE if body else _JSON},
        body=body,
        auth_settings=["BearerToken"],
    )
    return one.client.call_api(*request, _request_timeout=timeout_s)


def _change(event: Mapping[str, Any]) -> Change:
    thing, how = event["object"], event["type"]
    version = str(thing["metadata"]["resourceVersion"])
    return Change(None if how == "BOOKMARK" else thing, how == "DELETED", version)


def _bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else str(body).encode()


def _unreachable(what: str, error: object) -> Unavailable:
    return Unavailable(f"{what}: the apiserver does not answer: {error}")


def _gibberish(what: str, text: str) -> Unavailable:
    said = text[:200].strip() or "nothing"
    return Unavailable(
        f"{what}: this is not an answer of an apiserver: {said}; see whether the kubeconfig's "
        "server is one, and what stands between"
    )
