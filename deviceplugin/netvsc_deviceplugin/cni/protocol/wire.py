r"""A CNI call as the shim writes it, on the agent's socket and in deferred calls. Pure.

netvsc-cni/1 <bytes of environment> <bytes of standard input>\n
NAME=value\0NAME=value\0 … standard input
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from netvsc.errors import RequestError

GREETING = b"netvsc-cni/1"
HEADER_MAX = 64
ENVIRONMENT_MAX = 1 << 16
STDIN_MAX = 1 << 18  # as the shim's; a result of a pod with hundreds of routes has 30 KiB


def cut() -> RequestError:
    return RequestError("the call on the agent's socket was cut short: use netvsc-cni to make one")


def sizes(line: bytes) -> tuple[int, int]:
    """Return what a header says of environment and standard input; raises RequestError."""
    try:
        words = line[:HEADER_MAX].split()
        greeting, found = words[0], [int(word) for word in words[1:]]
    except (ValueError, IndexError):
        raise cut() from None
    if greeting != GREETING or len(found) != 2:
        raise cut()
    if not (0 <= found[0] <= ENVIRONMENT_MAX and 0 <= found[1] <= STDIN_MAX):
        raise RequestError(
            f"the call is too long: {ENVIRONMENT_MAX} bytes of environment and {STDIN_MAX} of "
            "configuration are read at most"
        )
    return found[0], found[1]


def environment(raw: bytes) -> Mapping[str, str]:
    words = (word.decode(errors="replace").partition("=") for word in raw.split(b"\0"))
    return {key: value for key, equals, value in words if equals}


def read(message: bytes) -> tuple[Mapping[str, str], bytes]:
    """Return environment and standard input of a whole message; raises RequestError."""
    line, newline, rest = message.partition(b"\n")
    first, second = sizes(line)
    if not newline or len(rest) != first + second:
        raise cut()
    return environment(rest[:first]), rest[first:]


def write(variables: Mapping[str, str], stdin: bytes) -> bytes:
    """Return the message of a call."""
    raw = b"".join(f"{key}={value}".encode() + b"\0" for key, value in variables.items())
    return b"%s %d %d\n%s%s" % (GREETING, len(raw), len(stdin), raw, stdin)


def loads(text: bytes | str) -> Any:
    """Read it; raises ValueError for NaN, for Infinity, and for numbers that would become that."""
    return json.loads(text, parse_constant=_no_number, parse_float=_finite)


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is beyond every number")
    return number
