"""Runs another plugin's program, bounded in bytes and in time; none that fails is left running."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from netvsc.errors import NodeError, RetryError

OUT_MAX = 128 * 1024  # with the longest input it still fits into the shim's answer
_ERR_KEPT = 4096
_END_S = 1.0  # for what left the program's session and holds its pipes


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a program ended, minus the signal that ended it, and what it said."""

    code: int
    out: bytes
    err: bytes


async def run(
    program: Path, *, environment: Mapping[str, str], stdin: bytes, patience_s: float
) -> Ran:
    """Run a program to its end; raises NetvscError where it cannot be run, hangs or babbles."""
    try:
        process = await asyncio.create_subprocess_exec(
            program, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
        )
    except OSError as error:
        raise _unfit(program, error) from None
    heard, in_time = asyncio.create_task(_heard(process, stdin)), False
    try:
        in_time = await _within(patience_s, heard)
    finally:
        if not in_time:
            _kill(process)
            await _within(_END_S, heard)
            if not heard.cancel():
                heard.exception()  # or asyncio would complain that nobody looked at it
    if not in_time:
        raise NodeError(f"no answer within {patience_s:g} s")
    return heard.result()


async def _within(seconds: float, heard: asyncio.Task[Ran]) -> bool:
    """Tell whether it ends within that time; it goes on where it does not."""
    return bool((await asyncio.wait({heard}, timeout=seconds))[0])


async def _heard(process: Process, stdin: bytes) -> Ran:
    if not (process.stdin and process.stdout and process.stderr):
        raise AssertionError(process)
    _, out, err = await asyncio.gather(
        _tell(process.stdin, stdin),
        _read(process.stdout, enough=lambda: _kill(process)),
        _last(process.stderr),
    )
    code = await process.wait()
    if len(out) > OUT_MAX:
        raise NodeError(f"it said more than {OUT_MAX // 1024} KiB")
    return Ran(code=code, out=out, err=err)


async def _tell(pipe: asyncio.StreamWriter, text: bytes) -> None:
    with suppress(ConnectionError):  # it need not read all, nor any of it
        pipe.write(text)
        await pipe.drain()
    pipe.close()


async def _read(pipe: asyncio.StreamReader, *, enough: Callable[[], None]) -> bytes:
    """Read to the end, which comes soon after `enough`; a pipe that is not read never closes."""
    found = bytearray()
    while piece := await pipe.read(OUT_MAX):
        if len(found) > OUT_MAX:
            continue
        found += piece
        if len(found) > OUT_MAX:
            enough()
    return bytes(found)


async def _last(pipe: asyncio.StreamReader) -> bytes:
    found = b""
    while piece := await pipe.read(_ERR_KEPT):
        found = (found + piece)[-_ERR_KEPT:]
    return found


def _kill(process: Process) -> None:
    """End it with all that it started in its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _unfit(program: Path, error: OSError) -> NodeError | RetryError:
    why = f"cannot run {program}: {error.strerror}"
    if error.errno == errno.ETXTBSY:
        return RetryError(f"{why}: it is being written")
    if error.errno == errno.EACCES:
        return NodeError(f"{why}; chmod 755 {program}")
    return NodeError(f"{why}; install a static build of it for this machine")
