"""What the apiserver answers when it does not do as asked.

ApiError (RequestError)    refused, with the apiserver's own message
├── NotFound               no such object, or its kind is not installed
├── AlreadyExists          create: the name is taken
├── Conflict               somebody else wrote meanwhile: read again
├── Gone                   a resourceVersion or a continuation is too old: list again
├── Forbidden              this account may not (also 401)
└── Invalid                the object is not valid
Unavailable (RetryError)   nobody answered, or answered: not now
"""

from __future__ import annotations

import json
from http import HTTPStatus

from netvsc.errors import RequestError, RetryError


class ApiError(RequestError):
    """A refusal; `status` is HTTP's, `reason` as Kubernetes names it."""

    def __init__(self, message: str, *, status: int, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


class NotFound(ApiError):  # noqa: N818 (Kubernetes calls it so)
    """No such object."""


class AlreadyExists(ApiError):  # noqa: N818
    """The name is taken."""


class Conflict(ApiError):  # noqa: N818
    """The object was changed by somebody else."""


class Gone(ApiError):  # noqa: N818
    """Too old a version: list again."""


class Forbidden(ApiError):  # noqa: N818
    """This account may not."""


class Invalid(ApiError):  # noqa: N818
    """The object is not valid."""


class Unavailable(RetryError):  # noqa: N818
    """Not now. `after_s` is what the apiserver asks to wait, 0 if it named no time."""

    def __init__(self, message: str, *, after_s: float = 0.0) -> None:
        super().__init__(message)
        self.after_s = after_s


_KINDS: dict[int, type[ApiError]] = {
    HTTPStatus.UNAUTHORIZED: Forbidden,
    HTTPStatus.FORBIDDEN: Forbidden,
    HTTPStatus.NOT_FOUND: NotFound,
    HTTPStatus.CONFLICT: Conflict,
    HTTPStatus.GONE: Gone,
    HTTPStatus.UNPROCESSABLE_ENTITY: Invalid,
}


def refusal(
    what: str, *, status: int, body: bytes, retry_after: str | None = None
) -> ApiError | Unavailable:
    """Return the error for an answer; `what` says what was attempted, on what."""
    message, reason = _message_of(body)
    return error_of(what, status=status, reason=reason, message=message, retry_after=retry_after)


def error_of(
    what: str, *, status: int, reason: str, message: str, retry_after: str | None = None
) -> ApiError | Unavailable:
    text = f"{what}: {message} ({status})"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = float(retry_after) if retry_after and retry_after.isdigit() else 0.0
        return Unavailable(text, after_s=after)
    kind = AlreadyExists if reason == "AlreadyExists" else _KINDS.get(status, ApiError)
    return kind(text, status=status, reason=reason)


def _message_of(body: bytes) -> tuple[str, str]:
    """Return message and reason of a metav1.Status; a proxy's page is taken as it is."""
    try:
        status = json.loads(body)
        return str(status["message"]), str(status.get("reason", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:300].decode(errors="replace").strip() or "no message", ""
