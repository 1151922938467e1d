"""The YAML of the pages as what it stands for: whole objects, a pod's containers, a pool file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from docs_check.blocks import ROOT, all_blocks
from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission.sidecar_image import SidecarImage
from netvsc_operator.explain.command import explain
from netvsc_operator.explain.manifests import pods_in
from netvsc_operator.pools.netvscpool import pool_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from docs_check.blocks import Block
    from netvsc.model.pool import Pool

Object = dict[str, Any]
KINDS = ("yaml", "yaml refused", "yaml values")
EXAMPLES = sorted((ROOT / "manifests/examples").glob("*.yaml"))
EXAMPLES.append(ROOT / "tests/cluster/pair-pod.yaml")


def documents(text: str) -> list[Object]:
    return [found for found in yaml.safe_load_all(text) if found]


def objects(block: Block) -> list[Object]:
    """A block's Kubernetes objects, a list of containers made a pod; none for what is no object."""
    found = documents(block.text)
    if block.kind == "yaml values" or any("pools" in one for one in found):
        return []
    return [_whole(one) for one in found]


def _whole(document: Object) -> Object:
    if "apiVersion" in document:
        return document
    if document.keys() <= {"metadata", "spec", "containers"} and _spec(document).get("containers"):
        spec = {**_spec(document), "containers": [_named(one) for one in document["containers"]]}
        metadata = {"name": "page", **document.get("metadata", {})}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    raise AssertionError(f"neither an object, nor containers, nor pools: {sorted(document)}")


def _spec(document: Object) -> Object:
    spec: Object = document.get("spec", {})
    return {"containers": document["containers"], **spec} if "containers" in document else spec


def _named(container: Object) -> Object:
    """A page may leave out what every reader knows to fill in."""
    return {"image": "example.org/dpdk:22.11", **container}


def wanted() -> list[Object]:
    """Every object that a page or an example tells the reader to apply."""
    pages = [made for block in all_blocks("yaml") for made in objects(block)]
    return [*pages, *(made for file in EXAMPLES for made in documents(file.read_text()))]


def pools(several: list[Object]) -> Mapping[str, Pool]:
    """By resource, those of NetvscPools and the one that is there by itself."""
    own = [pool_of(one) for one in several if one["kind"] == "NetvscPool"]
    return {pool.resource: pool for pool in (BUILT_IN, *own)}


def verdicts(several: list[Object]) -> list[str]:
    """What `netvsc explain` says of each of these that makes pods."""
    known = pools(several)
    return [
        explain(manifest, pools=known, sidecar_image=SidecarImage(image="i")).verdict
        for manifest in pods_in(several)
    ]
