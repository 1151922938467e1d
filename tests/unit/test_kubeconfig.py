"""Kubeconfigs of the processes are merged and chosen from as kubectl does it."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc import kubeconfig
from netvsc.errors import ConfigError

Contents = dict[str, Any]


def entry(kind: str, name: str, **fields: object) -> Contents:
    return {f"{kind}s": [{"name": name, kind: fields}]}


def write(path: Path, *parts: Contents) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({key: part[key] for part in parts for key in part}))
    return path


HERE = entry("context", "here", cluster="c", user="u", namespace="nf")
CLUSTER = entry("cluster", "c", server="https://first")
FIRST, SECOND = {"token": "first"}, {"token": "second", "username": "also"}
USER = entry("user", "u", **FIRST)


def test_entries_come_together_from_several_files(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / "a", CLUSTER),
        write(tmp_path / "b", USER, {"current-context": "here"}),
        write(tmp_path / "c", HERE, {"current-context": "elsewhere"}),
    ]
    found = kubeconfig.chosen(paths)
    assert (found.cluster["server"], found.user["token"]) == ("https://first", "first")
    assert found.namespace == "nf"


def test_of_one_name_the_first_files_entry_counts_whole(tmp_path: Path) -> None:
    other = entry("user", "u", **SECOND)
    first = write(tmp_path / "a", HERE, CLUSTER, USER, {"current-context": "here"})
    assert kubeconfig.chosen([first, write(tmp_path / "b", other)]).user == FIRST


def test_another_context_than_the_current_one_can_be_named(tmp_path: Path) -> None:
    there = {"name": "there", "context": {"cluster": "c", "user": "u"}}
    both = {"contexts": [*HERE["contexts"], there]}
    path = write(tmp_path / "a", both, CLUSTER, USER, {"current-context": "here"})
    assert kubeconfig.chosen([path], context="there").namespace == "default"
    with pytest.raises(ConfigError, match="no context named 'no': it has here, there"):
        kubeconfig.chosen([path], context="no")


def test_paths_are_those_of_the_file_that_names_them(tmp_path: Path) -> None:
    plugin = {"command": "./bin/login"}
    user = entry("user", "u", **{"client-key": "key.pem", "exec": plugin})
    one = write(tmp_path / "one/config", HERE, CLUSTER, {"current-context": "here"})
    found = kubeconfig.chosen([one, write(tmp_path / "two/config", user)]).user
    assert found["client-key"] == str(tmp_path / "two/key.pem")
    assert found["exec"] == {"command": str(tmp_path / "two/bin/login")}


def test_a_plugin_without_a_path_is_looked_for_in_path(tmp_path: Path) -> None:
    user = entry("user", "u", exec={"command": "kubelogin"})
    path = write(tmp_path / "a", HERE, CLUSTER, user, {"current-context": "here"})
    assert kubeconfig.chosen([path]).user["exec"] == {"command": "kubelogin"}


def test_a_context_without_a_user_is_nobody(tmp_path: Path) -> None:
    bare = entry("context", "here", cluster="c")
    path = write(tmp_path / "a", bare, CLUSTER, {"current-context": "here"})
    assert kubeconfig.chosen([path]).user == {}


def test_files_that_are_not_there_are_passed_over_unless_none_is() -> None:
    told = os.pathsep.join(["", "/none", "/one", "/two"])
    usual, there = Path("/usual"), {Path("/one"), Path("/two")}

    def files(named: Path | None, told: str | None) -> list[str]:
        return list(map(str, kubeconfig.files(named, told, usual=usual, exists=there.__contains__)))

    assert files(None, told) == ["/one", "/two"]
    assert files(None, "/none:/neither") == ["/none"]
    assert files(Path("/named"), told) == ["/named"]
    assert files(None, None) == []
