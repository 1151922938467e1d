"""What a check says, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

F = TypeVar("F")


class CheckVerdict(StrEnum):
    OK = "ok"
    UNKNOWN = "unknown"  # it cannot be seen from here; no bad news
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`text` is a sentence without its full stop, `fix` what to do, if anything."""

    verdict: CheckVerdict
    text: str
    fix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[F]):
    """`tells` completes "this check tells …" for docs/doctor.md."""

    name: str
    tells: str
    decide: Callable[[F], Finding]


def ok(text: str) -> Finding:
    return Finding(verdict=CheckVerdict.OK, text=text)


def unknown(text: str, *, fix: str | None = None) -> Finding:
    return Finding(verdict=CheckVerdict.UNKNOWN, text=text, fix=fix)


def warning(text: str, *, fix: str) -> Finding:
    return Finding(verdict=CheckVerdict.WARNING, text=text, fix=fix)


def failure(text: str, *, fix: str) -> Finding:
    return Finding(verdict=CheckVerdict.FAILURE, text=text, fix=fix)


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 if all is well as far as can be seen, 1 with a warning, 2 with a failure."""
    verdicts = {finding.verdict for finding in findings}
    if CheckVerdict.FAILURE in verdicts:
        return 2
    return 1 if CheckVerdict.WARNING in verdicts else 0
