"""The peer of `admission`: kopf's own webhook server and its own way of making a patch.

Its handler does nothing but copy a result that was made beforehand; the rest is the framework's.
Run as `python kopf_webhook.py CERT KEY`; prints its port.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import jsonpatch  # type: ignore[import-untyped]  # kopf's own
import kopf
from kopf._cogs.structs.ephemera import Memo
from kopf._cogs.structs.references import Insights, Resource
from kopf._core.engines.admission import serve_admission_request
from kopf._core.engines.indexing import OperatorIndexers
from kopf._core.reactor.inventory import ResourceMemories

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.decide import pod, review
from netvsc.model.pool import BUILT_IN
from netvsc_operator.admission import answer
from netvsc_operator.admission.sidecar_image import SidecarImage


def wanted() -> dict[str, Any]:
    """Return the pod as it should be."""
    answered = answer(
        review(), pools={BUILT_IN.resource: BUILT_IN}, sidecar_image=SidecarImage(image="fdpipe:1")
    )
    response: Any = answered.review["response"]
    steps = json.loads(base64.b64decode(response["patch"]))
    found: dict[str, Any] = jsonpatch.apply_patch(pod(), steps)
    return found


async def main(certificate: str, key: str) -> None:
    registry, target = kopf.OperatorRegistry(), wanted()

    @kopf.on.mutate("pods", id="mutate", operations=["CREATE"], registry=registry)  # type: ignore[arg-type]
    async def handle(patch: kopf.Patch, **_: object) -> None:
        patch["metadata"] = {key: target["metadata"][key] for key in ("labels", "annotations")}
        patch["spec"] = {
            key: target["spec"][key] for key in ("containers", "initContainers", "volumes")
        }

    pods = Resource(
        group="", version="v1", plural="pods", kind="Pod", namespaced=True, preferred=True
    )
    serve = partial(
        serve_admission_request,
        settings=kopf.OperatorSettings(),
        memories=ResourceMemories(),
        memobase=Memo(),
        registry=registry,
        insights=Insights(webhook_resources={pods}),
        indices=OperatorIndexers().indices,
    )
    server = kopf.WebhookServer(
        addr="127.0.0.1", host="127.0.0.1", certfile=certificate, pkeyfile=key
    )
    async for client in server(serve):  # type: ignore[arg-type]
        print(client["url"].rpartition(":")[2], flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
