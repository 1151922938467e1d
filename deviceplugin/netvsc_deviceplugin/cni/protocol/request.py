"""One CNI call as it comes from the runtime: environment and standard input, checked. Pure.

CNI specification 1.1.0 and its predecessors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from netvsc.errors import RequestError
from netvsc.model.interface_names import ANNOTATION
from netvsc.model.names import check_interface
from netvsc_deviceplugin.cni.protocol import wire

VERSIONS = ("0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
POD_ANNOTATIONS = "io.kubernetes.cri.pod-annotations"

Json = Mapping[str, object]


class Verb(StrEnum):
    ADD = "ADD"
    DEL = "DEL"
    CHECK = "CHECK"
    GC = "GC"
    STATUS = "STATUS"
    VERSION = "VERSION"


_SINCE = {Verb.CHECK: "0.4.0", Verb.GC: "1.1.0", Verb.STATUS: "1.1.0"}
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_WITH_CONTAINER = {Verb.ADD, Verb.DEL, Verb.CHECK}


class Code(IntEnum):
    """The specification's error codes; 999 is what libcni calls an internal error."""

    VERSION = 1
    ENVIRONMENT = 4
    IO = 5
    DECODE = 6
    CONFIG = 7
    TRY_AGAIN = 11
    INTERNAL = 999


class CallError(RequestError):
    """The call itself is wrong, by the specification's code."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A checked call. `netns` may be empty for DEL: the runtime lost it."""

    verb: Verb
    version: str
    config: Json
    container: str = ""
    netns: str = ""
    interface: str = ""
    path: tuple[str, ...] = ()
    arguments: Mapping[str, str]

    @property
    def namespace(self) -> str:
        return self.arguments.get("K8S_POD_NAMESPACE", "")

    @property
    def pod(self) -> str:
        return self.arguments.get("K8S_POD_NAME", "")

    @property
    def log_fields(self) -> Mapping[str, str]:
        return log_fields(environment_of(self))

    @property
    def previous(self) -> Json | None:
        value = self.config.get("prevResult")
        return value if isinstance(value, dict) else None

    @property
    def annotation(self) -> str | None:
        """Return the names that the webhook decided on."""
        value = _inner(self.config, "runtimeConfig", POD_ANNOTATIONS).get(ANNOTATION)
        return value if isinstance(value, str) else None

    @property
    def device(self) -> str | None:
        """Return the pair that Multus names: this call is about that one alone."""
        for where in (self.config, _inner(self.config, "runtimeConfig")):
            value = where.get("deviceID")
            if isinstance(value, str) and value:
                return value
        return None

    @property
    def ipam(self) -> str | None:
        """Return the IPAM plugin that the configuration delegates to."""
        kind = _inner(self.config, "ipam").get("type")
        return kind if isinstance(kind, str) and kind else None

    def valid_attachments(self) -> tuple[tuple[str, str], ...]:
        """Return what a GC keeps, as (container id, interface)."""
        listed = self.config.get(
            "cni.dev/valid-attachments", self.config.get("cni.dev/attachments")
        )
        if not isinstance(listed, list):
            raise CallError(Code.CONFIG, "GC without cni.dev/valid-attachments: nothing is done")
        found = []
        for one in listed:
            pair = (one.get("containerID"), one.get("ifname")) if isinstance(one, dict) else ()
            if len(pair) != 2 or not all(isinstance(word, str) for word in pair):
                raise CallError(Code.CONFIG, f"GC: {one!r} is not an attachment; nothing is done")
            found.append((str(pair[0]), str(pair[1])))
        return tuple(found)


def parse_call(environment: Mapping[str, str], stdin: bytes) -> Call:
    """Return the call; raises CallError with the specification's code and a remedy."""
    verb = _verb(environment.get("CNI_COMMAND", ""))
    config = _config(stdin, verb)
    version = _version(config, verb)
    path = tuple(part for part in environment.get("CNI_PATH", "").split(":") if part)
    if verb not in _WITH_CONTAINER:
        return Call(verb=verb, version=version, config=config, path=path, arguments={})
    try:
        container = check_container(environment.get("CNI_CONTAINERID", ""))
        interface = check_interface(environment.get("CNI_IFNAME", ""))
    except RequestError as error:
        raise CallError(Code.ENVIRONMENT, str(error)) from None
    netns = environment.get("CNI_NETNS", "")
    if not netns and verb is not Verb.DEL:
        raise CallError(Code.ENVIRONMENT, f"{verb} without CNI_NETNS: name the pod's netns")
    return Call(
        verb=verb,
        version=version,
        config=config,
        container=container,
        netns=netns,
        interface=interface,
        path=path,
        arguments=_arguments(environment.get("CNI_ARGS", "")),
    )


def log_fields(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return what a log record says of a call, whether or not the call makes sense."""
    arguments = _arguments(environment.get("CNI_ARGS", ""))
    fields = {
        "command": environment.get("CNI_COMMAND"),
        "namespace": arguments.get("K8S_POD_NAMESPACE"),
        "pod": arguments.get("K8S_POD_NAME"),
        "container": environment.get("CNI_CONTAINERID"),
        "netns": environment.get("CNI_NETNS"),
    }
    return {name: value for name, value in fields.items() if value}


def environment_of(call: Call) -> Mapping[str, str]:
    """Return the environment of a call that names a container, as parse_call reads it."""
    return {
        "CNI_COMMAND": call.verb,
        "CNI_CONTAINERID": call.container,
        "CNI_NETNS": call.netns,
        "CNI_IFNAME": call.interface,
        "CNI_PATH": ":".join(call.path),
        "CNI_ARGS": ";".join(f"{key}={value}" for key, value in call.arguments.items()),
    }


def _verb(text: str) -> Verb:
    try:
        return Verb(text)
    except ValueError:
        known = ", ".join(Verb)
        raise CallError(Code.ENVIRONMENT, f"CNI_COMMAND {text!r}: known are {known}") from None


def _config(stdin: bytes, verb: Verb) -> Json:
    if verb is Verb.VERSION and not stdin.strip():
        return {}
    try:
        config = wire.loads(stdin)
    except (ValueError, RecursionError) as error:
        raise CallError(Code.DECODE, f"the configuration on stdin is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise CallError(Code.DECODE, "the configuration on stdin is not a JSON object")
    return config


def _version(config: Json, verb: Verb) -> str:
    version = config.get("cniVersion", "0.1.0")
    if verb is Verb.VERSION:
        return version if isinstance(version, str) else VERSIONS[-1]
    if version not in VERSIONS:
        known = ", ".join(VERSIONS)
        raise CallError(Code.VERSION, f"unsupported cniVersion {version!r}: use {known}")
    least = _SINCE.get(verb)
    if least and VERSIONS.index(str(version)) < VERSIONS.index(least):
        raise CallError(Code.VERSION, f"{verb} is of cniVersion {least}, not of {version}")
    return str(version)


def _arguments(text: str) -> Mapping[str, str]:
    words = (word.partition("=") for word in text.split(";"))
    return {key: value for key, equals, value in words if equals}


def _inner(config: Json, *path: str) -> Json:
    for key in path:
        value = config.get(key)
        if not isinstance(value, dict):
            return {}
        config = value
    return config


def check_container(text: str) -> str:
    """Return a container id that may be a file's name (CNI specification, CNI_CONTAINERID)."""
    if not _CONTAINER.fullmatch(text):
        raise RequestError(
            f"CNI_CONTAINERID {text!r}: write letters, digits, '_', '.', '-', beginning with a "
            "letter or digit, 128 at most"
        )
    return text
