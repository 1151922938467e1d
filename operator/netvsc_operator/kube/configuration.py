"""Where the client's configuration comes from: a pod's own account, or a kubeconfig.

Reading either is the library's business; here is which of them, and what helps where it cannot.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from kubernetes.aio.config.kube_config import KubeConfigMerger

from netvsc.errors import ConfigError

# Fills the library's Configuration, and returns the namespace that is meant where none is named.
ConfigLoader = Callable[[Any], Awaitable[str]]

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_AS = ("as", "as-uid", "as-groups", "as-user-extra")
# The library has one kind of error, and trips over what it does not expect in a file.
_BROKEN = (ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError)


def config_loader(named: Path | None = None) -> ConfigLoader:
    """Return that of the named kubeconfig, else of the pod's account, else of $KUBECONFIG.

    Raises ConfigError; so does what is returned.
    """
    if named:
        return partial(_of_file, str(named))
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return _of_account
    if paths := os.environ.get("KUBECONFIG"):
        return partial(_of_file, paths)
    raise ConfigError(
        "no configuration of the apiserver: run in a pod, set KUBECONFIG, or give --kubeconfig"
    )


async def _of_account(configuration: Any) -> str:
    return _account(configuration)


def _account(configuration: Any) -> str:
    try:
        load_incluster_config(client_configuration=configuration)
        return _NAMESPACE.read_text().strip()
    except (ConfigException, OSError) as error:
        raise ConfigError(
            f"the pod's account in {_NAMESPACE.parent}: {error}; "
            "the pod needs automountServiceAccountToken: true"
        ) from None


async def _of_file(paths: str, configuration: Any) -> str:
    try:
        found = await load_kube_config(
            config_file=paths, client_configuration=configuration, persist_config=False
        )
        context = found.current_context["context"]
        user = _user(paths, context)
    except (*_BROKEN, yaml.YAMLError) as error:
        raise ConfigError(f"{paths}: {error}; name a kubeconfig that is whole") from None
    if why := _overlooked(user, configuration):
        raise ConfigError(f"{paths}: the user {why}")
    return str(context.get("namespace") or "default")


def _user(paths: str, context: dict[str, Any]) -> dict[str, Any]:
    named = KubeConfigMerger(paths).config["users"].get_with_name(context.get("user"), safe=True)
    return (named.value.get("user") if named else None) or {}


def _overlooked(user: dict[str, Any], configuration: Any) -> str | None:
    """Return what the library passes over in silence: we would be somebody else than was meant."""
    kind = (user.get("auth-provider") or {}).get("name")
    if kind not in {None, "gcp", "oidc"}:
        return (
            f"has an auth-provider {kind}, which kubectl itself does not know since 1.26: have the "
            "kubeconfig written anew (on AKS: `kubelogin convert-kubeconfig`)"
        )
    if key := next((key for key in _AS if user.get(key)), None):
        return (
            f"acts as somebody else ({key}), which is not done here: start `kubectl proxy` with "
            "this kubeconfig, and name one whose server is its address"
        )
    if user.get("exec") and not (configuration.api_key or configuration.cert_file):
        return f"gets nothing from {user['exec'].get('command')!r}: run it by hand, it may tell why"
    return None
