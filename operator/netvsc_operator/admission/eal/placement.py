"""Finds where EAL's arguments go in what a container runs, and inserts them.

A process gets `command` + `args`; without `command` the image's entry point stands in front. A
program's name tells whether it takes EAL's arguments, or starts who takes them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from netvsc.errors import RequestError

VARIABLE = "NETVSC_EAL_ARGS"
PLACEHOLDER = f"$({VARIABLE})"
# As the kubelet reads it: `$$` is a dollar, so that `$$(NETVSC_EAL_ARGS)` is not a placeholder.
_REFERENCE = re.compile(r"\$\$|\$\(NETVSC_EAL_ARGS\)")
_ENDS = {"--", ";", "&&", "||", "|", "&", "exec"}  # of EAL's part, in a list and in a shell's text

Words = tuple[str, ...]


class Where(StrEnum):
    ELEMENT = "in place of the argument $(NETVSC_EAL_ARGS)"
    TEXT = "where $(NETVSC_EAL_ARGS) stands in the text, by that environment variable"
    PROGRAM = "right after the program's name"
    ARGS = "in front of args, as the image's entry point is taken to be the application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """`at` is the position in `command` + `args`, None for TEXT. `text`: the variable is needed.

    `near` are the arguments around the place that are EAL's too, as far as one can tell.
    """

    where: Where
    at: int | None
    text: bool
    near: Words


def find_placement(command: Words, args: Words) -> Placement:
    """Say where EAL's arguments belong; raises RequestError where only the user can know."""
    argv = command + args
    elements = [i for i, word in enumerate(argv) if word == PLACEHOLDER]
    texts = [word for word in argv if word != PLACEHOLDER and refers(word)]
    if len(elements) > 1:
        raise RequestError(f"{PLACEHOLDER} is an argument {len(elements)} times: keep one")
    if elements:
        at = elements[0]
        _check_not_program(command, at)
        near = _around(argv, at, at + 1, start=1 if command else 0)
        return Placement(where=Where.ELEMENT, at=at, text=bool(texts), near=near)
    if texts:
        return Placement(where=Where.TEXT, at=None, text=True, near=_near_in_texts(texts))
    return _implied(command, argv)


def put(words: Words, *, into: Placement, command: Words, args: Words) -> tuple[Words, Words]:
    """Return `command` and `args` with the arguments in their place."""
    if into.at is None:
        return command, args
    argv, at = command + args, into.at
    after = at + 1 if into.where is Where.ELEMENT else at
    whole = argv[:at] + words + argv[after:]
    if at < len(command):
        border = len(command) + len(whole) - len(argv)
        return whole[:border], whole[border:]
    return whole[: len(command)], whole[len(command) :]


def quoted(words: Words) -> str:
    """Return the variable's value: a shell makes the same words of it."""
    return shlex.join(words)


def refers(text: str) -> bool:
    """Tell whether the kubelet would replace the variable in this text."""
    return any(found.group() == PLACEHOLDER for found in _REFERENCE.finditer(text))


def _implied(command: Words, argv: Words) -> Placement:
    remedy = f"write {PLACEHOLDER} where DPDK's own arguments belong"
    if command and (kind := starts_others(command[0])):
        raise RequestError(f"{command[0]} is {kind}, which would take EAL's arguments: {remedy}")
    at = 1 if command else 0
    first = argv[at] if at < len(argv) else "-"
    if not first.startswith(("-", "$(")):
        program = command[0] if command else "the image's entry point"
        raise RequestError(
            f"{program} seems to start {first!r}, which is not an option, rather than to be the "
            f"application: {remedy}"
        )
    near = _around(argv, at, at, start=at)
    return Placement(where=Where.PROGRAM if command else Where.ARGS, at=at, text=False, near=near)


def _check_not_program(command: Words, at: int) -> None:
    if command and at == 0:
        raise RequestError(
            f"{PLACEHOLDER} stands in the program's place: write the program before it"
        )


def _around(words: Sequence[str], before: int, after: int, *, start: int) -> Words:
    """Return the words on both sides, as far as the next `--` or the shell's next command."""
    left: list[str] = []
    for word in reversed(words[start:before]):
        if word in _ENDS:
            break
        left.append(word)
    right: list[str] = []
    for word in words[after:]:
        if word in _ENDS:
            break
        right.append(word)
    return (*reversed(left), *right)


def _near_in_texts(texts: Sequence[str]) -> Words:
    found: list[str] = []
    for text in texts:
        words = [word.strip("'\"") for word in text.replace(";", " ; ").split()]
        for i, word in enumerate(words):
            if refers(word):
                found += _around(words, i, i + 1, start=0)
    return tuple(found)


_SHELLS = "sh bash dash ash zsh ksh mksh fish busybox toybox"
_INTERPRETERS = "python pypy perl ruby node lua luajit java php tclsh awk gawk"
_WRAPPERS = (
    "tini dumb-init catatonit s6-svscan s6-supervise supervisord runit runsv "
    "env nice ionice chrt taskset numactl stdbuf timeout nohup setsid setpriv prlimit capsh "
    "su sudo runuser gosu su-exec chroot unshare nsenter ip cgexec systemd-run "
    "strace ltrace gdb gdbserver valgrind perf rr script unbuffer xargs watch flock exec fdpipe"
)
_KINDS = {
    name: kind
    for names, kind in (
        (_SHELLS, "a shell"),
        (_INTERPRETERS, "an interpreter"),
        (_WRAPPERS, "a wrapper"),
    )
    for name in names.split()
}
_SCRIPT = re.compile(r"\.(sh|bash|py|pl|rb|js|lua)$")
_VERSION = re.compile(r"-?\d[\d.]*$")  # python3.11, lua5.4
_CLOSERS = ("sudo", "su", "runuser", "python", "pypy", "java", "node", "ruby")


def base(program: str) -> str:
    """Return `python` for /usr/bin/python3.11."""
    name = program.rsplit("/", 1)[-1]
    return _VERSION.sub("", name) or name


def starts_others(program: str) -> str | None:
    """Return what kind of program this is if EAL's arguments after its name would miss EAL."""
    if kind := _KINDS.get(base(program)):
        return kind
    return "a script" if _SCRIPT.search(program) else None


def closes_descriptors(program: str) -> bool:
    """Tell whether what this program starts usually does not inherit open descriptors."""
    return base(program) in _CLOSERS
