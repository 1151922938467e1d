"""JSON as strict readers take it (RFC 8259, and Go's encoding/json): what we write must be that."""

from __future__ import annotations

import json
from typing import Any


def loads(text: bytes | str) -> Any:
    """Read what must be JSON; raises ValueError for NaN, Infinity and what is no UTF-8."""
    return json.loads(text if isinstance(text, str) else text.decode(), parse_constant=_refuse)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
