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


def test_without_any_the_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with pytest.raises(ConfigError, match="set KUBECONFIG"):
        way(None, environment={}, home=tmp_path)
