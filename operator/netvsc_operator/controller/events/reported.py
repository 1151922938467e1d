"""What was reported of a node, kept as an annotation of its NetvscNode.

So whoever reads the object knows both what is and what was reported: a controller that was away
finds the difference, and one that was killed finds where it was. The agent never writes metadata.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from netvsc.encoding.serialize import from_plain, to_plain
from netvsc.errors import ConfigError

log = logging.getLogger(__name__)

ANNOTATION = "netvsc.io/told"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairReported:
    """Of one pair: the counters up to which was reported, the VF in it, the state of the loop.

    `repeated` is the last order of spec.announce that was reported. `tries` are the orders of this
    outage, `escalated` that they were in vain.
    """

    revoked: int = 0
    returned: int = 0
    pci: str | None = None
    driver: str | None = None
    mismatch: str | None = None
    repeated: int = 0
    tries: int = 0
    escalated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PodReported:
    """Of one pod: what makes it another one, and the manual order that was carried out."""

    uid: str
    sidecar: bool = False
    reannounce: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """`pods` are by namespace/name."""

    pairs: Mapping[str, PairReported] = field(default_factory=dict)
    pods: Mapping[str, PodReported] = field(default_factory=dict)

    def pair(self, pair_id: str) -> PairReported:
        """Return what was reported of a pair: nothing, if it is new, since counters start at 0."""
        return self.pairs.get(pair_id, _NEW)


_NEW = PairReported()
NOTHING = Reported()


def read(text: str | None, *, node: str) -> Reported:
    """Read the annotation; one that somebody broke is as good as none."""
    if not text:
        return NOTHING
    try:
        return from_plain(Reported, json.loads(text))
    except (ValueError, ConfigError) as error:
        log.warning(
            "NetvscNode %s: annotation %s: %s; nothing counts as reported", node, ANNOTATION, error
        )
        return NOTHING


def write(reported: Reported) -> str:
    return json.dumps(to_plain(reported), separators=(",", ":"), sort_keys=True)
