"""How things stood at a moment, to count on from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.chaos.telling import Counted
from cluster.harness import addresses
from cluster.harness.wait import until

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from cluster.chaos.host import Host
    from cluster.chaos.seen import Snapshot
    from cluster.harness import Cluster

_TOLD = "netvsc.io/told"
_LEVEL_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Counters by the id of a pair: NetvscNode's of revocations and returns, the host's own."""

    revocations: Mapping[str, int]
    returns: Mapping[str, int]
    revoked: Mapping[str, int]

    @classmethod
    def of(cls, seen: Snapshot, host: Host) -> Since:
        return cls(
            revocations={id_: one.revocations for id_, one in seen.pairs.items()},
            returns={id_: one.returns for id_, one in seen.pairs.items()},
            revoked=dict(host.revoked),
        )

    def counted(self, seen: Snapshot, host: Host, *, exact: Collection[str]) -> list[Counted]:
        return [
            Counted(
                id=id_,
                revocations=one.revocations - self.revocations.get(id_, 0),
                returns=one.returns - self.returns.get(id_, 0),
                revoked=host.revoked[id_] - self.revoked.get(id_, 0),
                exact=id_ in exact,
            )
            for id_, one in seen.pairs.items()
        ]


def wait_level(cluster: Cluster) -> None:
    """Until the controller has told all that the agent counted."""
    until(lambda: _level(cluster), what="everything to be told", seconds=_LEVEL_S, pause=0.2)


def _level(cluster: Cluster) -> bool:
    node = cluster.get("netvscnode", addresses.NODE)
    text = node["metadata"].get("annotations", {}).get(_TOLD, "{}")
    told = json.loads(text).get("pairs", {})
    counted = node.get("status", {}).get("pairs", [])
    return all(
        told.get(one["id"], {}).get(mine, 0) == one.get(theirs, 0)
        for one in counted
        for mine, theirs in (("revoked", "revocations"), ("returned", "returns"))
    )
