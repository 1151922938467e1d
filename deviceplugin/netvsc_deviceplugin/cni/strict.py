"""JSON as the runtime reads it (RFC 8259): what Python takes beyond that is refused. Pure."""

from __future__ import annotations

import json
import math
from typing import Any


def loads(text: bytes | str) -> Any:
    """Read it; raises ValueError for NaN, for Infinity, and for numbers that would become that."""
    return json.loads(text, parse_constant=_no_number, parse_float=_finite)


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is beyond every number")
    return number
