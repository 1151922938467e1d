"""The command line of `kubectl netvsc`."""

from __future__ import annotations

import argparse
from pathlib import Path

from netvsc import __version__

_FORMS = ("table", "wide", "json", "yaml")


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="kubectl netvsc",
        description="NetVSC+VF pairs of a cluster: who is on the slow path, when, for how long.",
    )
    made.add_argument("--version", action="version", version=__version__)
    _add_where(made, default=None)
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB")
    status = verbs.add_parser("status", help="a line for each node; -o wide: for each pair")
    pods = verbs.add_parser("pods", help="pods that hold pairs, and how each is doing")
    events = verbs.add_parser("events", help="the operator's Events of pods and nodes")
    again = verbs.add_parser("reannounce", help="have a pod's VF announced again")
    again.add_argument("pod")
    for verb in (status, pods, events, again):
        # What stands before the verb counts unless it stands behind it too.
        _add_where(verb, default=argparse.SUPPRESS)
    for verb in (status, pods, events):
        _add_how(verb)
    return made


def _add_where(to: argparse.ArgumentParser, *, default: str | None) -> None:
    to.add_argument(
        "--kubeconfig", type=Path, default=default, metavar="FILE", help="default: $KUBECONFIG"
    )
    to.add_argument("--context", default=default, help="default: the kubeconfig's current one")
    to.add_argument("-n", "--namespace", default=default, help="default: the context's")


def _add_how(to: argparse.ArgumentParser) -> None:
    to.add_argument("-A", "--all-namespaces", action="store_true", dest="all")
    to.add_argument("-o", "--output", choices=_FORMS, default="table", help="(%(default)s)")
    to.add_argument("-w", "--watch", action="store_true", help="print anew at each change")
