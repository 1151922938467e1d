"""AdmissionReview v1: what the apiserver asks, and the answers it takes.

https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from netvsc.encoding import checks
from netvsc.errors import RequestError
from netvsc_operator.objects import Unchecked, entries

API_VERSION = "admission.k8s.io/v1"
_BAD_REQUEST = 400
_UNPROCESSABLE = 422


class Result(StrEnum):
    """What became of a review; MALFORMED is one that nobody can answer (HTTP 400)."""

    PATCHED = "patched"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionRequest:
    """One request; the objects are empty where there is none, `old_object` but for UPDATE."""

    uid: str
    operation: str
    kind: str
    subresource: str
    object: Unchecked
    old_object: Unchecked


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmissionResponse:
    """`review` is the AdmissionReview to send back, as plain data."""

    review: dict[str, object]
    result: Result


def read(review: object) -> AdmissionRequest:
    """Return what is asked; raises RequestError for what is not an AdmissionReview v1."""
    given = checks.mapping(review, ())
    if given.get("apiVersion") != API_VERSION or given.get("kind") != "AdmissionReview":
        raise RequestError(
            f"{given.get('apiVersion')} {given.get('kind')} is not served: send {API_VERSION} "
            "AdmissionReview (admissionReviewVersions: [v1])"
        )
    request = entries(given, "request")
    return AdmissionRequest(
        uid=checks.text(request.get("uid"), ("request", "uid")),
        operation=checks.text(request.get("operation"), ("request", "operation")),
        kind=checks.text(entries(request, "kind").get("kind"), ("request", "kind", "kind")),
        subresource=str(request.get("subResource") or ""),
        object=entries(request, "object"),
        old_object=entries(request, "oldObject"),
    )


def admitted(
    uid: str, *, patch: str | None = None, warnings: Sequence[str] = ()
) -> AdmissionResponse:
    """Let it pass; `patch` is a JSON Patch in base64."""
    response: dict[str, object] = {"uid": uid, "allowed": True}
    if patch:
        response |= {"patchType": "JSONPatch", "patch": patch}
    if warnings:
        response["warnings"] = list(warnings)
    return _response(response, Result.PATCHED if patch else Result.UNCHANGED)


def refused(uid: str, message: str) -> AdmissionResponse:
    return _response(_no(uid, message, code=_UNPROCESSABLE, reason="Invalid"), Result.REFUSED)


def malformed(message: str) -> AdmissionResponse:
    text = f"malformed AdmissionReview: {message}"
    return _response(_no("", text, code=_BAD_REQUEST, reason="BadRequest"), Result.MALFORMED)


def _no(uid: str, message: str, *, code: int, reason: str) -> dict[str, object]:
    status = {"code": code, "reason": reason, "message": message}
    return {"uid": uid, "allowed": False, "status": status}


def _response(response: dict[str, object], result: Result) -> AdmissionResponse:
    review: dict[str, object] = {
        "apiVersion": API_VERSION,
        "kind": "AdmissionReview",
        "response": response,
    }
    return AdmissionResponse(review=review, result=result)


class PodRefusedError(RequestError):
    """Each of `reasons` says what is wrong, where, and the remedy."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)
