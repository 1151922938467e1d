"""What a program's name tells: it takes EAL's arguments, or it starts who takes them."""

from __future__ import annotations

import re

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
