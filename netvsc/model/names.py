"""Names with rules of their own: network interfaces, extended resources, environment variables."""

from __future__ import annotations

import re

from netvsc.errors import RequestError

INTERFACE_MAX = 15  # IFNAMSIZ less its NUL, include/uapi/linux/if.h
PREFIX_MAX = 12  # leaves three digits for the number
RESOURCE_DOMAIN = "netvsc.io/"
_RESOURCE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_POOL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def check_interface(name: str, *, longest: int = INTERFACE_MAX) -> str:
    """Return `name` if the kernel takes it for an interface (dev_valid_name, net/core/dev.c)."""
    if not name or len(name.encode(errors="replace")) > longest:
        raise RequestError(f"interface name {name!r}: write 1 to {longest} bytes")
    if name in {".", ".."} or any(c in "/:" or c.isspace() for c in name):
        raise RequestError(f"interface name {name!r}: the kernel takes no '/', ':' or white space")
    if not name.isprintable():  # the kernel takes those, and a terminal would obey them
        raise RequestError(f"interface name {name!r}: write characters that can be printed")
    return name


def is_interface(name: str) -> bool:
    """Tell whether an interface may be called so."""
    try:
        check_interface(name)
    except RequestError:
        return False
    return True


def check_pool(name: str) -> str:
    """Return `name` if a pool may be called so: a DNS label (RFC 1123)."""
    if not _POOL.fullmatch(name):
        raise RequestError(
            f"pool name {name!r}: write at most 63 lower-case letters, digits and dashes"
        )
    return name


def check_resource(name: str) -> str:
    """Return `name` if it is an extended resource of ours, `netvsc.io/<qualified name>`."""
    if not name.startswith(RESOURCE_DOMAIN) or not _RESOURCE.fullmatch(
        name[len(RESOURCE_DOMAIN) :]
    ):
        raise RequestError(
            f"resource {name!r}: write {RESOURCE_DOMAIN}<name> with letters, digits, '-', '_', '.'"
        )
    return name


def natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key that puts eth2 before eth10."""
    return tuple(
        (int(part), "") if part.isdecimal() else (-1, part) for part in re.findall(r"\d+|\D+", name)
    )
