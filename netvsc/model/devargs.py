"""The template of the line that announces a VF to a fail-safe port: EAL devargs.

The sidecar makes the line of it (fdpipe/pipe/devargs_template.c): it alone knows whether it may
stand.

DPDK guide, "Fail-safe poll mode driver library", fd(<fd number>).
"""

from __future__ import annotations

import re

from netvsc.errors import RequestError

PLACEHOLDERS = ("pci", "mac", "pcihex", "interface")
LINE_MAX = 255  # bytes; fail-safe reads a whole line, the sidecar's buffers are bounded
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WORD = re.compile(r"[A-Za-z0-9_.-]+")


def check_template(template: str) -> str:
    """Return `template` if it can make a devargs line; raise RequestError if not."""
    if not template or len(template.encode(errors="replace")) > LINE_MAX:
        raise RequestError(f"devargs template {template!r}: write 1 to {LINE_MAX} bytes")
    for name in _PLACEHOLDER.findall(template):
        if name not in PLACEHOLDERS:
            known = ", ".join(f"{{{p}}}" for p in PLACEHOLDERS)
            raise RequestError(f"devargs template {template!r}: no {{{name}}}; known are {known}")
    rest = _PLACEHOLDER.sub("", template)
    if any(c in rest for c in "{}()") or any(c.isspace() for c in template):
        raise RequestError(
            f"devargs template {template!r}: fail-safe takes no white space and no bracket in it"
        )
    if not template.isprintable():  # the sidecar would refuse to start with it
        raise RequestError(f"devargs template {template!r}: write characters that can be printed")
    return template


def check_word(name: str) -> str:
    """Return an interface's name if it can stand in devargs, which have a grammar of their own."""
    if not _WORD.fullmatch(name):
        raise RequestError(
            f"interface name {name!r} cannot stand in DPDK's devargs: let the pool's "
            "interfacePrefix have letters, digits, '-', '_' and '.' alone"
        )
    return name
