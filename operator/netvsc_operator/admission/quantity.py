"""Kubernetes quantities as whole numbers of the smallest unit: "1" and "1000m" are the same."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache

from netvsc.errors import RequestError

_QUANTITY = re.compile(
    r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,2})|([KMGTPE]i|[numkMGTPE])?)", re.ASCII
)
_LONGEST = 128  # characters; the number in it must be one that Python reads, and those are kept
_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{letter: Fraction(1000**power) for power, letter in enumerate("kMGTPE", start=1)},
    **{f"{letter}i": Fraction(1024**power) for power, letter in enumerate("KMGTPE", start=1)},
}


ONE = 10**9  # the smallest unit is a billionth, `1n`


def quantity(value: object) -> int:
    """Return billionths; raises RequestError for what Kubernetes does not take for a quantity."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)  # YAML by hand: `cpu: 1`
    if not isinstance(value, str):
        raise RequestError(f"{value!r} is no quantity: write a number such as 1, 500m or 64Mi")
    if len(value) > _LONGEST:
        raise RequestError(f"{value[:20]!r}… is too long for a quantity: write a shorter number")
    return _parsed(value)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> int:
    found = _QUANTITY.fullmatch(text)
    if not found:
        raise RequestError(f"{text!r} is no quantity: write a number such as 1, 500m or 64Mi")
    number, exponent, suffix = found.groups()
    scale = Fraction(10) ** int(exponent) if exponent else _SUFFIXES[suffix] if suffix else 1
    return math.ceil(Fraction(number) * scale * ONE)
