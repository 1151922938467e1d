"""Delegates addresses to a standard IPAM plugin, as the CNI specification has it (section 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from netvsc.errors import NetvscError, NodeError, RetryError
from netvsc_deviceplugin.cni.protocol import ipam_program, wire
from netvsc_deviceplugin.cni.protocol.ipam_program import Ran
from netvsc_deviceplugin.cni.protocol.request import Call, CallError, Code, Json, environment_of

# In seconds: a DHCP plugin waits for its server. An ADD that fails is undone within the time that
# the shim has for both.
_PATIENCE = {"ADD": 30.0}
_PATIENCE_S = 20.0
_SHOWN = 400  # characters of what a program said that is no error of the specification's
_U32 = 0xFFFFFFFF


class DelegateError(NodeError):
    """The IPAM plugin refused; `code` and the message are its own."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


async def addresses(call: Call) -> Json:
    """Return what the IPAM plugin gives; raises NetvscError, also where that is not an address."""
    found = await delegate(call, "ADD")
    if not found.get("ips"):
        raise NodeError(f"IPAM plugin {call.ipam}: it gave no address; see its section")
    return found


async def delegate(call: Call, command: str) -> Json:
    """Run the IPAM plugin that `call` names, return the result of an ADD; raises NetvscError."""
    name = call.ipam or ""
    program = _find(name, call)
    try:
        ran = await ipam_program.run(
            program,
            environment=_environment(call, command),
            stdin=json.dumps(call.config).encode(),
            patience_s=_PATIENCE.get(command, _PATIENCE_S),
        )
    except RetryError as error:
        raise RetryError(f"IPAM plugin {name}: {command}: {error}") from None
    except NetvscError as error:
        raise NodeError(f"IPAM plugin {name}: {command}: {error}") from None
    if ran.code:
        raise _refusal(name, ran)
    return _result(name, ran) if command == "ADD" else {}  # no other verb has a result


def check(call: Call) -> None:
    """Raise CallError for a section that names no plugin: the pair would have no address."""
    section = call.config.get("ipam")
    if not call.ipam and section not in (None, {}, {"type": ""}):
        raise CallError(
            Code.CONFIG,
            f"ipam {json.dumps(section)[:_SHOWN]}: it names no plugin; "
            'write {"type": "static", …}, or leave ipam out',
        )


def _find(name: str, call: Call) -> Path:
    if "/" in name:
        raise CallError(Code.CONFIG, f"ipam.type {name!r}: name a plugin, not a path")
    for folder in call.path:
        if (program := Path(folder) / name).is_file():
            return program
    raise CallError(
        Code.CONFIG,
        f"ipam.type {name!r}: no such plugin in {':'.join(call.path) or 'CNI_PATH, which is empty'}"
        "; install it there, or name one that is",
    )


def _environment(call: Call, command: str) -> Mapping[str, str]:
    """Return what we were called with: a GC has no container, and a DEL may have no netns."""
    ours = {key: value for key, value in environment_of(call).items() if value}
    return {**ours, "CNI_COMMAND": command, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def _result(name: str, ran: Ran) -> Json:
    found = _object(ran)
    if found is None:
        raise NodeError(f"IPAM plugin {name}: its answer is not a JSON object: {_text(ran.out)}")
    return found


def _refusal(name: str, ran: Ran) -> DelegateError:
    """Return its own error, or how it ended where it said none."""
    found = _object(ran) or {}
    words = [found.get("msg"), found.get("details")]
    message = "; ".join(word for word in words if isinstance(word, str) and word)
    if not message:
        text = _text(ran.out) or _text(ran.err)
        message = f"it ended with {ran.code}" + (f": {text}" if text else " and said nothing")
    return DelegateError(_code(found), f"IPAM plugin {name}: {message}")


def _code(error: Json) -> int:
    """Return its code where the runtime could read it, a 32-bit number above none."""
    code = error.get("code")
    if isinstance(code, int) and not isinstance(code, bool) and 0 < code <= _U32:
        return code
    return Code.IO


def _object(ran: Ran) -> Json | None:
    try:
        found = wire.loads(ran.out) if ran.out.strip() else {}
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _text(message: bytes) -> str:
    return " ".join(message.decode(errors="replace").split())[:_SHOWN]
