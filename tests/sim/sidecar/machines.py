"""The pure parts of fdpipe, the very code that is shipped, as Python objects (fdpipe/*.h)."""

from __future__ import annotations

import ctypes
import functools
from ctypes import (
    POINTER,
    byref,
    c_bool,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
)
from enum import IntEnum

from sim.sidecar.fdpipe import binary

MS = 1_000_000  # times are nanoseconds


class Act(IntEnum):
    CANCEL, LINE, TOKEN = 1, 2, 3
    HUNGRY, TAKEN, FAILED_PLUG = 16, 17, 18


class Why(IntEnum):
    NONE, START, LOST, READER_GONE, UNREAD, ORDERED, FOREIGN = range(7)


class Gate(IntEnum):
    AUTO, STARTED, IMMEDIATE = range(3)


class Ready(IntEnum):
    OK, AWAY, CONFLICT, NOT_JOINED, UNBOUND, VERBS_WAIT, MISMATCH, SETTLING = range(8)


class Verbs(IntEnum):
    NOT_NEEDED, OK, MISSING, UNKNOWN, MISMATCH = range(5)


class TokenFacts(ctypes.Structure):
    _fields_ = (
        ("now", c_int64),
        ("offer", c_uint32),
        ("reader", c_uint8),
        ("empty", c_uint8),
        ("order", c_uint8),
    )


class TokenState(ctypes.Structure):
    _fields_ = (
        ("poll", c_int64),
        *((name, c_int64) for name in ("hungry_at", "line_at", "taken_at", "lost_at", "retry_at")),
        ("token_at", c_int64),
        *((name, c_uint32) for name in ("offer", "line", "taken")),
        *((name, c_uint32) for name in ("offers", "takes", "cancels", "failed_plugs", "fails")),
        *((name, c_uint8) for name in ("inside", "hungry", "lost", "fresh", "alive")),
    )


class TokenOut(ctypes.Structure):
    _fields_ = (
        ("deadline", c_int64),
        ("count", c_uint8),
        ("action", c_uint8 * 8),
        ("why", c_uint8),
    )


class GateFacts(ctypes.Structure):
    _fields_ = (
        ("now", c_int64),
        ("asked_at", c_int64),
        ("tap", c_int32),
        ("tap_up", c_uint8),
        ("present", c_uint8),
        ("guarded", c_uint8),
    )


class GateState(ctypes.Structure):
    _fields_ = (
        *((name, c_int64) for name in ("poll", "timeout", "asked_at", "up_at", "reset_at")),
        ("tap", c_int32),
        ("mode", c_uint8),
        ("open", c_uint8),
    )


class ReadyFacts(ctypes.Structure):
    _fields_ = (
        ("now", c_int64),
        ("container_verbs", c_uint64),
        ("instance", c_uint32),
        ("shape", c_uint32),
        ("verbs", c_int32),
        *((name, c_uint8) for name in ("there", "joined", "conflict", "bound", "needs_verbs")),
        ("verbs_known", c_uint8),
    )


class ReadyState(ctypes.Structure):
    _fields_ = (
        ("settle", c_int64),
        *((name, c_int64) for name in ("seen_at", "steady_at", "recheck_at", "recheck_pause")),
        ("instance", c_uint32),
        ("shape", c_uint32),
        *((name, c_uint8) for name in ("usable", "reason", "verbs")),
    )


class TemplateValues(ctypes.Structure):
    _fields_ = (("pci", c_char_p), ("mac", c_char_p), ("interface", c_char_p))


