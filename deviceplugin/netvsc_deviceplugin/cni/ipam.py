"""Delegates addresses to a standard IPAM plugin, as the CNI specification has it (section 4)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from netvsc.errors import NodeError
from netvsc_deviceplugin.cni import strict
from netvsc_deviceplugin.cni.request import Call, CallError, Code, Json, environment_of

_TIMEOUT_S = 30.0  # a DHCP plugin waits for its server


class DelegateError(NodeError):
    """The IPAM plugin refused; `code` and the message are its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def addresses(call: Call) -> Json:
    """Return what the IPAM plugin gives; raises NetvscError, also where that is no address."""
    found = await delegate(call, "ADD")
    if not found.get("ips"):
        raise NodeError(f"IPAM plugin {call.ipam}: it gave no address; see its section")
    return found


async def delegate(call: Call, command: str) -> Json:
    """Run the IPAM plugin that `call` names, return its result; raises NetvscError."""
    name = call.ipam or ""
    program = _find(name, call)
    process = await asyncio.create_subprocess_exec(
        program,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(call, command),
    )
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            out, _ = await process.communicate(json.dumps(call.config).encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NodeError(f"IPAM plugin {name}: no answer within {_TIMEOUT_S:.0f} s") from None
    return _result(name, out, good=process.returncode == 0)


def _find(name: str, call: Call) -> Path:
    if "/" in name:
        raise CallError(Code.CONFIG, f"ipam.type {name!r}: name a plugin, not a path")
    for folder in call.path:
        if (program := Path(folder) / name).is_file():
            return program
    raise CallError(Code.CONFIG, f"ipam.type {name!r}: no such plugin in {':'.join(call.path)}")


def _environment(call: Call, command: str) -> Mapping[str, str]:
    """Return what we were called with: a GC has no container, and a DEL may have no netns."""
    ours = {key: value for key, value in environment_of(call).items() if value}
    return {**ours, "CNI_COMMAND": command, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def _result(name: str, out: bytes, *, good: bool) -> Json:
    try:
        found = strict.loads(out) if out.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NodeError(f"IPAM plugin {name}: its answer is no JSON object")
    if not good:
        code = found.get("code")
        raise DelegateError(
            code if isinstance(code, int) else Code.IO, f"IPAM plugin {name}: {found.get('msg')}"
        )
    return found
