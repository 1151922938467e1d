"""docs/licences.md: what is shipped, and under which licence (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from license_expression import get_spdx_licensing  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from supply_chain.parts import Part

_HEAD = """\
# Licences of what the images hold
Written by `make licences` from the images themselves; versions are in each image's SBOM, and what the
licences mean for you is in [supply-chain.md](supply-chain.md#licences). **Bold** are those that ask for
more than a notice when you pass the images on or change what is in them.
"""  # noqa: E501  (a page's lines are as long as its sentences)
_ASKING = re.compile(r"(A?GPL|LGPL|MPL|EPL|CDDL|Sleepycat)-")
_SPDX = get_spdx_licensing()


def page(agent: Sequence[Part], fdpipe: Sequence[Part]) -> str:
    debian = [part for part in agent if part.source and part.source != "musl"]
    musl = [part for part in fdpipe if part.source]
    python = [part for part in agent if part.purl.startswith("pkg:pypi/")]
    sections = [
        ("Python distributions", ("distribution", "licence"), _rows(python)),
        ("Inside their wheels", ("library", "in", "licence"), sorted(_held(python))),
        ("Debian packages", ("package", "source", "licence"), _rows(debian, source=True)),
        ("Linked into fdpipe", ("package", "source", "licence"), _rows(musl, source=True)),
    ]
    return _HEAD + "".join(f"\n## {name}\n{_table(head, rows)}" for name, head, rows in sections)


def asks(licence: str) -> bool:
    """No choice that the expression leaves asks for no more than a notice."""
    own = {"LicenseRef-public-domain"}
    unknown = set(_SPDX.unknown_license_keys(licence)) - own
    if unknown:
        raise ValueError(f"{licence!r}: SPDX knows no licence {', '.join(sorted(unknown))}")
    return _asks(_SPDX.parse(licence))


def _asks(term: Any) -> bool:
    match term:
        case _SPDX.OR():
            return all(_asks(choice) for choice in term.args)
        case _SPDX.AND():
            return any(_asks(part) for part in term.args)
        case _:
            return bool(_ASKING.match(str(term)))


def _rows(parts: Iterable[Part], *, source: bool = False) -> list[tuple[str, ...]]:
    return [
        (part.name, *([part.source] if source else []), _marked(part.licence)) for part in parts
    ]


def _held(parts: Iterable[Part]) -> Iterator[tuple[str, ...]]:
    """A library is written once for each distribution it is in."""
    for part in parts:
        for name, licence in {(held.name, held.licence) for held in part.holds}:
            yield name, part.name, _marked(licence)


def _marked(licence: str) -> str:
    return f"**{licence}**" if asks(licence) else licence


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