@functools.cache
def library() -> ctypes.CDLL:
    lib = ctypes.CDLL(str(binary("libpure.so")))
    lib.token_init.argtypes = [POINTER(TokenState), c_int64]
    lib.token_step.argtypes = [POINTER(TokenState), POINTER(TokenFacts), POINTER(TokenOut)]
    lib.token_write_failed.argtypes = [POINTER(TokenState)]
    lib.gate_init.argtypes = [POINTER(GateState), ctypes.c_int, c_int64, c_int64]
    lib.gate_assume_asked.argtypes = [POINTER(GateState), c_int64]
    lib.gate_step.argtypes = [POINTER(GateState), POINTER(GateFacts), POINTER(c_int64)]
    lib.gate_step.restype = c_bool
    lib.vf_ready_init.argtypes = [POINTER(ReadyState), c_int64]
    lib.vf_ready_step.argtypes = [POINTER(ReadyState), POINTER(ReadyFacts), POINTER(c_int64)]
    lib.vf_ready_step.restype = c_bool
    lib.devargs_template_check.argtypes = [c_char_p]
    lib.devargs_template_check.restype = c_char_p
    lib.driver_needs_verbs.argtypes = [c_char_p]
    lib.driver_needs_verbs.restype = c_bool
    lib.driver_template.argtypes = [c_char_p]
    lib.driver_template.restype = c_char_p
    lib.devargs_template_render.argtypes = [c_char_p, POINTER(TemplateValues), c_char_p, c_size_t]
    lib.devargs_template_render.restype = c_bool
    return lib


class Token:
    """pipe/token.h"""

    def __init__(self, *, poll: int) -> None:
        self.state = TokenState()
        self.deadline = 0
        self.why = Why.NONE
        library().token_init(byref(self.state), poll)

    def step(
        self, now: int, *, offer: int, reader: bool, empty: bool, order: bool = False
    ) -> list[Act]:
        out = TokenOut()
        facts = TokenFacts(now, offer, reader, empty, order)
        library().token_step(byref(self.state), byref(facts), byref(out))
        self.deadline, self.why = out.deadline, Why(out.why)
        return [Act(out.action[i]) for i in range(out.count)]

    def write_failed(self) -> None:
        library().token_write_failed(byref(self.state))


class GateMachine:
    """pipe/gate.h"""

    def __init__(self, mode: Gate, *, poll: int, timeout: int) -> None:
        self.state = GateState()
        self.deadline = 0
        library().gate_init(byref(self.state), mode, poll, timeout)

    def assume_asked(self, now: int) -> None:
        library().gate_assume_asked(byref(self.state), now)

    def step(  # noqa: PLR0913 - the facts of gate.h
        self,
        now: int,
        *,
        asked_at: int = 0,
        tap: int = 0,
        tap_up: bool = False,
        present: bool = True,
        guarded: bool = False,
    ) -> bool:
        deadline = c_int64()
        facts = GateFacts(now, asked_at, tap, tap_up, present, guarded)
        found = library().gate_step(byref(self.state), byref(facts), byref(deadline))
        self.deadline = deadline.value
        return bool(found)


class ReadyMachine:
    """pipe/vf_ready.h"""

    def __init__(self, *, settle: int) -> None:
        self.state = ReadyState()
        self.deadline = 0
        library().vf_ready_init(byref(self.state), settle)

    def step(self, now: int, **facts: int) -> bool:
        deadline = c_int64()
        given = {"there": 1, "joined": 1, "bound": 1, "verbs": -1, "instance": 1} | facts
        found = library().vf_ready_step(
            byref(self.state), byref(ReadyFacts(now=now, **given)), byref(deadline)
        )
        self.deadline = deadline.value
        return bool(found)

    @property
    def why(self) -> Ready:
        return Ready(self.state.reason)

    @property
    def verbs(self) -> Verbs:
        return Verbs(self.state.verbs)


def check_template(text: str) -> str | None:
    wrong: bytes | None = library().devargs_template_check(text.encode())
    return wrong.decode() if wrong else None


def default_template(driver: str) -> str:
    found: bytes = library().driver_template(driver.encode())
    return found.decode()


def needs_verbs(driver: str) -> bool:
    return bool(library().driver_needs_verbs(driver.encode()))


def render(text: str, *, pci: str, mac: str, interface: str, size: int = 256) -> str | None:
    """Return the line, or None if it does not fit."""
    space = ctypes.create_string_buffer(size)
    values = TemplateValues(pci.encode(), mac.encode(), interface.encode())
    fits = library().devargs_template_render(text.encode(), byref(values), space, size)
    return space.value.decode("latin-1") if fits else None
