"""The CustomResourceDefinitions, as they lie in this package, and `netvsc-operator crds`.

Helm installs CRDs once and never again; this applies them at each upgrade, and waits until the
apiserver serves them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from contextlib import aclosing
from importlib import resources
from pathlib import Path

import yaml

from netvsc.errors import NetvscError, RetryError
from netvsc_operator.kube import CRDS, Kube, Listed, Patch, Removed, Watch, config_loader
from netvsc_operator.objects import Object, Scope

_SERVED_WITHIN_S = 60.0


def texts() -> list[str]:
    """Return the definitions as they are written, in the order of their names."""
    folder = resources.files("netvsc_operator") / "crds"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    return [file.read_text() for file in files]


def definitions() -> list[Object]:
    return [yaml.safe_load(text) for text in texts()]


def main(argv: Sequence[str]) -> int:
    """Apply or print; returns 0, 1 for what the apiserver refused, 2 for usage."""
    arguments = _parser().parse_args(argv)
    if arguments.print:
        sys.stdout.write("---\n".join(texts()))
        return 0
    try:
        asyncio.run(_apply(arguments.kubeconfig))
    except NetvscError as error:
        sys.stderr.write(f"netvsc-operator crds: {error}\n")
        return 1
    return 0


async def _apply(kubeconfig: Path | None) -> None:
    async with Kube(config_loader(kubeconfig)) as kube:
        await apply(kube)


async def apply(kube: Kube) -> None:
    """Bring the definitions up to ours; raises ApiError or RetryError."""
    for definition in definitions():
        name = definition["metadata"]["name"]
        # By force: Helm or kubectl may have made them first, and this is a newer version of both.
        await kube.patch(CRDS, name, definition, how=Patch.APPLY, force=True)
        try:
            await asyncio.wait_for(_served(kube, name), timeout=_SERVED_WITHIN_S)
        except TimeoutError:
            raise RetryError(
                f"{name} is not served after {_SERVED_WITHIN_S:.0f} s: see its conditions with "
                f"`kubectl describe crd {name}`"
            ) from None


async def _served(kube: Kube, name: str) -> None:
    watch = Watch(kube, CRDS, Scope(fields=f"metadata.name={name}"))
    async with aclosing(watch.events()) as events:
        async for event in events:
            found = event.objects if isinstance(event, Listed) else (event.object,)
            if not isinstance(event, Removed) and any(map(_established, found)):
                return


def _established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []  # null at first
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netvsc-operator crds",
        description="Applies the CustomResourceDefinitions of NetvscPool and NetvscNode.",
    )
    parser.add_argument("--print", action="store_true", help="write them to stdout as YAML")
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="(default: the pod's own)")
    return parser
