"""`netvsc explain`: what a manifest's pods would get, and why; no cluster is asked."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netvsc.errors import ConfigError, RequestError
from netvsc.model.pool import BUILT_IN, Pool
from netvsc_operator.admission.findings import reasons, warnings
from netvsc_operator.admission.patch import operations
from netvsc_operator.admission.plan import Plan, decide
from netvsc_operator.admission.review import PodRefusedError
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.explain.apply_patch import apply
from netvsc_operator.explain.manifests import Manifest, objects_in, pods_in, pools_in, written

DONE, REFUSED, USAGE = 0, 1, 2
_IMAGE = "netvsc-fdpipe"  # which one it is the operator's own arguments say


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What becomes of one manifest; `verdict` sums it up."""

    verdict: str
    reasons: Sequence[str]
    warnings: Sequence[str] = ()
    diff: Sequence[str] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f", "--filename", required=True, metavar="FILE", help="manifests in YAML; - reads stdin"
    )
    parser.add_argument(
        "--pool",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="NetvscPools, or a pool file (repeatable; default: one pool, `pair`)",
    )
    parser.add_argument("--image", default=_IMAGE, help="the sidecar's image (%(default)s)")


def run(arguments: argparse.Namespace) -> int:
    """Print what each pod gets; returns 0, 1 if one is refused, 2 if there is no manifest."""
    try:
        pools = _pools(arguments.pool)
        manifests = _manifests(arguments.filename)
    except RequestError as error:
        print(f"netvsc explain: {error}", file=sys.stderr)
        return USAGE
    sidecar_image = SidecarImage(image=arguments.image)
    explained = [
        explain(manifest, pools=pools, sidecar_image=sidecar_image) for manifest in manifests
    ]
    for manifest, one in zip(manifests, explained, strict=True):
        print("\n".join(_lines(manifest.name, one)))
    return REFUSED if any(one.verdict == "refused" for one in explained) else DONE


def explain(
    manifest: Manifest, *, pools: Mapping[str, Pool], sidecar_image: SidecarImage
) -> Explanation:
    try:
        plan = decide(manifest.pod, pools=pools)
        if not isinstance(plan, Plan):
            return Explanation(verdict="left alone", reasons=[plan.reason])
        patch = operations(manifest.pod, plan, sidecar_image=sidecar_image)
    except PodRefusedError as error:
        return Explanation(verdict="refused", reasons=error.reasons)
    except RequestError as error:
        return Explanation(verdict="refused", reasons=[str(error)])
    after = manifest.changed(lambda pod: apply(patch, pod))
    return Explanation(
        verdict="injected" if plan.announced else "changed" if patch else "left alone",
        reasons=reasons(manifest.pod, plan),
        warnings=warnings(manifest.pod, plan),
        diff=list(_diff(manifest, written(after))),
    )


def _diff(manifest: Manifest, after: Sequence[str]) -> Iterator[str]:
    before, name = written(manifest.whole), manifest.name
    return difflib.unified_diff(before, after, name, f"{name}, injected", lineterm="")


def _lines(name: str, one: Explanation) -> Iterator[str]:
    yield f"{name}: {one.verdict}"
    yield from (f"  - {reason}" for reason in one.reasons)
    yield from (f"  warning: {warning}" for warning in one.warnings)
    if one.diff:
        yield ""
        yield from one.diff
    yield ""


def _pools(files: Sequence[Path]) -> Mapping[str, Pool]:
    found: dict[str, Pool] = {}
    for file in files:
        for pool in _pools_of(file):
            if pool.resource in found:
                raise ConfigError(
                    f"{file}: {pool.resource} is pool {found[pool.resource].name}'s already: give "
                    "each pool its own"
                )
            found[pool.resource] = pool
    return found or {BUILT_IN.resource: BUILT_IN}


def _pools_of(file: Path) -> Sequence[Pool]:
    try:
        return pools_in(_read(str(file)))
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from None


def _manifests(name: str) -> Sequence[Manifest]:
    try:
        found = pods_in(objects_in(_read(name)))
    except ConfigError:
        raise
    except RequestError as error:
        raise RequestError(f"{name}: {error}") from None
    if not found:
        raise RequestError(
            f"{name}: no pod in it: give a Pod, or what makes pods, such as a Deployment"
        )
    return found


def _read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text()
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}; name a YAML file") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: is not UTF-8 text; name a YAML file") from None
