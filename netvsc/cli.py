"""The command `netvsc`: each verb's code comes with its extra and is imported when needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from netvsc import __version__


def _pairs() -> ModuleType:
    from netvsc_deviceplugin.cli import pairs  # noqa: PLC0415 - by extra

    return pairs


def _explain() -> ModuleType:
    from netvsc_operator.explain import command  # noqa: PLC0415 - by extra

    return command


def _doctor() -> ModuleType:
    from netvsc_deviceplugin.cli import doctor  # noqa: PLC0415 - by extra

    return doctor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verb:
    """The module that `load` returns has `add_arguments(parser)` and `run(arguments) -> int`."""

    load: Callable[[], ModuleType]
    extra: str
    tells: str


_VERBS = {
    "pairs": _Verb(
        load=_pairs, extra="deviceplugin", tells="what this host has, what is excluded and why"
    ),
    "doctor": _Verb(
        load=_doctor, extra="deviceplugin", tells="what will trip a pod here, and the fix"
    ),
    "explain": _Verb(
        load=_explain, extra="operator", tells="what a manifest's pods would get, and why"
    ),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0 done, 1 it could not be done, 2 wrong usage."""
    words = list(sys.argv[1:] if argv is None else argv)
    verb = _parser().parse_args(words[:1]).verb
    return _run(verb, words[1:])


def _parser() -> argparse.ArgumentParser:
    """Know the verbs alone: the options of each come with its module."""
    parser = argparse.ArgumentParser(
        prog="netvsc", description="NetVSC+VF pairs for DPDK pods on Azure accelerated networking."
    )
    parser.add_argument("--version", action="version", version=f"netvsc {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, verb in _VERBS.items():
        verbs.add_parser(name, help=verb.tells, add_help=False)
    return parser


def _run(name: str, words: Sequence[str]) -> int:
    verb = _VERBS[name]
    try:
        module = verb.load()
    except ImportError as error:
        print(
            f"netvsc {name} needs {error.name}: pip install 'netvsc-operator[{verb.extra}]'",
            file=sys.stderr,
        )
        return 1
    parser = argparse.ArgumentParser(prog=f"netvsc {name}", description=verb.tells)
    module.add_arguments(parser)
    code: int = module.run(parser.parse_args(words))
    return code


if __name__ == "__main__":
    sys.exit(main())
