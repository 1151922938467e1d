"""`netvsc doctor`: the checks of this node, or of an unpacked image."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from netvsc.encoding.columns import columns
from netvsc.errors import NetvscError
from netvsc_deviceplugin.cli.doctor import checks_image, checks_kernel, checks_node
from netvsc_deviceplugin.cli.doctor.finding import Check, F, Finding, exit_code
from netvsc_deviceplugin.cli.doctor.gather import node
from netvsc_deviceplugin.cli.doctor.gather_image import image

NODE = (*checks_kernel.CHECKS, *checks_node.CHECKS)
IMAGE = checks_image.CHECKS

Findings = tuple[tuple[str, Finding], ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "What will trip a pod with a pair on this node, or in an image, and the fix for each. "
        "Ends with 0 if all is well as far as can be seen, 1 with a warning, 2 with a failure."
    )
    parser.add_argument(
        "-o", "--output", choices=("table", "json"), default="table", help="form (%(default)s)"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="where the node's root folder is seen, /host in a pod (%(default)s)",
    )
    what.add_argument(
        "--image-root", type=Path, metavar="DIR", help="look at an unpacked image instead"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what was found; returns 0, 1 with a warning, 2 with a failure or a wrong root."""
    try:
        findings = _findings(arguments)
    except NetvscError as error:
        sys.stderr.write(f"netvsc doctor: {error}\n")
        return 2
    sys.stdout.write(as_json(findings) if arguments.output == "json" else as_table(findings))
    return exit_code(finding for _, finding in findings)


def _findings(arguments: argparse.Namespace) -> Findings:
    if arguments.image_root:
        return examined(IMAGE, image(arguments.image_root))
    if os.geteuid() != 0:
        sys.stderr.write("netvsc doctor: not root: what only root may read counts as not there\n")
    return examined(NODE, node(arguments.root))


def examined(checks: Iterable[Check[F]], facts: F) -> Findings:
    return tuple((check.name, check.decide(facts)) for check in checks)


def as_table(findings: Findings) -> str:
    rows = [("CHECK", "VERDICT", "SEEN")]
    rows += [(name, finding.verdict.value, finding.text) for name, finding in findings]
    fixes = [f"{name}: {finding.fix}" for name, finding in findings if finding.fix]
    return "\n".join([columns(rows), *(["", "What to do", *fixes] if fixes else []), ""])


def as_json(findings: Findings) -> str:
    found = [
        {"check": name, "verdict": finding.verdict, "seen": finding.text, "fix": finding.fix}
        for name, finding in findings
    ]
    return json.dumps({"checks": found}, indent=2) + "\n"
