"""Small changes to bytes, to text, and to JSON by its structure; all by a source of chance."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

LONGEST = 1 << 14  # bytes; what is longer is cut, so that stacked changes do not grow for ever
_EDGES = (0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 127, 128, 255)
_NUMBERS = (0, -1, 1, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63), 10**30, 0.5, -0.0)
_TEXTS = (
    "", "x", " ", "\n", "\0", "\x7f", "é", "\U0001f600", "\ud800", "0", "-1", "1e999", "NaN", "٣",
    "9" * 5000, "a" * 300, "..", "/", "../../etc", "%s", "{pci}", "netvsc0", "netvsc.io/pair",
    "00-0d-3a-c0-00-11", "00:0d:3a:c0:00:11", "10.0.1.4/24", "fe80::1%eth0", "2026-01-02T03:04:05Z",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "Infinity", "true", "null",
)  # fmt: skip
_JUNK: tuple[Any, ...] = (None, True, False, [], {}, [[]], [None], {"": None}, float("inf"))

Json = Any


def raw(data: bytes, random: Random, corpus: Sequence[bytes]) -> bytes:
    """Change some bytes: lengths and types of binary formats are bytes like all others."""
    return random.choice(_RAW)(bytearray(data), random, corpus)[:LONGEST]


def _flip(data: bytearray, random: Random, _corpus: Sequence[bytes]) -> bytes:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(data)


def _edge(data: bytearray, random: Random, _corpus: Sequence[bytes]) -> bytes:
    """Write a number that is often a limit, in one, two or four bytes."""
    width = random.choice((1, 2, 4))
    if len(data) >= width:
        at = random.randrange(len(data) - width + 1)
        value = random.choice((*_EDGES, len(data), len(data) - at, 2 ** (8 * width) - 1))
        data[at : at + width] = (value % 2 ** (8 * width)).to_bytes(width, "little")
    return bytes(data)


def _cut(data: bytearray, random: Random, _corpus: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    del data[start : start + random.choice((1, 2, 4, 16, len(data)))]
    return bytes(data)


def _insert(data: bytearray, random: Random, _corpus: Sequence[bytes]) -> bytes:
    at = random.randrange(len(data) + 1)
    data[at:at] = random.choice((random.randbytes(random.choice((1, 2, 4, 16))), _word(random)))
    return bytes(data)


def _repeat(data: bytearray, random: Random, _corpus: Sequence[bytes]) -> bytes:
    start = random.randrange(len(data) + 1)
    data[start:start] = data[start : start + random.choice((1, 4, 32))] * random.choice((1, 2, 200))
    return bytes(data)


def _splice(data: bytearray, random: Random, corpus: Sequence[bytes]) -> bytes:
    other = random.choice(corpus)
    return (
        bytes(data[: random.randrange(len(data) + 1)]) + other[random.randrange(len(other) + 1) :]
    )


_RAW = (_flip, _edge, _cut, _insert, _repeat, _splice)


def _word(random: Random) -> bytes:
    return random.choice(_TEXTS).encode("utf-8", "surrogatepass")


def structured(data: bytes, random: Random, corpus: Sequence[bytes]) -> bytes:
    """Change one part of a JSON text; one in eight times its bytes, as what is no JSON always."""
    tree = _tree(data)
    if tree is None or random.randrange(8) == 0:
        return raw(data, random, corpus)
    return json.dumps(_changed(tree, random, corpus)).encode()


def after_blank_line(data: bytes, random: Random, corpus: Sequence[bytes]) -> bytes:
    """Change head or JSON body of `head, blank line, body`."""
    head, blank, body = data.partition(b"\n\n")
    if not blank or random.randrange(4) == 0:
        return raw(data, random, corpus)
    bodies = [one.partition(b"\n\n")[2] for one in corpus]
    return head + blank + structured(body, random, bodies)


def lines(data: bytes, random: Random, corpus: Sequence[bytes]) -> bytes:
    """Change a text by whole lines, by words, or by bytes."""
    found = data.split(b"\n")
    at = random.randrange(len(found))
    match random.randrange(4):
        case 0:
            del found[at]
        case 1:
            found.insert(at, random.choice(random.choice(corpus).split(b"\n")))
        case 2:
            key, colon, _ = found[at].partition(b": ")
            found[at] = key + colon + _word(random)
        case _:
            return raw(data, random, corpus)
    return b"\n".join(found)[:LONGEST]


def _tree(data: bytes) -> Json:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _places(tree: Json) -> list[tuple[Any, Any]]:
    """Return every (container, key) in a tree."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        thing = waiting.pop()
        if isinstance(thing, dict | list):
            keys = list(thing) if isinstance(thing, dict) else list(range(len(thing)))
            found += [(thing, key) for key in keys]
            waiting += [thing[key] for key in keys]
    return found


def _changed(tree: Json, random: Random, corpus: Sequence[bytes]) -> Json:
    places = _places(tree)
    if not places:
        return random.choice(_JUNK)
    inside, key = random.choice(places)
    random.choice(_CHANGES)(inside, key, random, corpus)
    return tree


def _delete(inside: Json, key: Any, _random: Random, _corpus: Sequence[bytes]) -> None:
    del inside[key]


def _replace(inside: Json, key: Any, random: Random, corpus: Sequence[bytes]) -> None:
    inside[key] = _something(random, corpus)


def _wrap(inside: Json, key: Any, random: Random, _corpus: Sequence[bytes]) -> None:
    inside[key] = random.choice(([inside[key]], {"x": inside[key]}, [inside[key]] * 3))


def _rename(inside: Json, key: Any, random: Random, _corpus: Sequence[bytes]) -> None:
    if isinstance(inside, dict):
        inside[random.choice((*_TEXTS, *inside))] = inside.pop(key)
    else:
        inside.append(inside[key])


def _edit(inside: Json, key: Any, random: Random, corpus: Sequence[bytes]) -> None:
    value = inside[key]
    if isinstance(value, str):
        data = raw(value.encode("utf-8", "surrogatepass"), random, corpus)
        inside[key] = data.decode("utf-8", "replace")
    elif isinstance(value, int | float):
        inside[key] = value + random.choice((-1, 1))
    else:
        inside[key] = _something(random, corpus)


_CHANGES = (_delete, _replace, _replace, _wrap, _rename, _edit, _edit)


def _something(random: Random, corpus: Sequence[bytes]) -> Json:
    kinds: tuple[Callable[[], Json], ...] = (
        lambda: random.choice(_JUNK),
        lambda: random.choice(_NUMBERS),
        lambda: random.choice(_TEXTS),
        lambda: _transplant(random, corpus),
    )
    return json.loads(json.dumps(random.choice(kinds)()))


def _transplant(random: Random, corpus: Sequence[bytes]) -> Json:
    places = _places(_tree(random.choice(corpus)))
    if not places:
        return None
    inside, key = random.choice(places)
    return inside[key]
