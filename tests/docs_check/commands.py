"""A block of shell as the commands in it, each with its words."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docs_check.blocks import Block

Words = tuple[str, ...]
_BETWEEN = re.compile(r"[;&|\n()]+")
_TOWARDS = re.compile(r"[<>]+&?")
_INNER = re.compile(r"\$\(([^()]*)\)")
_ASSIGNED = re.compile(r"[A-Za-z_]\w*=")
_PROMPT = "$ "


def commands(text: str) -> list[Words]:
    """The commands of a shell text: what runs inside `$(…)` too, without what is only assigned."""
    inner = [words for found in _INNER.findall(text) for words in commands(found)]
    # Backslashes join lines; an inner command's place is taken by a word.
    flat = _INNER.sub("VALUE", text.replace("\\\n", " "))
    return [*inner, *(words for part in _parts(flat) if (words := _run(part)))]


def _parts(text: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|\n()<>")
    lexer.whitespace = " \t"  # a line's end separates
    lexer.wordchars += "$*?[]{}:@%^!,…“”"
    lexer.commenters = ""
    part: list[str] = []
    for word in lexer:
        if _BETWEEN.fullmatch(word):
            yield part
            part = []
        else:
            part.append(word)
    yield part


def _run(part: list[str]) -> Words:
    """Without assignments before it, and without where its output goes."""
    words = iter(part)
    found: list[str] = []
    for word in words:
        if _TOWARDS.fullmatch(word):
            next(words, None)
        elif found or not _ASSIGNED.match(word):
            found.append(word)
    return tuple(found)


def uncommented(text: str) -> str:
    """Without comments: from a `#` at a word's beginning, outside of quotes, to the line's end."""
    return "\n".join(_without_comment(line) for line in text.splitlines())


def _without_comment(line: str) -> str:
    quote = ""
    for at, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "#" and (at == 0 or line[at - 1] in " \t"):
            return line[:at]
    return line


def typed(block: Block) -> list[Words]:
    """What a reader types: all of a `sh` block, what stands after `$ ` in a `console` block."""
    if block.kind.startswith("console"):
        return [words for asked, _ in exchanges(block) for words in commands(asked)]
    return commands(uncommented(block.text))


def exchanges(block: Block) -> list[tuple[str, str]]:
    """What was typed in a `console` block, and what came of it."""
    found: list[tuple[str, list[str]]] = []
    for line in block.text.splitlines():
        if line.startswith(_PROMPT):
            found.append((line.removeprefix(_PROMPT), []))
        else:
            found[-1][1].append(line)
    return [(asked, "\n".join(lines)) for asked, lines in found]
