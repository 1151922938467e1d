"""NetvscNodes and NetvscPools as the apiserver has them, whoever wrote them."""

from __future__ import annotations

import json

from fuzz.engine import Target
from fuzz.mutate import structured
from fuzz.targets import strict
from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import RequestError
from netvsc.model.status import NodeStatus
from netvsc_deviceplugin.netvscnode.counts import PairCounts
from netvsc_deviceplugin.netvscnode.spec import AcceptedSpec, accept


def spec(data: bytes) -> None:
    """A spec is accepted, or refused with a reason while the last good pools stay."""
    try:
        asked = json.loads(data)
    except (ValueError, RecursionError):
        return
    before = AcceptedSpec(generation=1, spec={"pools": [{"name": "pair"}]})
    found = accept(2, asked, before)
    assert found.generation == 2
    if found.refusal is not None:
        assert found.refusal
        return
    again = accept(2, found.spec, before)
    assert (again.pools, again.announce, again.foreign) == (
        found.pools,
        found.announce,
        found.foreign,
    )


def status(data: bytes) -> None:
    """A status is read as it was written, or refused; an agent counts on from what it reads."""
    try:
        told = json.loads(data)
        found = from_plain(NodeStatus, told)
        tally = PairCounts()
        tally.restore(found, {"2946240": 3})
    except (ValueError, RecursionError, RequestError):
        return
    plain = to_plain(found)
    strict.loads(json.dumps(plain))
    assert from_plain(NodeStatus, plain) == found
    tally.within_a_day(1.7e9)


TARGETS = (
    Target(name="nodespec", check=spec, mutate=structured),
    Target(name="nodestatus", check=status, mutate=structured),
)
