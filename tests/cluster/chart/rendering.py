"""The chart as text: rendered by helm, into `manifests/` and into the chart's table of values.

    PYTHONPATH=tests python -m cluster.chart.rendering

A test holds both against what this would write.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from cluster.harness import build, project
from cluster.harness.errors import ClusterError
from cluster.harness.layout import layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHART = project.ROOT / "charts/netvsc-operator"
README = CHART / "README.md"
MANIFEST = project.ROOT / "manifests/netvsc-operator.yaml"
NAMESPACE = "netvsc-system"
_TABLE = "<!-- values -->"
_HEAD = f"""\
# The chart as plain YAML, with its default values, for clusters without Helm.
#   kubectl create namespace {NAMESPACE}
#   kubectl apply --server-side -f netvsc-operator.yaml
# Before it is deleted every node must leave the runtime's chain: see README.md beside this file.
"""
_OLDEST = "1.30.0"


def helm(*arguments: str, values: Mapping[str, Any] | None = None) -> str:
    """Run helm on the chart, without a cluster; raises ClusterError with what it said."""
    here = layout("rendering")
    build.everything(here)
    done = subprocess.run(
        [str(here.tools / "helm"), *arguments, "--values", "-"],
        check=False,
        capture_output=True,
        text=True,
        input=json.dumps(values or {}),
    )
    if done.returncode:
        raise ClusterError(f"helm {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return done.stdout


def rendered(values: Mapping[str, Any] | None = None, *more: str) -> str:
    where = ("--namespace", NAMESPACE, "--kube-version", _OLDEST)
    return helm("template", "netvsc", str(CHART), *where, *more, values=values)


def objects(text: str) -> list[dict[str, Any]]:
    return [found for found in yaml.safe_load_all(text) if found]


def manifest() -> str:
    """Hooks are Helm's: what they do is written down in manifests/README.md."""
    return _HEAD + rendered(None, "--include-crds", "--no-hooks")


def values() -> Any:
    return yaml.safe_load((CHART / "values.yaml").read_text())


def schema() -> Any:
    return json.loads((CHART / "values.schema.json").read_text())


def leaves(part: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value that the schema describes, by its path."""
    for name, inner in part.get("properties", {}).items():
        if "properties" in inner:
            yield from leaves(inner, (*path, name))
        elif (*path, name) != ("global",):
            yield (*path, name), inner


def at(path: tuple[str, ...]) -> Any:
    found = values()
    for name in path:
        found = found[name]
    return found


def table() -> str:
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, told in leaves(schema()):
        default = json.dumps(at(path))
        rows.append(f"| `{'.'.join(path)}` | `{default}` | {told['description']} |")
    return "\n".join(rows) + "\n"


def readme() -> str:
    """The chart's README with the table as it should be."""
    before, _, rest = README.read_text().partition(f"{_TABLE}\n")
    _, _, after = rest.partition(_TABLE)
    return f"{before}{_TABLE}\n{table()}{_TABLE}{after}"


def main() -> None:
    MANIFEST.write_text(manifest())
    README.write_text(readme())


if __name__ == "__main__":
    main()
