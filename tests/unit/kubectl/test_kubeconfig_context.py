"""`kubectl netvsc` takes the kubeconfig that kubectl would take."""

from pathlib import Path

import pytest
import yaml

from netvsc.errors import ConfigError
from netvsc_operator.kubectl.kubeconfig import Context, find_context

POD = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}


def host(found: Context) -> str:
    return str(found.configuration.host)


def config(path: Path, server: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    named = {"clusters": "cluster", "users": "user", "contexts": "context"}
    entries = {
        "cluster": {"server": server},
        "user": {"token": "simulated"},
        "context": {"cluster": "a", "user": "a"},
    }
    whole = {several: [{"name": "a", one: entries[one]}] for several, one in named.items()}
    path.write_text(yaml.safe_dump({**whole, "current-context": "a"}))
    return path


def test_the_file_that_is_named_comes_first(tmp_path: Path) -> None:
    config(tmp_path / ".kube/config", "https://usual")
    told = config(tmp_path / "told", "https://told")
    named = config(tmp_path / "named", "https://named")
    environment = {"KUBECONFIG": str(told)}
    assert host(find_context(named, environment=environment, home=tmp_path)) == "https://named"
    assert host(find_context(None, environment=environment, home=tmp_path)) == "https://told"


def test_without_a_word_it_is_the_one_in_the_home(tmp_path: Path) -> None:
    config(tmp_path / ".kube/config", "https://usual")
    assert host(find_context(None, environment={}, home=tmp_path)) == "https://usual"


def test_without_any_the_ways_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        find_context(None, environment={}, home=tmp_path)


def test_in_a_pod_the_accounts_own_way_comes_last(tmp_path: Path) -> None:
    for name in ("ca.crt", "token", "namespace"):
        (tmp_path / name).write_text("netvsc-system")
    found = find_context(None, environment=POD, home=tmp_path, account=tmp_path)
    assert (host(found), found.namespace) == ("https://[fd00::1]:443", "netvsc-system")
    assert found.configuration.api_key["BearerToken"].endswith(" netvsc-system")
    config(tmp_path / ".kube/config", "https://usual")
    assert host(find_context(None, environment=POD, home=tmp_path)) == "https://usual"


def test_a_pod_without_a_token_is_told_of_automount(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="automountServiceAccountToken"):
        find_context(None, environment=POD, home=tmp_path, account=tmp_path)
