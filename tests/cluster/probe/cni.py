"""A CNI plugin that changes nothing and writes down what it is called with.

It stands in the chain behind the primary network. The log and the kubelet's socket are the node's.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from cluster.probe import resources

NAME = "contract-probe"
LOG = "/run/contract-probe.log"
FAIL_STATUS = "/run/contract-probe.fail-status"
_SOCKET = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
_NOT_AVAILABLE = 50  # the CNI specification's code for STATUS


def program(python: str, tests: Path) -> str:
    """The plugin as an executable file."""
    lines = [
        f"#!{python}",
        "import sys",
        f"sys.path.insert(0, {str(tests)!r})",
        "from cluster.probe.cni import main",
        "sys.exit(main())",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    verb = os.environ["CNI_COMMAND"]
    given = json.loads(sys.stdin.read() or "{}")
    with Path(LOG).open("a") as log:
        log.write(json.dumps(_seen(verb, given)) + "\n")
    if verb == "STATUS" and Path(FAIL_STATUS).exists():
        error = {"cniVersion": "1.1.0", "code": _NOT_AVAILABLE, "msg": "told to be unavailable"}
        print(json.dumps(error))
        return 1
    if verb == "ADD":
        print(json.dumps(given["prevResult"]))
    if verb == "VERSION":
        print(json.dumps({"cniVersion": "1.1.0", "supportedVersions": ["1.0.0", "1.1.0"]}))
    return 0


def _seen(verb: str, given: dict[str, Any]) -> dict[str, Any]:
    words = os.environ.get("CNI_ARGS", "").split(";")
    arguments = dict(word.split("=", 1) for word in words if word)
    seen = {
        "at": time.monotonic(),
        "verb": verb,
        "arguments": arguments,
        "runtimeConfig": given.get("runtimeConfig"),
    }
    if verb == "ADD":
        namespace, name = arguments["K8S_POD_NAMESPACE"], arguments["K8S_POD_NAME"]
        seen["get"] = resources.pod(_SOCKET, namespace=namespace, name=name)
        seen["list"] = resources.pods(_SOCKET).get(f"{namespace}/{name}")
    return seen
