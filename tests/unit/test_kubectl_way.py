"""`kubectl netvsc` takes the kubeconfig that kubectl would take."""

from pathlib import Path

import pytest
import yaml

from netvsc.errors import ConfigError
from netvsc_operator.kubectl.way import way


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
    assert way(named, environment=environment, home=tmp_path).server == "https://named"


def test_without_a_word_it_is_the_one_in_the_home(tmp_path: Path) -> None:
    config(tmp_path / ".kube/config", "https://usual")
    assert way(None, environment={}, home=tmp_path).server == "https://usual"


def test_without_any_the_ways_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        way(None, environment={}, home=tmp_path)


def test_in_a_pod_the_accounts_own_way_comes_last(tmp_path: Path) -> None:
    for name in ("ca.crt", "token", "namespace"):
        (tmp_path / name).write_text("netvsc-system")
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    found = way(None, environment=environment, home=tmp_path, account=tmp_path)
    assert found.server == "https://10.0.0.1:443"
    config(tmp_path / ".kube/config", "https://usual")
    assert way(None, environment=environment, home=tmp_path).server == "https://usual"


def test_a_proxy_of_the_environment_is_gone_through_unless_it_is_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "inside.example")

    def proxy(server: str) -> str | None:
        return way(config(tmp_path / "a", server), environment={}, home=tmp_path).proxy

    assert proxy("https://outside.example:6443") == "http://proxy:3128"
    assert proxy("https://inside.example") is None
    assert proxy("https://127.0.0.1:6443") is None
