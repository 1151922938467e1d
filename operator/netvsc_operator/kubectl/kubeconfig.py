"""The kubeconfig that kubectl itself would take, read and merged by the official client.

Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files". Where the client does
not do as kubectl does, it is put right here, and a word says what.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from kubernetes.client import Configuration
from kubernetes.config import ConfigException, load_kube_config_from_dict
from kubernetes.config.incluster_config import InClusterConfigLoader
from kubernetes.config.kube_config import KubeConfigMerger

from netvsc.errors import ConfigError
from netvsc_operator.kubectl import credential
from netvsc_operator.kubectl.credential import ExecPlugin

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATHS = ("client-certificate", "client-key")
_HERE = ("localhost", "127.0.0.0/8", "::1")
_BROKEN = (ConfigException, yaml.YAMLError, OSError, LookupError, ValueError)
_SHAPELESS = (AttributeError, TypeError)  # the client takes for granted that a mapping is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One context. `configuration` is the client's, and lacks what `plugin` is going to say."""

    configuration: Any
    namespace: str
    plugin: ExecPlugin | None = None


def find_context(
    named: Path | None,
    *,
    environment: Mapping[str, str],
    home: Path,
    context: str | None = None,
    account: Path = ACCOUNT,
) -> Context:
    """Return the context that kubectl would use; raises ConfigError."""
    usual = home / ".kube/config"
    if files := _files(named, environment.get("KUBECONFIG"), usual=usual):
        where = ", ".join(map(str, files))
        try:
            return _of_files(files, context)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None
        except (*_BROKEN, *_SHAPELESS) as error:
            why = " ".join(str(error).split())  # YAML's words are of several lines
            raise ConfigError(f"{where}: {why}; name a kubeconfig that is whole") from None
    if "KUBERNETES_SERVICE_HOST" in environment and not context:
        return _in_pod(environment, account)
    raise ConfigError(
        f"no way to the apiserver: there is no {usual}: set KUBECONFIG, give --kubeconfig, or run "
        "in a pod"
    )


def _files(named: Path | None, told: str | None, *, usual: Path) -> list[Path]:
    """Return those that are there; if somebody named some and none is, it is said."""
    several = [Path(text) for text in (told or "").split(os.pathsep) if text]
    listed = [named] if named else several
    there = [path for path in listed or [usual] if path.exists()]
    if listed and not there:
        raise ConfigError(f"{listed[0]}: there is no such file; name a kubeconfig")
    return there


def _of_files(files: list[Path], context: str | None) -> Context:
    read = KubeConfigMerger(os.pathsep.join(map(str, files)))
    # Of several files the first one's word counts, as for kubectl; the client takes the last one's.
    words = [file.get("current-context") for file in read.config_files.values()]
    name = context or next(filter(None, words), None)
    chosen = _named(read.config, "contexts", name).value["context"]
    cluster = _named(read.config, "clusters", chosen.get("cluster")).value["cluster"]
    user = _user(_named(read.config, "users", chosen["user"])) if chosen.get("user") else {}
    _refuse(cluster, user)
    login = user.pop("exec", None)  # or the client would start it, its own way (credential.py)
    made = _configuration()
    load_kube_config_from_dict(read.config, name, made, persist_config=False)
    _see_to_proxies(made, own=bool(cluster.get("proxy-url")))
    return Context(
        configuration=made,
        namespace=str(chosen.get("namespace") or "default"),
        plugin=credential.program(login, cluster=cluster) if login else None,
    )


def _named(config: Any, kind: str, name: object) -> Any:
    """Return an entry and the file that it stands in; the client's words name neither choice."""
    known = {str(one["name"]): one for one in config.value[kind]}
    if name and str(name) in known:
        return known[str(name)]
    listed = ", ".join(sorted(known)) or "none"
    if kind == "contexts" and not name:
        raise ConfigError(f"has no current-context: set it, or give --context; it has {listed}")
    raise ConfigError(f"has no {kind.removesuffix('s')} named {name!r}: it has {listed}")


def _user(found: Any) -> dict[str, Any]:
    """Make paths those of the user's own file; the client takes them for the cluster's file's.

    It also keeps the newline behind a token in a file, which no header may have.
    """
    user: dict[str, Any] = found.value["user"]
    folder = Path(found.path).absolute().parent
    user |= {key: str(folder / user[key]) for key in _PATHS if user.get(key)}
    if file := user.get("tokenFile"):
        user["token"] = (folder / file).read_text().strip()
    if os.sep in str((user.get("exec") or {}).get("command", "")):  # else it is found in PATH
        user["exec"]["command"] = str(folder / user["exec"]["command"])
    return user


def _refuse(cluster: Mapping[str, object], user: Mapping[str, object]) -> None:
    """Refuse what the client passes over in silence, to be somebody else than was meant."""
    if not cluster.get("server"):
        raise ConfigError("names no server of the cluster", path=("clusters", "server"))
    if user.get("auth-provider"):
        raise ConfigError(
            "the user has an auth-provider, which kubectl itself does not know since 1.26: have "
            "the kubeconfig written anew (on AKS: `kubelogin convert-kubeconfig`)",
            path=("users",),
        )
    for key in ("as", "as-uid", "as-groups", "as-user-extra"):
        if user.get(key):
            raise ConfigError(
                f"the user acts as somebody else ({key}), which is not done here: start `kubectl "
                "proxy` with this kubeconfig, and name one whose server is its address",
                path=("users",),
            )


def _configuration() -> Any:
    made = Configuration()
    made.retries = (
        False  # three tries without a pause help nobody who waits, and are told on stderr
    )
    return made


def _see_to_proxies(made: Any, *, own: bool) -> None:
    """Let a cluster's own proxy hold for NO_PROXY too; and this machine itself needs none."""
    made.no_proxy = None if own else ",".join(filter(None, [made.no_proxy, *_HERE]))


def _in_pod(environment: Mapping[str, str], account: Path) -> Context:
    made = _configuration()
    try:
        token, authority = str(account / "token"), str(account / "ca.crt")
        InClusterConfigLoader(token, authority, environ=environment).load_and_set(made)
        return Context(configuration=made, namespace=(account / "namespace").read_text().strip())
    except (ConfigException, OSError) as error:
        raise ConfigError(
            f"{account}: {error}; the pod needs automountServiceAccountToken: true"
        ) from None
