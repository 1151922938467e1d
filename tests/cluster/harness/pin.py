"""Another version of Kubernetes: its own go.mod, made usable from outside.

Kubernetes replaces its staging modules by folders of its repository, which no other module can do;
they are published as v0.<minor>.<patch>, so that is what they are replaced by here.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from cluster.harness.recipes import MODULES, RELEASES

_DIRECT = ("github.com/spf13/cobra",)
_ETCD_CLIENT, _ETCD_SERVER = "go.etcd.io/etcd/client/v3", "go.etcd.io/etcd/server/v3"


def kubernetes(version: str) -> None:
    folder = MODULES / "kubernetes"
    modfile = RELEASES[version.removeprefix("v").rpartition(".")[0]]
    upstream = Path(
        json.loads(_go("mod", "download", "-json", f"k8s.io/kubernetes@{version}"))["GoMod"]
    )
    known = json.loads(_go("mod", "edit", "-json", str(upstream)))
    godebug = [line for line in upstream.read_text().splitlines() if line.startswith("godebug ")]
    (folder / modfile).write_text(derived(version, known, godebug=godebug))
    _go("mod", "tidy", f"-modfile={modfile}", folder=folder)


def derived(version: str, upstream: dict[str, Any], *, godebug: list[str]) -> str:
    staging = "v0." + version.removeprefix("v1.")
    given = {needed["Path"]: needed["Version"] for needed in upstream["Require"]}
    wanted = {path: given[path] for path in _DIRECT}
    wanted |= {_ETCD_SERVER: given[_ETCD_CLIENT], "k8s.io/kubernetes": version}
    wanted |= dict.fromkeys(("k8s.io/component-base", "k8s.io/kubectl"), staging)
    moved = [replaced["Old"]["Path"] for replaced in upstream["Replace"]]
    lines = [
        "module netvsc.io/cluster/kubernetes",
        f"go {upstream['Go']}",
        *godebug,
        "require (",
        *(f"\t{path} {pinned}" for path, pinned in sorted(wanted.items())),
        ")",
        "replace (",
        *(f"\t{path} => {path} {staging}" for path in sorted(moved)),
        ")",
    ]
    return "\n".join(lines) + "\n"


def _go(*arguments: str, folder: Path = MODULES) -> str:
    done = subprocess.run(
        ["go", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout
