"""Kubeconfigs are found, merged and chosen from as kubectl does it, and a wrong one says why."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from netvsc.errors import ConfigError
from netvsc_operator.kubectl.kubeconfig import Context, find_context

Contents = dict[str, Any]
NAMED = {"clusters": "cluster", "users": "user", "contexts": "context"}


def entry(kind: str, name: str, **fields: object) -> Contents:
    return {f"{kind}s": [{"name": name, kind: fields}]}


def write(path: Path, *parts: Contents) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({key: part[key] for part in parts for key in part}))
    return path


def of(*files: Path, context: str | None = None) -> Context:
    """Return the context of files in $KUBECONFIG."""
    told = {"KUBECONFIG": os.pathsep.join(map(str, files))}
    return find_context(None, environment=told, home=Path("/nobody"), context=context)


def token(found: Context) -> str:
    return str(found.configuration.api_key.get("BearerToken"))


HERE = entry("context", "here", cluster="c", user="u", namespace="nf")
CLUSTER = entry("cluster", "c", server="https://first/")
FIRST, OTHER = {"token": "first"}, {"username": "also", "password": "second"}
USER = entry("user", "u", **FIRST)
CURRENT = {"current-context": "here"}


def test_entries_come_together_from_several_files(tmp_path: Path) -> None:
    found = of(
        write(tmp_path / "a", CLUSTER),
        write(tmp_path / "b", USER, CURRENT),
        write(tmp_path / "c", HERE, {"current-context": "elsewhere"}),
    )
    assert (found.configuration.host, token(found)) == ("https://first", "Bearer first")
    assert found.namespace == "nf"


def test_of_one_name_the_first_files_entry_counts_whole(tmp_path: Path) -> None:
    other = write(tmp_path / "b", entry("user", "u", **OTHER))
    nobody = write(tmp_path / "a", HERE, CLUSTER, entry("user", "u"), CURRENT)
    assert token(of(nobody, other)) == "None"
    assert token(of(other, nobody)).startswith("Basic ")


def test_another_context_than_the_current_one_can_be_named(tmp_path: Path) -> None:
    there = {"name": "there", "context": {"cluster": "c", "user": "u"}}
    both = {"contexts": [*HERE["contexts"], there]}
    path = write(tmp_path / "a", both, CLUSTER, USER, CURRENT)
    assert of(path, context="there").namespace == "default"
    with pytest.raises(ConfigError, match="no context named 'no': it has here, there"):
        of(path, context="no")


def test_paths_are_those_of_the_file_that_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one/ca.crt", "two/me.crt", "two/key.pem", "three/token"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("from a file\n")
    cluster = entry("cluster", "c", server="https://a", **{"certificate-authority": "ca.crt"})
    user = entry("user", "u", **{"client-certificate": "me.crt", "client-key": "key.pem"})
    write(tmp_path / "one/config", HERE, cluster, CURRENT)
    monkeypatch.chdir(tmp_path)
    found = of(Path("one/config"), write(tmp_path / "two/config", user)).configuration
    assert Path(found.ssl_ca_cert).samefile(tmp_path / "one/ca.crt")
    assert found.cert_file == str(tmp_path / "two/me.crt")
    assert found.key_file == str(tmp_path / "two/key.pem")
    other = write(tmp_path / "three/config", entry("user", "u", tokenFile="token"))
    assert token(of(Path("one/config"), other)) == "Bearer from a file"


def test_a_plugin_with_a_path_is_beside_its_file_and_else_in_path(tmp_path: Path) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./bin/login"}
    one = write(tmp_path / "one/config", HERE, CLUSTER, CURRENT)
    beside = of(one, write(tmp_path / "two/config", entry("user", "u", exec=plugin)))
    assert beside.plugin
    assert beside.plugin.command == str(tmp_path / "two/bin/login")
    named = entry("user", "u", exec={**plugin, "command": "kubelogin"})
    in_path = of(one, write(tmp_path / "two/config", named))
    assert in_path.plugin
    assert in_path.plugin.command == "kubelogin"


def test_reading_a_kubeconfig_starts_no_plugin(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"open({str(tmp_path / 'started')!r}, 'w')"],
    }
    assert of(write(tmp_path / "a", HERE, CLUSTER, entry("user", "u", exec=plugin), CURRENT)).plugin
    assert not (tmp_path / "started").exists()


def test_a_context_without_a_user_is_nobody(tmp_path: Path) -> None:
    bare = entry("context", "here", cluster="c")
    found = of(write(tmp_path / "a", bare, CLUSTER, CURRENT))
    assert (token(found), found.configuration.cert_file, found.plugin) == ("None", None, None)


def test_files_that_are_not_there_are_passed_over_unless_none_is(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", HERE, CLUSTER, USER, CURRENT)
    assert token(of(tmp_path / "none", whole)) == "Bearer first"
    with pytest.raises(ConfigError, match=f"{tmp_path}/none: there is no such file; name a kubec"):
        of(tmp_path / "none", tmp_path / "neither")


WRONG: list[tuple[Mapping[str, Any], str]] = [
    ({"current-context": "there"}, "no context named 'there': it has here"),
    ({"current-context": ""}, "has no current-context: set it, or give --context; it has here"),
    (entry("cluster", "d", server="https://a"), "no cluster named 'c': it has d"),
    (entry("cluster", "c"), "clusters.server: names no server"),
    (entry("user", "v", **FIRST), "no user named 'u': it has v"),
    (entry("user", "u", **{"auth-provider": {"name": "azure"}}), "kubelogin convert-kubeconfig"),
    (entry("user", "u", **{"as": "admin"}), "acts as somebody else (as)"),
    (entry("user", "u", **{"client-key-data": "aaa"}), "padding"),
    (entry("user", "u", **{"client-key": "no.pem"}), "no.pem"),
    (entry("user", "u", exec={"command": "login"}), "users.exec.apiVersion"),
    ({"contexts": "here"}, "name a kubeconfig that is whole"),
    ({"users": [{"name": "u", "user": "me"}]}, "name a kubeconfig that is whole"),
]


@pytest.mark.parametrize(("part", "named"), WRONG)
def test_a_wrong_kubeconfig_says_which_and_what(tmp_path: Path, part: Contents, named: str) -> None:
    path = write(tmp_path / "config", HERE, CLUSTER, USER, CURRENT, part)
    with pytest.raises(ConfigError) as caught:
        of(path)
    assert named in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["[]", "a: [", "", "\x00"])
def test_what_is_no_kubeconfig_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "config").write_text(text)
    with pytest.raises(ConfigError, match=f"{tmp_path}/config: .*name a kubeconfig"):
        of(tmp_path / "config")
