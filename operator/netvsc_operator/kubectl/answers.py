"""What the apiserver answers when it does not do as asked, in words for people."""

from __future__ import annotations

import json
from http import HTTPStatus

from netvsc.errors import RequestError, RetryError


class ApiError(RequestError):
    """The apiserver says no; `status` is HTTP's."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Unavailable(RetryError):  # noqa: N818 (as the API calls it)
    """Nobody answers, or not now, or with what no apiserver says."""


def refusal(what: str, *, status: int, body: str) -> ApiError | Unavailable:
    """Return the error for an answer; `what` says what was attempted, on what."""
    text = f"{what}: {_message(body)} ({status})"
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unavailable(text)
    return ApiError(text, status=status)


def unreachable(what: str, error: object) -> Unavailable:
    return Unavailable(f"{what}: the apiserver does not answer: {error}")


def gibberish(what: str, text: str) -> Unavailable:
    said = text[:200].strip() or "nothing"
    return Unavailable(
        f"{what}: this is no answer of an apiserver: {said}; see whether the kubeconfig's server "
        "is one, and what stands between"
    )


def _message(body: str) -> str:
    """Return what a metav1.Status says; a proxy's page is told as it is."""
    try:
        return str(json.loads(body)["message"])
    except (ValueError, LookupError, TypeError):
        return body[:300].strip() or "no message"
