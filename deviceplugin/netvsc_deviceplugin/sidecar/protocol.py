"""What a sidecar says of a pair, read from one line of its socket. Pure.

docs/fdpipe.md, "Status". Whoever has the name in a pod's netns may answer on it, so nothing is
believed to be well-formed; an untrusted peer can lie about its own pair alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from netvsc.encoding import checks
from netvsc.errors import RequestError

LINE_MAX = 4096  # bytes; a pair takes 800
_AGE_MAX = 10**11  # ms, three years
_COUNT_MAX = 2**32 - 1  # as the sidecar's own
_NUMBER = re.compile(r"[0-9]{2}")
_INTERFACE = re.compile(r"[!-~]{1,15}")
_WORD = re.compile(r"[A-Za-z]{1,32}")
_LINE = re.compile(r"[ -~]{1,255}")
_VERBS = re.compile(r"none|uverbs[0-9]{1,2}(,uverbs[0-9]{1,2}){0,63}")


class VfState(StrEnum):
    AWAY = "away"
    WITHHELD = "withheld"
    OFFERED = "offered"
    TAKEN = "taken"
    OTHER = "other"  # what only a later sidecar knows; it may outlive the version that made it


class Application(StrEnum):
    UNOPENED = "unopened"
    OPENED = "opened"
    HUNGRY = "hungry"
    SERVED = "served"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What a sidecar has counted since it started."""

    offers: int = 0
    takes: int = 0
    cancels: int = 0
    failed_plugs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ages:
    """Milliseconds since something happened; None: never, or not so now."""

    opened: int | None = None
    usable: int | None = None
    offered: int | None = None
    taken: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarReport:
    """One line. `number` and `netvsc` name the pair in its pod; `started` names the sidecar's run.

    `given` is what it was told of the container's verbs devices, None if nothing.
    """

    number: str
    netvsc: str
    application: Application
    vf: VfState
    reason: str | None = None
    line: str | None = None
    generation: int = 0
    taken_generation: int = 0
    guard: str | None = None
    given: tuple[str, ...] | None = None
    counts: Counts = Counts()
    ages: Ages = Ages()
    started: int = 0


def parse(line: bytes) -> SidecarReport:
    """Read a line; raises RequestError, also for what the sidecar says is an error."""
    if line.startswith(b"error: "):
        raise RequestError(f"the sidecar refuses: {line[7:200].decode('ascii', 'replace').strip()}")
    data = _json(line)
    return SidecarReport(
        number=_text(data, "pair", _NUMBER) or _absent("pair"),
        netvsc=_text(data, "netvsc", _INTERFACE) or _absent("netvsc"),
        application=checks.one_or_other(Application)(data.get("application"), ("application",)),
        vf=checks.one_or_other(VfState)(data.get("vf"), ("vf",)),
        reason=_text(data, "reason", _WORD),
        line=_text(data, "line", _LINE),
        generation=_count(data, "generation"),
        taken_generation=_count(data, "takenGeneration"),
        guard=_text(data, "guard", _WORD),
        given=_verbs(_text(data, "given", _VERBS)),
        counts=Counts(
            offers=_count(data, "offers"),
            takes=_count(data, "takes"),
            cancels=_count(data, "cancels"),
            failed_plugs=_count(data, "failedPlugs"),
        ),
        ages=Ages(
            opened=_age(data, "openedMsAgo"),
            usable=_age(data, "usableMsAgo"),
            offered=_age(data, "offeredMsAgo"),
            taken=_age(data, "takenMsAgo"),
        ),
        started=_number(data, "started", high=2**53) or 0,
    )


def verbs_text(names: tuple[str, ...]) -> str:
    """Write verbs devices as the sidecar reads them."""
    return ",".join(names) or "none"


def _json(line: bytes) -> Mapping[str, object]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{line[:60]!r} is not JSON: {error}") from None
    return checks.mapping(data, ())


def _absent(key: str) -> str:
    raise RequestError(f"{key} is missing: is it a sidecar that answers?")


def _text(data: Mapping[str, object], key: str, form: re.Pattern[str]) -> str | None:
    value = data.get(key)
    if value is None or (isinstance(value, str) and form.fullmatch(value)):
        return value
    raise RequestError(f"{key}: {str(value)[:60]!r} does not match {form.pattern}")


def _number(data: Mapping[str, object], key: str, *, high: int) -> int | None:
    value = data.get(key)
    return None if value is None else checks.number(low=0, high=high)(value, (key,))


def _count(data: Mapping[str, object], key: str) -> int:
    return _number(data, key, high=_COUNT_MAX) or 0


def _age(data: Mapping[str, object], key: str) -> int | None:
    return _number(data, key, high=_AGE_MAX)


def _verbs(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    return () if text == "none" else tuple(text.split(","))
