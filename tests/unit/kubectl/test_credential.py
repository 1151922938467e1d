"""Credential plugins: what they are told, what they may answer, when they are asked again."""

import json
import os
import stat
import sys
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from netvsc.errors import ConfigError, RequestError
from netvsc_operator.kubectl import credential
from netvsc_operator.kubectl.credential import ExecPlugin, Interactive

V1 = "client.authentication.k8s.io/v1"
BETA = "client.authentication.k8s.io/v1beta1"
TOKEN = {"token": "t"}


def program(plugin: Mapping[str, Any] | None = None, **cluster: object) -> ExecPlugin:
    given = {"apiVersion": V1, "command": "login", **(plugin or {})}
    return credential.program(given, cluster={"server": "https://one", **cluster})


def answer(version: str = V1, **status: object) -> bytes:
    whole = {"apiVersion": version, "kind": "ExecCredential", "status": status}
    return json.dumps(whole).encode()


def executable(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_plugin_is_told_the_version_and_whether_it_may_ask() -> None:
    assert json.loads(program().called(terminal=True)) == {
        "apiVersion": V1,
        "kind": "ExecCredential",
        "spec": {"interactive": True},
    }


def test_a_plugin_that_wants_to_know_is_told_of_the_cluster(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_text("ca")
    extensions = [{"name": "client.authentication.k8s.io/exec", "extension": {"audience": "x"}}]
    asked = program(
        {"provideClusterInfo": True},
        **{"certificate-authority": str(tmp_path / "ca.crt"), "extensions": extensions},
    )
    assert json.loads(asked.called(terminal=False))["spec"]["cluster"] == {
        "server": "https://one",
        "certificate-authority-data": b64encode(b"ca").decode(),
        "config": {"audience": "x"},
    }


@pytest.mark.parametrize(
    ("plugin", "named"),
    [
        ({"apiVersion": "client.authentication.k8s.io/v1alpha1"}, "written anew"),
        ({"command": ""}, "users.exec.command"),
        ({"interactiveMode": "Maybe"}, "Never, IfAvailable, Always"),
        ({"env": ["A=b"]}, "users.exec.env"),
    ],
)
def test_a_plugin_that_cannot_be_asked_says_which_key(plugin: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        program(plugin)
    assert named in str(caught.value)


@pytest.mark.parametrize("version", [V1, BETA])
def test_both_versions_are_spoken(version: str) -> None:
    asked = program({"apiVersion": version})
    assert credential.read(answer(version, **TOKEN), plugin=asked).token == TOKEN["token"]


@pytest.mark.parametrize(
    ("said", "named"),
    [
        (b"<html>", "not an ExecCredential"),
        (b"[]", "not an ExecCredential"),
        (b'{"apiVersion": "x"}', "not an ExecCredential"),
        (answer(BETA, **TOKEN), "answers in"),
        (answer(), "neither a token nor a certificate"),
        (answer(clientCertificateData="c"), "neither a token nor a certificate"),
        (answer(**TOKEN, expirationTimestamp="soon"), "'soon'"),
    ],
)
def test_an_answer_that_is_none_names_the_plugin_and_what_is_wrong(said: bytes, named: str) -> None:
    with pytest.raises(RequestError) as caught:
        credential.read(said, plugin=program())
    assert named in str(caught.value)
    assert "login" in str(caught.value)


def test_a_real_program_gets_arguments_and_environment(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = """
import json, os, sys
print("please wait", file=sys.stderr)
told = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
token = " ".join([*sys.argv[1:], os.environ["TENANT"], str(told["spec"]["interactive"])])
assert sys.stdin.read() == ""
print(json.dumps({**told, "status": {"token": token}}))
"""
    command = executable(tmp_path / "login", text)
    env = [{"name": "TENANT", "value": "ours"}]
    asked = {"command": command, "args": ["get-token", "-o"], "env": env}
    told = credential.ask(program({**asked, "interactiveMode": "Never"}))
    assert told.token == "get-token -o ours False"  # noqa: S105 (opens nothing)
    assert capfd.readouterr().err == "please wait\n"


def test_a_program_that_is_not_there_gives_its_own_hint() -> None:
    command = {"command": "netvsc-no-such-login", "installHint": "Install it from the portal."}
    with pytest.raises(RequestError, match=r"netvsc-no-such-login: .*; Install it from the portal"):
        credential.ask(program(command))


def test_a_program_that_fails_is_named_with_its_code(tmp_path: Path) -> None:
    command = executable(tmp_path / "login", "raise SystemExit(3)")
    with pytest.raises(RequestError, match="ended with 3"):
        credential.ask(program({"command": command}))


def test_a_program_that_must_ask_is_not_started_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open(os.devnull) as nobody:  # noqa: PTH123 (a stream, not a path)
        monkeypatch.setattr(sys, "stdin", nobody)
        asked = {"interactiveMode": Interactive.ALWAYS.value, "command": "netvsc-never-started"}
        with pytest.raises(RequestError, match="there is no terminal"):
            credential.ask(program(asked))
