"""Just enough SVG: shapes in one colour, text, small numbers."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Point = tuple[float, float]
INK, FAINT, PAPER, CARD, EDGE = "#24292e", "#6e7780", "#f4f5f5", "#ffffff", "#dfe1e3"
COLOURS = ("#3274d9", "#e0a526", "#56a64b", "#8f3bb8", "#e02f44", "#00a3a3", "#ff780a")
NAMED = {"green": "#56a64b", "orange": "#ff9830", "red": "#e02f44", "text": INK, "blue": "#3274d9"}


def rect(  # noqa: PLR0913 (a place and a colour)
    x: float, y: float, w: float, h: float, fill: str, *, edge: str = "none"
) -> str:
    where = f'x="{_n(x)}" y="{_n(y)}" width="{_n(w)}" height="{_n(h)}"'
    return f'<rect {where} fill="{fill}" stroke="{edge}"/>'


def text(  # noqa: PLR0913 (a place, words, and how they look)
    x: float,
    y: float,
    words: str,
    *,
    size: int = 11,
    fill: str = INK,
    anchor: str = "start",
    bold: bool = False,
) -> str:
    weight = ' font-weight="600"' if bold else ""
    style = f'font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}'
    return f'<text x="{_n(x)}" y="{_n(y)}" {style}>{escape(words)}</text>'


def line(points: Sequence[Point], colour: str, *, width: float = 1.5) -> str:
    if len(points) == 1:
        return dot(points[0], colour)
    return (
        f'<polyline points="{_path(points)}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
    )


def dot(point: Point, colour: str) -> str:
    x, y = point
    return f'<circle cx="{_n(x)}" cy="{_n(y)}" r="2.5" fill="{colour}"/>'


def area(points: Sequence[Point], base: Sequence[Point], colour: str) -> str:
    outline = _path([*points, *reversed(base)])
    return f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.35"/>'


def picture(width: float, height: float, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_n(width)} {_n(height)}" '
        f'width="{_n(width)}" font-family="Inter, Helvetica, Arial, sans-serif">'
    )
    return "\n".join([head, rect(0, 0, width, height, PAPER), *parts, "</svg>", ""])


def _path(points: Sequence[Point]) -> str:
    return " ".join(f"{_n(x)},{_n(y)}" for x, y in points)


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
