"""CNI calls: `NAME=value` lines, a blank line, standard input; runtimes and lists write them.

The same corpus feeds the shim (c/cni.c).
"""

from __future__ import annotations

import contextlib
import json

from fuzz.engine import Target
from fuzz.mutate import after_blank_line, raw
from fuzz.targets import strict
from netvsc.errors import RequestError, RetryError
from netvsc_deviceplugin.cni import result
from netvsc_deviceplugin.cni.pod_pairs import wants
from netvsc_deviceplugin.cni.protocol import wire
from netvsc_deviceplugin.cni.protocol.request import Call, Verb, environment_of, parse_call
from netvsc_deviceplugin.cni.server import _written
from netvsc_deviceplugin.kubelet.podresources import PodDevices

_DEVICES = (PodDevices(container="fwd", resource="netvsc.io/pair", ids=("00-0d-3a-c0-00-11",)),)


def call(data: bytes) -> None:
    """A call is read or refused; what was read survives being deferred, and its answer is JSON."""
    head, _, stdin = data.partition(b"\n\n")
    environment = wire.environment(head.replace(b"\n", b"\0"))
    assert wire.read(wire.write(environment, stdin)) == (environment, stdin)
    try:
        found = parse_call(environment, stdin)
        _use(found)
    except RequestError as error:
        strict.loads(_written(result.failed(error))[2:])


def _use(found: Call) -> None:
    strict.loads(_written(result.added(found, ()))[2:])
    if found.verb is Verb.GC:
        found.valid_attachments()
    if not found.container:
        return
    with contextlib.suppress(RetryError):
        wants(found, _DEVICES, prefixes={})
    deferred = wire.write(environment_of(found), json.dumps(found.config).encode())
    again = parse_call(*wire.read(deferred))
    assert (again.verb, again.container, again.netns) == (
        found.verb,
        found.container,
        found.netns,
    )


def message(data: bytes) -> None:
    """Bytes on the agent's socket, or in a deferred call, are a call or are refused."""
    with contextlib.suppress(RequestError):
        parse_call(*wire.read(data))


TARGETS = (
    Target(name="call", check=call, mutate=after_blank_line),
    Target(name="message", check=message, mutate=raw),
)
