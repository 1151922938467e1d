"""`netvsc-operator`: one program, several subcommands, each imported when it is asked for."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import yaml

from netvsc import __version__
from netvsc_operator.__main__ import COMMANDS, main


def test_without_a_command_it_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert main(["magic"]) == 2
    told = capsys.readouterr().err
    assert all(name in told for name in ("controller", "webhook", "crds", "uninstall-check"))


def test_help_and_version_are_told_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.endswith(f"{__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_its_module_and_its_own_help(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert callable(importlib.import_module(COMMANDS[name][0]).main)
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"netvsc-operator {name}" in capsys.readouterr().out


def test_crds_are_printed_as_yaml_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crds", "--print"]) == 0
    kinds = [thing["kind"] for thing in yaml.safe_load_all(capsys.readouterr().out)]
    assert kinds == ["CustomResourceDefinition", "CustomResourceDefinition"]


def test_without_an_apiserver_the_remedies_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("KUBERNETES_SERVICE_HOST", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    assert main(["crds"]) == 1
    assert "--kubeconfig" in capsys.readouterr().err


def test_the_webhook_pays_for_no_framework_that_it_does_not_use() -> None:
    """Of the official client it has the way to the apiserver, not one of its 800 kinds."""
    script = (
        "import sys, netvsc_operator.webhook.command;"
        "unused = ('kopf', 'kubernetes.aio.client.models.', 'kubernetes.client.models.',"
        " 'kubernetes.aio.client.api.', 'kubernetes.client.api.');"
        "print([name for name in sys.modules if name.startswith(unused)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]"
