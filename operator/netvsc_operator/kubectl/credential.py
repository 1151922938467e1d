"""Credential plugins, such as kubelogin: a program of the user's that says who he is.

Kubernetes documentation, "client-go credential plugins" (client.authentication.k8s.io/v1). The
official client starts such programs too, but it keeps what they say to the user on stderr to itself
unless stdout is a terminal (a login by code then waits for ever, unseen), passes over
interactiveMode and installHint, and goes on as nobody when one fails.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from netvsc.encoding import checks
from netvsc.encoding.timestamps import from_text
from netvsc.errors import ConfigError, RequestError

Entry = Mapping[str, object]

_GROUP = "client.authentication.k8s.io"
_VERSIONS = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_INFO = "KUBERNETES_EXEC_INFO"
_EARLY_S = 10.0  # before its end a token is renewed, or a request under way would miss it
_CLUSTER = (
    *("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data"),
    *("proxy-url", "disable-compression"),
)


class Interactive(StrEnum):
    """Whether the plugin may ask the user something."""

    NEVER = "Never"
    IF_AVAILABLE = "IfAvailable"
    ALWAYS = "Always"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecPlugin:
    """A plugin as the kubeconfig has it; `cluster` is what it may know, None for nothing."""

    version: str
    command: str
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str]
    interactive: Interactive
    hint: str
    cluster: Entry | None

    def called(self, *, terminal: bool) -> str:
        """Return what it finds in its environment; `terminal`: it may read from the user."""
        spec: dict[str, object] = {"interactive": terminal}
        if self.cluster is not None:
            spec["cluster"] = self.cluster
        return json.dumps({"apiVersion": self.version, "kind": "ExecCredential", "spec": spec})


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a plugin answered. `ends` is in seconds since the epoch, None for as long as we run."""

    token: str | None
    certificate: str | None  # PEM
    key: str | None
    ends: float | None

    def ended(self, now: float) -> bool:
        return self.ends is not None and now >= self.ends - _EARLY_S


def program(given: object, *, cluster: Entry) -> ExecPlugin:
    """Read a user's `exec`; raises ConfigError."""
    path = ("users", "exec")
    plugin = checks.mapping(given, path)
    version = plugin.get("apiVersion")
    if version not in _VERSIONS:
        raise ConfigError(
            f"is {version!r}; plugins are asked by {' or '.join(_VERSIONS)}: have the kubeconfig "
            "written anew by the plugin's own present version",
            path=(*path, "apiVersion"),
        )
    mode = plugin.get("interactiveMode", Interactive.IF_AVAILABLE.value)
    arguments = plugin.get("args")
    return ExecPlugin(
        version=str(version),
        command=checks.text(plugin.get("command"), (*path, "command")),
        arguments=tuple(map(str, arguments)) if isinstance(arguments, list) else (),
        environment=dict(_variables(plugin.get("env"))),
        interactive=checks.one_of(Interactive)(mode, (*path, "interactiveMode")),
        hint=str(plugin.get("installHint") or "").strip(),
        cluster=_cluster(cluster) if plugin.get("provideClusterInfo") else None,
    )


def _variables(listed: object) -> Sequence[tuple[str, str]]:
    items = listed if isinstance(listed, list) else []
    found = (checks.mapping(item, ("users", "exec", "env")) for item in items)
    return [(str(one.get("name")), str(one.get("value", ""))) for one in found]


def _cluster(cluster: Entry) -> Entry:
    """Return what a plugin that wants to know may: kubectl's own selection."""
    known = {key: cluster[key] for key in _CLUSTER if cluster.get(key)}
    if file := cluster.get("certificate-authority"):
        inline = base64.b64encode(Path(str(file)).read_bytes()).decode()
        known.setdefault("certificate-authority-data", inline)
    listed = cluster.get("extensions")
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and one.get("name") == f"{_GROUP}/exec":
            known["config"] = one.get("extension")
    return known


def ask(plugin: ExecPlugin) -> Credential:
    """Start the plugin and read its answer; raises RequestError."""
    return read(_run(plugin), plugin=plugin)


def read(answer: bytes, *, plugin: ExecPlugin) -> Credential:
    """Read what a plugin wrote to its standard output; raises RequestError."""
    try:
        found = checks.mapping(json.loads(answer), ())
        status = checks.mapping(found.get("status"), ("status",))
        end = status.get("expirationTimestamp")
        pair = (status.get("clientCertificateData"), status.get("clientKeyData"))
        certificate, key = map(str, pair) if all(pair) else (None, None)
        token = str(status["token"]) if status.get("token") else None
        ends = from_text(str(end)) if end else None
    except (ValueError, RequestError) as error:
        raise RequestError(
            f"{plugin.command}: its answer is not an ExecCredential: {error}"
        ) from None
    if found.get("apiVersion") != plugin.version:
        raise RequestError(
            f"{plugin.command} answers in {found.get('apiVersion')!r}, and the kubeconfig asks for "
            f"{plugin.version!r}: have one of them write the other's"
        )
    if not token and not certificate:
        raise RequestError(f"{plugin.command} gave neither a token nor a certificate with its key")
    return Credential(token=token, certificate=certificate, key=key, ends=ends)


def _run(plugin: ExecPlugin) -> bytes:
    """Start the plugin and return its output; it speaks to the user on stderr.

    There is no time limit: it may be waiting for somebody who types a code into a browser.
    """
    terminal = plugin.interactive is not Interactive.NEVER and sys.stdin.isatty()
    if plugin.interactive is Interactive.ALWAYS and not terminal:
        raise RequestError(
            f"{plugin.command} must ask its user something, and there is no terminal: run this in "
            "one, or choose a login that asks nothing"
        )
    environment = {**os.environ, **plugin.environment, _INFO: plugin.called(terminal=terminal)}
    try:
        done = subprocess.run(
            [plugin.command, *plugin.arguments],
            env=environment,
            stdin=None if terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=False,
        )
    except OSError as error:
        remedy = plugin.hint or "install it, or correct the kubeconfig's users.exec.command"
        raise RequestError(
            f"cannot start the credential plugin {plugin.command}: {error.strerror}; {remedy}"
        ) from None
    if done.returncode:
        raise RequestError(
            f"the credential plugin {plugin.command} ended with {done.returncode}; what it says "
            "stands above; try `kubectl auth whoami`"
        )
    return done.stdout
