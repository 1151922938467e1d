"""Whether a command could be typed as a page has it: the program is there, and takes its words.

A check returns what is wrong. `kubectl` and `helm` are asked themselves in tests/cluster.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import io
import re
from typing import TYPE_CHECKING

from cluster.harness import __main__ as harness
from docs_check.blocks import ROOT
from netvsc import cli
from netvsc_deviceplugin import __main__ as deviceplugin
from netvsc_deviceplugin.cni.chain import uninstall as cni
from netvsc_operator import __main__ as operator
from netvsc_operator.kubectl.options import parser as kubectl_netvsc

if TYPE_CHECKING:
    from collections.abc import Callable

    from docs_check.commands import Words

# What a reader has, or installs, that is nobody's here. `az` needs Azure: its commands were read in
# Microsoft's documentation and never run.
FOREIGN = {
    "az", "apt-get", "buildah", "cat", "cd", "chmod", "cp", "curl", "diff", "dmesg", "dpdk-testpmd",
    "echo", "exec", "export", "git", "grep", "install", "ip", "jq", "ls", "mkdir", "mkfifo",
    "mount", "pip", "python3", "rm", "sha256sum", "skopeo", "ssh", "systemctl", "tar",
}  # fmt: skip
ASKED_IN_CLUSTER = {"kubectl", "helm"}
_MAKEFILE = (ROOT / "Makefile").read_text()
_MAKEFILES = _MAKEFILE + (ROOT / "fdpipe/Makefile").read_text()
_TARGETS = {*re.findall(r"^([a-z0-9-]+):", _MAKEFILES, re.MULTILINE)}
_FDPIPE_USAGE = (ROOT / "fdpipe/main.c").read_text()
_FOLDERS = ("bench/", "charts/", "docs/", "manifests/", "tests/")


def complaint(words: Words) -> str:
    """What is wrong with a command, or nothing."""
    program, *rest = words
    if wrong := _missing(rest):
        return wrong
    name = program.rpartition("/")[2]
    if words[:2] == ("kubectl", "netvsc"):
        return parsed(kubectl_netvsc(), rest[1:])
    if check := _CHECKS.get(name):
        return check(rest)
    known = name in FOREIGN | ASKED_IN_CLUSTER
    return "" if known else f"{program}: nobody knows this program; add it where it is proven"


def _missing(words: list[str]) -> str:
    """Paths of this repository that a command names and that are not there."""
    named = [word.rpartition("=")[2] for word in words]
    paths = [word for word in named if word.startswith(_FOLDERS) and not word.endswith("…")]
    gone = [path for path in paths if not (ROOT / path).exists()]
    return f"no such file: {', '.join(gone)}" if gone else ""


def parsed(parser: argparse.ArgumentParser, words: list[str]) -> str:
    told = io.StringIO()
    try:
        with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
            parser.parse_args(words)
    except SystemExit as end:
        return told.getvalue() if end.code else ""
    return ""


def _netvsc(words: list[str]) -> str:
    if wrong := parsed(cli._parser(), words[:1]):
        return wrong
    if words[0].startswith("-"):
        return ""
    parser = argparse.ArgumentParser(prog=f"netvsc {words[0]}")
    cli._VERBS[words[0]].load().add_arguments(parser)
    return parsed(parser, words[1:])


def _deviceplugin(words: list[str]) -> str:
    if words[:1] == ["cni"]:
        return parsed(cni._parser(), words[1:])
    return parsed(deviceplugin._parser(), words)


def _operator(words: list[str]) -> str:
    if words[0] not in operator.COMMANDS:
        return f"netvsc-operator has no {words[0]}"
    module = importlib.import_module(operator.COMMANDS[words[0]][0])
    return parsed(module._parser(), words[1:])


def _make(words: list[str]) -> str:
    assigned = {word.partition("=")[0] for word in words if "=" in word}
    wanted = {word for word in words if "=" not in word and not word.startswith("-")}
    if unknown := wanted - _TARGETS:
        return f"make has no target {', '.join(sorted(unknown))}"
    unused = [name for name in sorted(assigned) if f"$({name})" not in _MAKEFILE]
    return f"the Makefile does not use {', '.join(unused)}" if unused else ""


def _python(words: list[str]) -> str:
    if words[:1] != ["-m"]:
        return "python without -m: name a module"
    if words[1] == "cluster.harness":
        return parsed(harness._parser(), words[2:])
    return "" if importlib.util.find_spec(words[1]) else f"there is no module {words[1]}"


def _fdpipe(words: list[str]) -> str:
    options = [word.partition("=")[0] for word in words if word.startswith("--") and word != "--"]
    unknown = [option for option in options if option not in _FDPIPE_USAGE]
    if unknown or f"fdpipe {words[0]}" not in _FDPIPE_USAGE:
        return f"fdpipe does not know {', '.join(unknown) or words[0]}"
    return ""


_CHECKS: dict[str, Callable[[list[str]], str]] = {
    "netvsc": _netvsc,
    "netvsc-deviceplugin": _deviceplugin,
    "netvsc-operator": _operator,
    "make": _make,
    "python": _python,
    "fdpipe": _fdpipe,
}


def unknown_words(span: str) -> str:
    """What is wrong with a command that a sentence names, of which it may leave words out."""
    words = span.split()
    if words[0] == "make" and len(words) > 1:
        return _make(words[1:])
    options = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
    parser = _parser_of(words)
    if parser is None or not options:
        return ""
    unknown = sorted(options - parser._option_string_actions.keys())
    return f"{span}: no option {', '.join(unknown)}" if unknown else ""


def _parser_of(words: list[str]) -> argparse.ArgumentParser | None:
    if words[0] == "netvsc" and words[1:2] and words[1] in cli._VERBS:
        parser = argparse.ArgumentParser()
        cli._VERBS[words[1]].load().add_arguments(parser)
        return parser
    if words[0] == "netvsc-deviceplugin":
        return cni._parser() if words[1:2] == ["cni"] else deviceplugin._parser()
    if words[0] == "netvsc-operator" and words[1:2] and words[1] in operator.COMMANDS:
        module = importlib.import_module(operator.COMMANDS[words[1]][0])
        made: argparse.ArgumentParser = module._parser()
        return made
    return None
